import { LRUCache } from 'lru-cache';
import { Fault } from '../errors.ts';
import { atMost } from '../limits.ts';
import { contentHash } from '../sigstore/read-evidence.ts';
import type { LargeEvidence } from '../sigstore/evidence.ts';
import type { TrustContext } from '../sigstore/verify.ts';
import type { Fact, FactCache } from './fact-cache.ts';
import { OneAtATime } from './one-at-a-time.ts';
import type { EvidenceReader } from './ports.ts';
import { answered, type StatementAnswer } from './statement-answer.ts';
import type { StatementCache } from './statement-cache.ts';
import type { AskStatement, StatementQuestion } from './statement-questions.ts';

/** Content that could not be read is not tried again for so many milliseconds: it may have ended the thread. */
const RESPITE = 60_000;
/** Contents that could not be read: a reference is kept, not the content. */
const MAX_UNREADABLE = 1000;

/** What somebody wants to know of large evidence. */
export interface LargeQuestion {
  readonly contexts: ReadonlyMap<string, TrustContext>;
  readonly ask: AskStatement;
  readonly facts: FactCache;
  readonly statements: StatementCache;
  /** Fetches and hashes the bytes. @throws Fault; Refusal */
  readonly content: () => Promise<Uint8Array>;
  readonly signal: AbortSignal;
}

type FactsByContext = ReadonlyMap<string, Fact>;

/**
 * Large evidence of all reviews: one piece at a time is fetched, verified and asked, so that no more than one is in memory. What is
 * learned is remembered as facts of its digest, so a piece is fetched again only for a new key, root or condition.
 */
export class LargeEvidenceDesk {
  readonly #reader: EvidenceReader;
  readonly #now: () => number;
  readonly #queue = new OneAtATime();
  readonly #unreadable = new LRUCache<string, { readonly fault: Fault; readonly until: number }>(
    atMost(MAX_UNREADABLE),
  );

  /** @param now milliseconds, ascending */
  constructor(reader: EvidenceReader, now: () => number = () => performance.now()) {
    this.#reader = reader;
    this.#now = now;
  }

  /**
   * The fact in every context; undefined when the deadline came first.
   * @throws Fault; Refusal for content that is not what its descriptor says
   */
  async facts(evidence: LargeEvidence, question: LargeQuestion): Promise<FactsByContext | undefined> {
    const known = knownFacts(evidence, question);
    if (known !== undefined) return known;
    return this.#queue.run(question.signal, async () => {
      // Another review may have asked the same while this one waited.
      const meanwhile = knownFacts(evidence, question);
      return meanwhile ?? this.#read(evidence, question);
    });
  }

  async #read(evidence: LargeEvidence, question: LargeQuestion): Promise<FactsByContext> {
    const key = contentHash(evidence);
    const unreadable = this.#unreadable.get(key);
    if (unreadable !== undefined && this.#now() < unreadable.until) throw unreadable.fault;
    const bytes = await question.content();
    try {
      return await this.#readBytes(evidence, bytes, question);
    } catch (error) {
      if (error instanceof Fault) {
        this.#unreadable.set(key, { fault: error, until: this.#now() + RESPITE });
      }
      throw error;
    }
  }

  async #readBytes(
    evidence: LargeEvidence,
    bytes: Uint8Array,
    { contexts, ask, facts: cache, statements }: LargeQuestion,
  ): Promise<FactsByContext> {
    const ids = [...contexts.keys()];
    const verified = await this.#reader.verify(evidence, bytes, [...contexts.values()]);
    const facts = new Map<string, Fact>();
    for (const [index, [id, context]] of [...contexts].entries()) {
      const fact = verified[index];
      if (fact === undefined) throw new Fault('INTERNAL', 'large evidence was verified in part only');
      cache.learned(evidence, context, fact);
      facts.set(id, fact);
    }
    const asked = new Map(ids.map((id) => [id, questionFor(facts.get(id), id, ask)] as const));
    const { answer: before, missing } = statements.known(evidence, together([...asked.values()]));
    let answer: StatementAnswer = before;
    if (missing !== undefined) {
      answer = statements.learned(evidence, before, await this.#reader.answer(evidence, missing));
    }
    return new Map([...facts].map(([id, fact]) => [id, withAnswer(fact, asked.get(id), answer)] as const));
  }
}

/** Undefined where something has to be read. */
function knownFacts(
  evidence: LargeEvidence,
  { contexts, ask, facts: cache, statements }: LargeQuestion,
): FactsByContext | undefined {
  const facts = new Map<string, Fact>();
  for (const [id, context] of contexts) {
    const fact = cache.known(evidence, context, undefined);
    if (fact === undefined) return undefined;
    const asked = questionFor(fact, id, ask);
    const { answer, missing } = statements.known(evidence, asked);
    if (missing !== undefined) return undefined;
    facts.set(id, withAnswer(fact, asked, answer));
  }
  return facts;
}

const NOTHING: StatementQuestion = { slsa: false, conditions: [] };

function questionFor(fact: Fact | undefined, contextId: string, ask: AskStatement): StatementQuestion {
  return fact === undefined || 'code' in fact ? NOTHING : ask(fact, contextId);
}

function withAnswer(fact: Fact, asked: StatementQuestion | undefined, answer: StatementAnswer): Fact {
  return 'code' in fact ? fact : answered(fact, asked ?? NOTHING, answer);
}

/** Each condition once. */
function together(questions: readonly StatementQuestion[]): StatementQuestion {
  const conditions = questions.flatMap((question) => question.conditions);
  return {
    slsa: questions.some(({ slsa }) => slsa),
    conditions: [...new Map(conditions.map((condition) => [condition.source, condition])).values()],
  };
}
