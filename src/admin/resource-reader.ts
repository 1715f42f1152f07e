import type { Kind } from '../api/envelope.ts';
import type { RootState } from '../policy/trust-material.ts';
import {
  DeskError,
  type Author,
  type DocumentName,
  type ResourceDesk,
  type StoredDocument,
} from '../store/resource-desk.ts';
import type { Caller } from './caller.ts';
import type { Inspections } from './inspections.ts';
import { knowledgeOf, sightOf, type KnowledgeSources } from './knowledge.ts';
import { builtInRoot, viewsOf, type Knowledge, type ResourceView } from './resource-views.ts';
import type { ApiAnswer } from './route.ts';

export interface ResourceReaderOptions extends KnowledgeSources {
  readonly desk: ResourceDesk;
  /** Trust roots that exist without a document, by name. */
  readonly builtinRoots: () => ReadonlyMap<string, RootState>;
  readonly inspections: Inspections;
}

/** Who asks for a list, and of what. */
export interface ListOrder {
  readonly caller: Caller;
  readonly signal: AbortSignal;
  readonly namespace?: string | undefined;
}

export interface ResourceList {
  readonly items: readonly ResourceView[];
  readonly isComplete: boolean;
}

/** Items of one list, and the characters of their specs: a TrustRoot may have a mebibyte. */
const MAX_ITEMS = 500;
const MAX_LIST_CHARS = 8 * 1024 * 1024;
/** Of so few whatever an answer needs is made at once. */
const FEW = 50;

/** Documents as the API shows them, for the routes of all kinds. */
export class ResourceReader {
  readonly #options: ResourceReaderOptions;

  constructor(options: ResourceReaderOptions) {
    this.#options = options;
  }

  async list(kind: Kind, { caller, signal, namespace }: ListOrder): Promise<ResourceList> {
    const author = authorOf(caller);
    const found = await this.#options.desk.list(kind, { namespace, limit: MAX_ITEMS, author, signal });
    const documents = withinChars(found.documents);
    const { inspections } = this.#options;
    const read = await inspections.all(documents, signal);
    const names = documents.map(({ metadata }) => metadata.name);
    const knowledge = knowledgeOf(this.#options, await sightOf(this.#options, caller, kind, names));
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

  async #find(name: DocumentName, caller: Caller, signal: AbortSignal): Promise<ResourceView> {
    const sight = await sightOf(this.#options, caller, name.kind, [name.name]);
    const knowledge = knowledgeOf(this.#options, sight);
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

  #builtIn(kind: Kind, documents: readonly StoredDocument[], knowledge: Knowledge): readonly ResourceView[] {
    if (kind !== 'TrustRoot') return [];
    const replaced = new Set(documents.map(({ metadata }) => metadata.name));
    return [...this.#options.builtinRoots()]
      .filter(([name]) => !replaced.has(name))
      .map(([name, state]) => builtInRoot(name, state, knowledge));
  }
}

/** Who asks, as the desk knows people. */
export function authorOf({ name, token }: Caller): Author {
  return { name, token };
}

export function isNotFound(error: unknown): boolean {
  return error instanceof DeskError && error.code === 'NOT_FOUND';
}

/** The version, for `If-Match`. */
export function etagOf({ metadata }: ResourceView): string {
  return `"${metadata.resourceVersion}"`;
}

function withinChars(documents: readonly StoredDocument[]): readonly StoredDocument[] {
  let chars = 0;
  const end = documents.findIndex(({ spec }) => (chars += JSON.stringify(spec).length) > MAX_LIST_CHARS);
  return end === -1 ? documents : documents.slice(0, Math.max(end, 1));
}
