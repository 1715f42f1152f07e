import type { Kind } from '../api/envelope.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { RootState } from '../policy/trust-material.ts';
import {
  DeskError,
  type Author,
  type DocumentName,
  type DraftDocument,
  type ResourceDesk,
  type StoredDocument,
  type WriteOptions,
  type Written,
} from '../store/resource-desk.ts';
import type { Caller } from './caller.ts';
import type { ChangeLog } from './change-log.ts';
import type { Inspections } from './inspections.ts';
import { ApiProblem } from './problem.ts';
import { secretsIn, withoutSecrets } from './redaction.ts';
import { builtInRoot, viewsOf, type Knowledge, type ResourceView } from './resource-views.ts';
import type { ApiAnswer } from './route.ts';

export interface ResourceOfficeOptions {
  readonly desk: ResourceDesk;
  /** The newest; undefined = none yet. Never throws. */
  readonly snapshot: () => Snapshot | undefined;
  /** Trust roots that exist without a document, by name. */
  readonly builtinRoots: () => ReadonlyMap<string, RootState>;
  /** When a TrustedSigner last vouched for an image; milliseconds since the epoch. */
  readonly lastUsed: (signer: string) => number | undefined;
  readonly changes: ChangeLog;
  readonly inspections: Inspections;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Who asks for a change, and how. */
export interface Order {
  readonly caller: Caller;
  readonly action: string;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

/** What is merged into a spec. */
export interface Change {
  readonly spec: Readonly<Record<string, unknown>>;
  /** Undefined = whatever is stored. */
  readonly version?: string | undefined;
  readonly isWeaker?: boolean;
}

interface Deed {
  /** May throw; returns whether what comes is weaker than what is stored. */
  readonly check?: () => boolean | undefined | Promise<boolean | undefined>;
  readonly act: (options: WriteOptions) => Promise<Written>;
  readonly location?: string;
}

/** Items of one list, and the characters of their specs: a TrustRoot may have a mebibyte. */
const MAX_ITEMS = 500;
const MAX_LIST_CHARS = 8 * 1024 * 1024;
/** Of so few whatever an answer needs is made at once. */
const FEW = 50;

/** Reads and changes documents for the routes of all kinds: the same answers, the same trail. */
export class ResourceOffice {
  readonly #options: ResourceOfficeOptions;

  constructor(options: ResourceOfficeOptions) {
    this.#options = options;
  }

  get now(): number {
    return this.#options.now();
  }

  async list(
    kind: Kind,
    {
      caller,
      signal,
      namespace,
    }: { readonly caller: Caller; readonly signal: AbortSignal; readonly namespace?: string | undefined },
  ): Promise<{ readonly items: readonly ResourceView[]; readonly isComplete: boolean }> {
    const author = authorOf(caller);
    const found = await this.#options.desk.list(kind, { namespace, limit: MAX_ITEMS, author, signal });
    const documents = withinChars(found.documents);
    const { inspections } = this.#options;
    const read = await inspections.all(documents, signal);
    const knowledge = this.#knowledge(await sightOf(caller));
    const show = () => viewsOf(read, knowledge);
    // Policies of a tenant's making, 64 signers each, take a millisecond apiece.
    const views = read.length > FEW ? await inspections.within(signal, show) : show();
    const items = [...this.#builtIn(kind, found.documents, knowledge), ...views];
    return { items, isComplete: found.isComplete && documents.length === found.documents.length };
  }

  /** One document, with its version as `ETag`. */
  async show(name: DocumentName, caller: Caller, signal: AbortSignal): Promise<ApiAnswer> {
    const view = await this.#find(name, caller, signal);
    return { status: 200, body: view, headers: { etag: etagOf(view) } };
  }

  /** The document as it is stored. @throws DeskError */
  read(name: DocumentName, { caller, signal }: Order): Promise<StoredDocument> {
    return this.#options.desk.get(name, { author: authorOf(caller), signal });
  }

  /** @param location where it can be read afterwards */
  create(document: DraftDocument, location: string, order: Order): Promise<ApiAnswer> {
    return this.#write(document, order, {
      check: () => refuseSecrets(document),
      act: (options) => this.#options.desk.create(document, options),
      location,
    });
  }

