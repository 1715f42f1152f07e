import { FormSection, List, ListItem } from '@patternfly/react-core';
import { listAt, textAt } from '../shared/values.ts';
import { strings } from '../strings.ts';
import type { FormPart } from './form-part.ts';

const text = strings.policies.fields;

/** Which statements must be there: shown here, edited in the YAML. */
export function AttestationsSection({ value, problems }: FormPart) {
  const attestations = listAt(value, 'spec', 'attestations');
  return (
    <FormSection title={text.attestations} titleElement="h2">
      {attestations.length === 0 ? (
        <p className="cs-quiet">{text.attestationsNone}</p>
      ) : (
        <>
          <List className="cs-wrap">
            {attestations.map((attestation, index) => (
              <ListItem key={index}>
                {text.attestation(
                  textAt(attestation, 'predicateType') ?? '',
                  listAt(attestation, 'signers').length,
                  listAt(attestation, 'conditions').length,
                )}
              </ListItem>
            ))}
          </List>
          <p className="cs-quiet">{text.attestationsNote}</p>
        </>
      )}
      {problems(['spec', 'attestations']).map((problem) => (
        <p key={problem} role="alert" className="cs-wrap">
          {problem}
        </p>
      ))}
    </FormSection>
  );
}
