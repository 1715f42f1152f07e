import { Label, type LabelProps } from '@patternfly/react-core';
import type { SignerState } from '../../admin/schemas/resources.ts';
import { strings } from '../strings.ts';

type Status = NonNullable<LabelProps['status']>;
export type Verdict = 'verified' | 'violated' | 'faulted';
export type Mode = 'Enforce' | 'Warn' | 'Audit';

const VERDICTS: Readonly<Record<Verdict, Status>> = {
  verified: 'success',
  violated: 'danger',
  faulted: 'warning',
};

export function VerdictLabel({ verdict }: { readonly verdict: Verdict }) {
  return (
    <Label status={VERDICTS[verdict]} isCompact>
      {strings.verdicts[verdict]}
    </Label>
  );
}

export function DecisionLabel({ isAdmitted }: { readonly isAdmitted: boolean }) {
  return (
    <Label color={isAdmitted ? 'green' : 'red'} variant="outline" isCompact>
      {isAdmitted ? strings.decisions.admitted : strings.decisions.denied}
    </Label>
  );
}

const MODES = { Enforce: 'blue', Warn: 'orange', Audit: 'grey' } as const;

export function ModeLabel({ mode }: { readonly mode: Mode }) {
  return (
    <Label color={MODES[mode]} isCompact>
      {strings.modes[mode].name}
    </Label>
  );
}

const SIGNER_STATES: Readonly<Record<SignerState, Pick<LabelProps, 'status' | 'color' | 'variant'>>> = {
  active: { status: 'success' },
  disabled: { color: 'grey' },
  expired: { status: 'danger' },
  expiring: { status: 'warning' },
  retired: { color: 'purple' },
  unavailable: { status: 'warning', variant: 'outline' },
  invalid: { status: 'danger', variant: 'outline' },
};

export function SignerStateLabel({ state }: { readonly state: SignerState }) {
  return (
    <Label {...SIGNER_STATES[state]} isCompact>
      {strings.signers.states[state]}
    </Label>
  );
}

const SIMPLE_STATES: Readonly<Record<string, Pick<LabelProps, 'status' | 'color'>>> = {
  known: { status: 'success' },
  active: { status: 'success' },
  expired: { color: 'grey' },
  unavailable: { status: 'warning' },
  invalid: { status: 'danger' },
};

export function StateLabel({ state, children }: { readonly state: string; readonly children: string }) {
  return (
    <Label {...(SIMPLE_STATES[state] ?? { color: 'grey' })} isCompact>
      {children}
    </Label>
  );
}
