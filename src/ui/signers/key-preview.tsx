import {
  Alert,
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
} from '@patternfly/react-core';
import type { KeyAnswer } from '../../admin/schemas/keys.ts';
import { formatTime } from '../format/time.ts';
import { strings } from '../strings.ts';

const text = strings.signers;

/** What a key is, so that somebody can compare it with what they were told. */
export function KeyPreview({ keys }: Pick<KeyAnswer, 'keys'>) {
  return (
    <Alert component="h2" isInline variant="success" title={text.form.resolved}>
      <div className="cs-stack">
        {keys.map(({ fingerprint, algorithm, certificate }) => (
          <DescriptionList key={fingerprint} isCompact isHorizontal>
            <Entry term={text.algorithm} value={algorithm} />
            <Entry term={text.fingerprint} value={fingerprint} isCode />
            {certificate !== undefined && (
              <Entry
                term={text.form.subject}
                value={`${certificate.subject} (${[certificate.notBefore, certificate.notAfter]
                  .map((time) => formatTime(time, 'date', 0))
                  .join(' – ')})`}
              />
            )}
          </DescriptionList>
        ))}
      </div>
    </Alert>
  );
}

function Entry({
  term,
  value,
  isCode = false,
}: {
  readonly term: string;
  readonly value: string;
  readonly isCode?: boolean;
}) {
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{term}</DescriptionListTerm>
      <DescriptionListDescription className={`cs-wrap ${isCode ? 'cs-code' : ''}`}>
        {value}
      </DescriptionListDescription>
    </DescriptionListGroup>
  );
}
