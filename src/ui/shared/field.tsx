import { FormGroup, FormHelperText, HelperText, HelperTextItem } from '@patternfly/react-core';
import { useId, type ReactNode } from 'react';

/** What ties a control to its label, help and problems. */
export interface ControlProps {
  readonly id: string;
  readonly validated: 'default' | 'error';
  readonly 'aria-describedby': string;
  readonly 'aria-invalid': boolean;
}

/** One control of a form with its label, what it is for, and what is wrong with it. */
export function Field({
  label,
  help,
  problems = [],
  isRequired = false,
  children,
}: {
  readonly label: string;
  readonly help?: string | undefined;
  readonly problems?: readonly string[];
  readonly isRequired?: boolean;
  readonly children: (control: ControlProps) => ReactNode;
}) {
  const id = useId();
  const describedBy = `${id}-help`;
  const isWrong = problems.length > 0;
  return (
    <FormGroup label={label} fieldId={id} isRequired={isRequired}>
      {children({
        id,
        validated: isWrong ? 'error' : 'default',
        'aria-describedby': describedBy,
        'aria-invalid': isWrong,
      })}
      {(isWrong || help !== undefined) && (
        <FormHelperText>
          <HelperText id={describedBy} isLiveRegion>
            {problems.map((problem) => (
              <HelperTextItem key={problem} variant="error" className="cs-wrap">
                {problem}
              </HelperTextItem>
            ))}
            {!isWrong && <HelperTextItem className="cs-wrap">{help}</HelperTextItem>}
          </HelperText>
        </FormHelperText>
      )}
    </FormGroup>
  );
}
