import { Fault, Refusal } from '../errors.ts';
import type { Endpoint } from './endpoint.ts';
import type { Answer } from './exchange.ts';
import type { Candidate, Keyring } from './keyring.ts';
import type { Question, RegistryClient } from './registry-client.ts';

/** One of the ways of signing in, ready to ask. */
interface Attempt extends Candidate {
  readonly client: RegistryClient;
}

/**
 * Asks a registry as one candidate after the other, until it does not refuse: as a kubelet does with its pull secrets.
 * One that was let in asks the next question first.
 */
export class SignedInRegistry {
  #attempts: readonly Attempt[];
  readonly #missing: readonly string[];
  #withPullSecret = false;
  readonly #first: RegistryClient;

  /** @param clientFor makes the client that signs in with a candidate's credential */
  constructor(keyring: Keyring, clientFor: (candidate: Candidate) => RegistryClient) {
    const [first, ...others] = keyring.candidates;
    this.#first = clientFor(first);
    this.#attempts = [
      { ...first, client: this.#first },
      ...others.map((candidate) => ({ ...candidate, client: clientFor(candidate) })),
    ];
    this.#missing = keyring.missing;
  }

  get host(): string {
    return this.#first.host;
  }

  get endpoint(): Endpoint {
    return this.#first.endpoint;
  }

  /** Whether a pull secret's credential was shown for anything that was answered so far. */
  get withPullSecret(): boolean {
    return this.#withPullSecret;
  }

  /** Like `RegistryClient.ask`. @throws the first candidate's refusal when all are refused */
  async ask(question: Question, others: readonly number[], signal: AbortSignal): Promise<Answer> {
    const refused = new Map<Attempt, Fault>();
    for (;;) {
      // Looked up each time: another question may have found out meanwhile which one is let in.
      const attempt = this.#attempts.find((each) => !refused.has(each));
      if (attempt === undefined) throw explained(refused, this.#missing);
      try {
        const answer = await attempt.client.ask(question, others, signal);
        // A refusal that the caller goes on from (HEAD answered 403) is no admission: the next question tries all credentials.
        if (answer.status !== 403) this.#letIn(attempt);
        return answer;
      } catch (error) {
        // What is wrong with the answer was learned from it; any other failure says nothing of who may ask.
        if (error instanceof Refusal) this.#letIn(attempt);
        if (!(error instanceof Fault) || error.code !== 'REGISTRY_AUTH') throw error;
        refused.set(attempt, error);
      }
    }
  }

  #letIn(attempt: Attempt): void {
    // A public image answers before anybody is asked who they are.
    if (attempt.isPullSecret && attempt.client.hasSignedIn) this.#withPullSecret = true;
    if (this.#attempts[0] !== attempt)
      this.#attempts = [attempt, ...this.#attempts.filter((each) => each !== attempt)];
  }
}

function explained(refused: ReadonlyMap<Attempt, Fault>, missing: readonly string[]): Fault {
  const [first] = refused.values();
  const fault = first ?? new Fault('INTERNAL', 'a registry was to be asked by nobody');
  const tried = [...refused.keys()].filter(({ credential }) => credential !== undefined).length;
  if (tried === 0 && missing.length === 0) return fault;
  const count = `${tried} credential${tried === 1 ? '' : 's'}`;
  const summary = tried === 0 ? [] : [`tried: ${count}, then anonymous access`];
  // What is known goes first: a message that grows too long is cut behind it.
  return new Fault(fault.code, [...missing, fault.message, ...summary].join('; '), { cause: fault });
}
