import { storedText } from '../history/stored-text.ts';
import type { Decision, ImageVerdicts } from '../policy/decision.ts';
import type { Verdict } from '../policy/verdict.ts';
import { isoTime } from './history-entry.ts';
import type { LiveDecision } from './schemas/history.ts';
import { policyName } from './verify-result.ts';

/** One server-sent event, ready to be written. */
export interface LiveEvent {
  /** Undefined = nobody can go on from it. */
  readonly id: string | undefined;
  /** That it is about; undefined = everybody may know. */
  readonly namespace: string | undefined;
  readonly text: string;
}

/** A Pod has a handful of images; what somebody else writes by the hundred is not shown whole. */
const MAX_IMAGES = 20;
const NAME_CHARS = 256;
const IMAGE_CHARS = 512;

export interface Occasion {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly milliseconds: number;
}

/** `event: decision`. JSON has no line breaks, so one line holds it. */
export function formatDecision(decision: Decision, { id, time, milliseconds }: Occasion): LiveEvent {
  const data = JSON.stringify(liveDecision(decision, time, milliseconds));
  const { namespace } = decision.object;
  return { id, namespace, text: `id: ${id}\nevent: decision\ndata: ${data}\n\n` };
}

/** `event: dropped`. @param events undefined = nobody knows how many */
export function droppedText(events: number | undefined): string {
  return `event: dropped\ndata: ${JSON.stringify({ events: events ?? null })}\n\n`;
}

function liveDecision(decision: Decision, time: number, milliseconds: number): LiveDecision {
  const { uid, allowed, dryRun, object, user, operation, message, images } = decision;
  const worstFirst = images.map(worstOf).toSorted((a, b) => severity(a.verdict) - severity(b.verdict));
  return {
    time: isoTime(time),
    uid: storedText(uid, NAME_CHARS),
    allowed,
    dryRun,
    namespace: storedText(object.namespace, NAME_CHARS),
    kind: storedText(object.kind, NAME_CHARS),
    name: storedText(object.name, NAME_CHARS),
    user: storedText(user, NAME_CHARS),
    operation: storedText(operation, NAME_CHARS),
    latencyMilliseconds: Math.round(milliseconds * 1000) / 1000,
    images: worstFirst.slice(0, MAX_IMAGES).map(imageOf),
    ...(message !== '' && { message: storedText(message.split('\n', 1)[0] ?? '', IMAGE_CHARS) }),
  };
}

interface Worst {
  readonly image: string;
  /** Undefined where no policy is about the image. */
  readonly verdict: Verdict | undefined;
}

function worstOf({ image, verdicts }: ImageVerdicts): Worst {
  const [verdict] = verdicts.toSorted((a, b) => severity(a) - severity(b));
  return { image, verdict };
}

/** What denies comes before what could have. */
function severity(verdict: Verdict | undefined): number {
  if (verdict === undefined || verdict.outcome.kind === 'verified') return 9;
  const denies = verdict.mode === 'Enforce' && verdict.exception === undefined;
  return (denies ? 0 : 2) + (verdict.outcome.kind === 'violated' ? 0 : 1);
}

function imageOf({ image, verdict }: Worst): LiveDecision['images'][number] {
  const shown = storedText(image, IMAGE_CHARS);
  if (verdict === undefined) return { image: shown, verdict: 'verified' };
  const { policy, outcome } = verdict;
  const name = policyName(policy);
  const common = {
    image: shown,
    verdict: outcome.kind,
    ...(name !== undefined && { policy: storedText(name, NAME_CHARS * 2) }),
  };
  switch (outcome.kind) {
    case 'violated':
      return { ...common, code: outcome.violations[0].code };
    case 'faulted':
      return { ...common, code: outcome.faults[0].code };
    case 'verified': {
      const [signer] = outcome.signers;
      return {
        ...common,
        ...(signer !== undefined && { signer: storedText(signer.identity, IMAGE_CHARS) }),
        ...(outcome.provenance !== undefined && { slsaLevel: outcome.provenance.level }),
      };
    }
  }
}
