import { randomUUID } from 'node:crypto';
import { Admission } from '../../src/admission/admission.ts';
import type { AssessDependencies } from '../../src/admission/assess.ts';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import type { DecisionObserver, ImageSource } from '../../src/admission/ports.ts';
import type { AccessQuestion, Caller } from '../../src/admin/caller.ts';
import { ApiProblem, type ProblemDocument } from '../../src/admin/problem.ts';
import { problemOf } from '../../src/admin/problem-of.ts';
import type { ApiAnswer, Route } from '../../src/admin/route.ts';
import type { AdmissionRequest } from '../../src/api/admission-review.ts';
import { readValue } from '../../src/api/field-problems.ts';
import { parseResource } from '../../src/api/resource.ts';
import { Fault } from '../../src/errors.ts';
import type { Decision } from '../../src/policy/decision.ts';
import type { NoMatch } from '../../src/policy/matching.ts';
import { compileSnapshot, type Snapshot } from '../../src/policy/snapshot.ts';
import { parseTrustRoot, PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import { Artifacts } from '../registry/artifacts.ts';
import type { EvilRegistry } from '../registry/evil-registry.ts';
import { evilRegistry, imageSource } from '../registry/sources.ts';
import { createSigstore, type StatementOptions } from '../support/fixtures.ts';
import { staticTrust } from '../support/trust.ts';
import { largeEvidence } from '../support/large-evidence.ts';

/** What the questions of the API are asked of: real signatures in a registry that speaks HTTP, and policies that a test writes. */
export const sigstore = createSigstore();
const root = parseTrustRoot(JSON.parse(sigstore.trustedRootJson), PUBLIC_GOOD);
export const material = staticTrust(new Map([['public-good', root]])).material();

export function document(kind: string, name: string, spec: object, namespace?: string): object {
  return { apiVersion: 'countersign.dev/v1alpha1', kind, metadata: { name, namespace }, spec };
}

export class Ground {
  readonly registry: EvilRegistry;
  readonly images: ImageSource;
  readonly unhurried: ImageSource;
  readonly facts = new FactCache();
  readonly statements = new StatementCache();
  readonly large = largeEvidence();
  readonly defects: Error[] = [];
  documents: readonly object[] = [];
  noMatch: NoMatch = 'DenyInGovernedNamespaces';
  labels: Readonly<Record<string, string>> | Fault = {};
  snapshotFault: Fault | undefined;
  now: () => number = Date.now;

  private constructor(registry: EvilRegistry) {
    this.registry = registry;
    const source = imageSource([registry]);
    this.images = source;
    this.unhurried = source.unhurried;
  }

  static async open(): Promise<Ground> {
    return new Ground(await evilRegistry());
  }

  resources() {
    return this.documents.map(parseResource);
  }

  snapshot(): Snapshot {
    if (this.snapshotFault !== undefined) throw this.snapshotFault;
    return compileSnapshot({ number: 7, resources: this.resources(), material });
  }

  dependencies(): AssessDependencies {
    return {
      images: this.unhurried,
      facts: this.facts,
      statements: this.statements,
      large: this.large,
      snapshots: { current: () => this.snapshot() },
      namespaces: {
        labels: async (namespace) => {
          if (this.labels instanceof Fault) throw this.labels;
          return { 'kubernetes.io/metadata.name': namespace, ...this.labels };
        },
      },
      noMatch: this.noMatch,
      now: () => this.now(),
      onDefect: (error) => void this.defects.push(error),
    };
  }

  /** A repository with one image, tagged v1. */
  image(repository: string): Image {
    return new Image(this.registry, repository);
  }

  /** What the webhook says to a Deployment with this image. */
  review(image: string, namespace: string): Promise<Decision> {
    const admission = new Admission({
      ...this.dependencies(),
      images: this.images,
      knowsWhoAsks: true,
      monotonic: () => performance.now(),
      observer: { decided: () => undefined },
      onDefect: (error) => void this.defects.push(error),
    });
    return admission.validate(reviewOf(image, namespace), AbortSignal.timeout(60_000));
  }
}

/** One image in a registry, and what is found beside it. */
export class Image {
  readonly name: string;
  readonly digest: string;
  readonly #artifacts: Artifacts;
  readonly #bundles: unknown[] = [];

  constructor(registry: EvilRegistry, repository: string) {
    this.name = `${registry.host}/${repository}:v1`;
    this.#artifacts = new Artifacts(registry, repository);
    this.digest = this.#artifacts.image(repository);
    this.#artifacts.referrers(this.digest, []);
  }

  /** Signed with what every test trusts unless it says otherwise. */
  signed(options: Partial<StatementOptions> = {}): this {
    return this.attach(JSON.stringify(sigstore.signStatement({ digests: [this.digest], ...options })));
  }

  attach(bundle: string): this {
    this.#bundles.push(this.#artifacts.bundle(this.digest, bundle));
    this.#artifacts.referrers(this.digest, this.#bundles);
    return this;
  }
}

function reviewOf(image: string, namespace: string): AdmissionRequest {
  const kind = { group: 'apps', version: 'v1', kind: 'Deployment' };
  return {
    uid: randomUUID(),
    kind,
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    subResource: '',
    name: 'server',
    namespace,
    operation: 'CREATE',
    userInfo: { username: 'jane', groups: [] },
    object: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'server' },
      spec: { template: { metadata: {}, spec: { containers: [{ name: 'main', image }] } } },
    },
    oldObject: undefined,
    dryRun: false,
  } as unknown as AdmissionRequest;
}