  /** @param isWeaker looks at what is stored; may throw */
  replace(
    document: DraftDocument,
    version: string,
    order: Order,
    isWeaker?: () => Promise<boolean>,
  ): Promise<ApiAnswer> {
    return this.#write(document, order, {
      check: () => {
        refuseSecrets(document);
        return isWeaker?.();
      },
      act: (options) => this.#options.desk.replace(document, version, options),
    });
  }

  /** @param change what to merge into the spec, of which version, as soon as it is known; may throw */
  patch(name: DocumentName, order: Order, change: () => Change | Promise<Change>): Promise<ApiAnswer> {
    let known: Change | undefined;
    return this.#write(name, order, {
      check: async () => (known = await change()).isWeaker,
      act: (options) => this.#options.desk.patch(name, known?.spec ?? {}, known?.version, options),
    });
  }

  delete(name: DocumentName, version: string | undefined, order: Order): Promise<ApiAnswer> {
    return this.#write(name, order, { act: (options) => this.#options.desk.delete(name, version, options) });
  }

  /** An order that there was nothing to do for. */
  async unchanged(document: StoredDocument, { caller, dryRun }: Order): Promise<ApiAnswer> {
    const written = { before: document, after: document, warnings: [], inForce: true };
    return this.#answer(written, await sightOf(caller), dryRun);
  }

  async #write(
    name: DocumentName,
    { caller, action, dryRun, signal }: Order,
    { check, act, location }: Deed,
  ): Promise<ApiAnswer> {
    let written: Written;
    let isWeaker: boolean | undefined;
    // Before the write: once it is done nothing may fail any more.
    let maySee: Knowledge['maySee'];
    try {
      isWeaker = await check?.();
      maySee = await sightOf(caller);
      written = await act({ author: authorOf(caller), dryRun, signal });
    } catch (error) {
      throw this.#explained(error, name);
    }
    if (!dryRun)
      this.#options.changes.changed({ actor: caller.name, action, name }, written, isWeaker === true);
    return this.#answer(written, maySee, dryRun, location);
  }

  #answer(
    { before, after, inForce, warnings }: Written,
    maySee: Knowledge['maySee'],
    dryRun: boolean,
    location?: string,
  ): ApiAnswer {
    const [view] =
      after === undefined ? [] : viewsOf([this.#options.inspections.now(after)], this.#knowledge(maySee));
    const keeper = (before ?? after)?.metadata.managedBy;
    const advice = [
      ...warnings,
      ...(view?.warnings ?? []),
      ...(keeper === undefined ? [] : [keptBy(keeper)]),
    ];
    const isNew = location !== undefined && !dryRun;
    return {
      status: !inForce ? 202 : isNew ? 201 : 200,
      headers: { ...(view !== undefined && { etag: etagOf(view) }), ...(isNew && { location }) },
      body: {
        ...(view !== undefined && { document: view }),
        inForce,
        dryRun,
        warnings: [...new Set(advice)].map(withoutSecrets),
      },
    };
  }

  async #find(name: DocumentName, caller: Caller, signal: AbortSignal): Promise<ResourceView> {
    const knowledge = this.#knowledge(await sightOf(caller));
    try {
      const stored = await this.#options.desk.get(name, { author: authorOf(caller), signal });
      const [view] = viewsOf(await this.#options.inspections.all([stored], signal), knowledge);
      if (view !== undefined) return view;
    } catch (error) {
      // Whoever may not read trust roots is told so by the desk, also of those that are built in.
      const builtIn = name.kind === 'TrustRoot' ? this.#options.builtinRoots().get(name.name) : undefined;
      if (builtIn === undefined || !isNotFound(error)) throw error;
      return builtInRoot(name.name, builtIn, knowledge);
    }
    throw new DeskError('NOT_FOUND', `${name.kind} "${name.name}" does not exist`);
  }

  /** What a missing document means for a trust root that is there all the same. */
  #explained(error: unknown, { kind, name }: DocumentName): unknown {
    if (kind !== 'TrustRoot' || !isNotFound(error) || !this.#options.builtinRoots().has(name)) return error;
    const detail = `The trust root ${name} is built in and cannot be changed: create a TrustRoot of this name to replace it.`;
    return new ApiProblem('CONFLICT', detail, { cause: error });
  }

  #builtIn(kind: Kind, documents: readonly StoredDocument[], knowledge: Knowledge): readonly ResourceView[] {
    if (kind !== 'TrustRoot') return [];
    const replaced = new Set(documents.map(({ metadata }) => metadata.name));
    return [...this.#options.builtinRoots()]
      .filter(([name]) => !replaced.has(name))
      .map(([name, state]) => builtInRoot(name, state, knowledge));
  }

  #knowledge(maySee: Knowledge['maySee']): Knowledge {
    const { snapshot, lastUsed } = this.#options;
    return { snapshot: snapshot(), now: this.now, lastUsed, maySee };
  }
}

/** Of which policies the caller may be told that there are such. */
async function sightOf(caller: Caller): Promise<Knowledge['maySee']> {
  const [cluster, namespaced] = await Promise.all([
    caller.may({ verb: 'list', resource: 'clustersigningpolicies' }),
    caller.may({ verb: 'list', resource: 'signingpolicies' }),
  ]);
  return ({ kind }) => (kind === 'ClusterSigningPolicy' ? cluster : namespaced);
}

/** Who asks, as the desk knows people. */
function authorOf({ name, token }: Caller): Author {
  return { name, token };
}

/** @throws ApiProblem INVALID */
function refuseSecrets({ labels, spec }: DraftDocument): undefined {
  const errors = [...secretsIn(labels, 'metadata.labels'), ...secretsIn(spec, 'spec')];
  if (errors.length > 0)
    throw new ApiProblem('INVALID', 'The document holds a secret. See errors.', { errors });
}

function isNotFound(error: unknown): boolean {
  return error instanceof DeskError && error.code === 'NOT_FOUND';
}

function keptBy(keeper: string): string {
  return keeper.startsWith('the file ')
    ? `This stands in ${keeper}: whoever keeps that file may undo the change.`
    : `${keeper} keeps this document and may undo the change: make it there too.`;
}

function etagOf({ metadata }: ResourceView): string {
  return `"${metadata.resourceVersion}"`;
}

function withinChars(documents: readonly StoredDocument[]): readonly StoredDocument[] {
  let chars = 0;
  const end = documents.findIndex(({ spec }) => (chars += JSON.stringify(spec).length) > MAX_LIST_CHARS);
  return end === -1 ? documents : documents.slice(0, Math.max(end, 1));
}
