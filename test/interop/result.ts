import type { Change } from './changes.ts';
import type { Row } from './dimensions.ts';
import type { Outcome, Verdicts } from './trial.ts';

/** A row's result as docs/compatibility.md shows it. */
export interface Result {
  readonly kind: 'both' | 'own only' | 'tool only' | 'neither' | 'impossible';
  /** Countersign's code where it refuses. */
  readonly code: string | undefined;
  /** In the tool's words, where it refuses or does not sign. */
  readonly said: string | undefined;
  /** The tool was asked to write into another repository, and wrote beside the image. */
  readonly isBeside: boolean;
}

export function resultOf(outcome: Outcome): Result {
  if (outcome.kind === 'impossible') {
    return { kind: 'impossible', code: undefined, said: lastWords(outcome.said), isBeside: false };
  }
  const { good, isBeside } = outcome;
  const said = good.tool.accepted ? undefined : lastWords(good.tool.said);
  const { code } = good.own;
  if (good.own.verdict === 'verified') {
    return { kind: good.tool.accepted ? 'both' : 'own only', code, said, isBeside };
  }
  return { kind: good.tool.accepted ? 'tool only' : 'neither', code, said, isBeside };
}

/** What a tool said at last, without names that differ from run to run. */
function lastWords(said: string): string {
  const line = said.split('\n').find((each) => /^(?:Error|panic): /.test(each)) ?? 'nothing';
  return line
    .replace(/^Error: (?:signing \[[^\]]*\]: signing digest: )?/, '')
    .replace('signing bundle: error signing bundle: ', '')
    .replace(/,"details":\[\]/, '');
}

/** What Countersign says of each changed byte. */
export const CODES: Readonly<Record<Change, string>> = {
  payload: 'SIG_INVALID',
  signature: 'SIG_INVALID',
  certificate: 'CERT_INVALID',
  'log entry': 'TLOG_INVALID',
  'log promise': 'TLOG_INVALID',
  'log checkpoint': 'TLOG_INVALID',
  timestamp: 'TIME_UNTRUSTED',
};

/** The parts that evidence of a row must have, so that none is left out by mistake. */
export function partsOf({ tool, proof, signer, changes }: Row): readonly Change[] {
  const has: Readonly<Record<Change, boolean>> = {
    payload: true,
    signature: true,
    certificate: signer === 'keyless' || signer === 'certificate',
    'log entry': proof.log !== 'none',
    'log promise': proof.log === 'v1',
    'log checkpoint': proof.log !== 'none' && !tool.legacy,
    timestamp: proof.timestamp,
  };
  return changes.filter((change) => has[change]);
}

/**
 * sigstore-go makes the entry of Rekor v2 anew from the bundle, and proves that; the copy in the bundle it does not read, so it does not
 * notice a change there. Countersign reads the copy and refuses it.
 */
export function toolOverlooks(change: Change, { proof }: Row): boolean {
  return change === 'log entry' && proof.log === 'v2';
}

/** A changed byte and what became of it, for a comparison that shows all of them at once. */
export function describeBad(bad: ReadonlyMap<Change, Verdicts>, isToolHeard: boolean): readonly unknown[] {
  return [...bad].map(([change, { tool, own }]) => ({
    change,
    own: `${own.verdict} ${own.code}`,
    ...(isToolHeard && { tool: tool.accepted ? 'accepted' : 'refused' }),
  }));
}