/** Somebody with these rights: `create pods mcp`, `list verifications`; `*` = all. */
export function caller(name: string, ...rights: readonly string[]): Caller {
  const told = ({ verb, resource, namespace }: AccessQuestion) =>
    [verb, resource, namespace].filter((part) => part !== undefined).join(' ');
  return {
    name,
    token: `token-of-${name}`,
    may: async (question) => rights.includes('*') || rights.includes(told(question)),
  };
}

export const admin = caller('admin', '*');

/** One call of a route, with its parts read by the route's own schemas; a problem comes back as its document. */
export async function call(
  routes: readonly Route[],
  operation: string,
  parts: {
    readonly as?: Caller;
    readonly body?: unknown;
    readonly query?: object;
    readonly params?: object;
    readonly headers?: object;
    readonly signal?: AbortSignal;
  } = {},
): Promise<ApiAnswer | ProblemDocument> {
  const route = routes.find(({ operationId }) => operationId === operation);
  if (route === undefined) throw new Error(`no ${operation}`);
  const read = (schema: Route['params'] | NonNullable<Route['body']>['schema'], value: unknown): unknown => {
    if (schema === undefined) return undefined;
    const { value: output, problems } = readValue(schema, value, '');
    if (problems.length === 0) return output;
    throw new ApiProblem('INVALID', 'not of its schema', {
      errors: problems.map(({ field, message }) => ({ field, message })),
    });
  };
  try {
    const answer = await route.handle({
      params: read(route.params, parts.params ?? {}),
      query: read(route.query, parts.query ?? {}),
      headers: read(route.headers, parts.headers ?? {}),
      body: route.body === undefined ? undefined : read(route.body.schema, parts.body),
      caller: parts.as ?? admin,
      address: '127.0.0.1',
      signal: parts.signal ?? new AbortController().signal,
      session: undefined,
    });
    checkAnswer(route, answer);
    return answer;
  } catch (error) {
    const problem = problemOf(error);
    if (problem === undefined) throw error;
    return problem.document();
  }
}

/** What a route answers is what its description says. */
function checkAnswer(route: Route, answer: ApiAnswer): void {
  const described = route.answers[answer.status];
  if (described === undefined) throw new Error(`${route.operationId}: ${answer.status} is not described`);
  if ('stream' in answer || described.schema === undefined) return;
  const { problems } = readValue(described.schema, answer.body, '');
  if (problems.length > 0) throw new Error(`${route.operationId}: ${JSON.stringify(problems)}`);
}

/** The body of an answer that has one. */
export function bodyOf<T>(answer: ApiAnswer | ProblemDocument): T {
  if (!('body' in answer)) throw new Error(`no body: ${JSON.stringify(answer)}`);
  return answer.body as T;
}

/** Keeps what it is told. */
export class Kept implements DecisionObserver {
  readonly decisions: Decision[] = [];

  decided(decision: Decision): void {
    this.decisions.push(decision);
  }
}
