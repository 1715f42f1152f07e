import { Refusal } from '../errors.ts';
import type { ImageReference } from '../image/reference.ts';
import type { FaultReason } from '../policy/verdict.ts';
import type { LargeEvidence } from '../sigstore/evidence.ts';
import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
import type { TrustContext } from '../sigstore/verify.ts';
import type { Fact } from './fact-cache.ts';
import type { Question, Sources } from './gather-facts.ts';
import { faultOrThrow, faultReason, orAborted } from './port-answer.ts';
import type { ImageSource } from './ports.ts';
import type { AskStatement } from './statement-questions.ts';
import type { Turns } from './turns.ts';

/** What is asked about large evidence, and on whose behalf. */
export interface LargeAsking {
  /** Where evidence may be; undefined = where the image is. */
  readonly places: readonly (ImageReference | undefined)[];
  readonly contexts: ReadonlyMap<string, TrustContext>;
  readonly ask: AskStatement;
  readonly question: Question;
  readonly sources: Sources;
}

/** What is known of the digest so far. */
interface KnownSoFar {
  readonly byContext: ReadonlyMap<string, Fact[]>;
  readonly refused: RefusedEvidence[];
  readonly faults: FaultReason[];
}

/** Adds what large evidence is in every context, or why that cannot be learned. */
export async function addLarge(
  evidence: LargeEvidence,
  { places, contexts, ask, question, sources: { images, facts, statements, large } }: LargeAsking,
  { byContext, refused, faults }: KnownSoFar,
  turns: Turns,
): Promise<void> {
  const { signal } = question;
  const content = () => contentFrom(places, evidence, question, images);
  try {
    const learned = await large.facts(evidence, { contexts, ask, facts, statements, content, signal });
    if (learned === undefined) return turns.end();
    for (const [id, fact] of learned) byContext.get(id)?.push(fact);
  } catch (error) {
    if (error instanceof Refusal) {
      const { code, message: detail } = error;
      refused.push({ source: evidence.source, code, detail, claims: 'attestation', isUnread: true });
    } else faults.push(faultReason(faultOrThrow(error)));
  }
}

/** From the first place that has it; the failure of the last one is that of all. */
async function contentFrom(
  [signatureRepository, ...others]: LargeAsking['places'],
  evidence: LargeEvidence,
  question: Question,
  images: ImageSource,
): Promise<Uint8Array> {
  const { reference, puller, signal } = question;
  const options = { puller, signal, signatureRepository };
  try {
    return await orAborted(images.content(reference, evidence, options), reference, signal);
  } catch (error) {
    if (others.length === 0) throw error;
    return contentFrom(others, evidence, question, images);
  }
}
