import type { Kind } from '../api/envelope.ts';
import type {
  DocumentName,
  DraftDocument,
  StoredDocument,
  WriteOptions,
  Written,
} from '../store/resource-desk.ts';
import type { Caller } from './caller.ts';
import type { ChangeLog } from './change-log.ts';
import { knowledgeOf, sightOf, type Sight } from './knowledge.ts';
import { ApiProblem } from './problem.ts';
import { secretsIn, withoutSecrets } from './redaction.ts';
import {
  authorOf,
  etagOf,
  isNotFound,
  ResourceReader,
  type ListOrder,
  type ResourceList,
  type ResourceReaderOptions,
} from './resource-reader.ts';
import { viewsOf } from './resource-views.ts';
import type { ApiAnswer } from './route.ts';

export interface ResourceOfficeOptions extends ResourceReaderOptions {
  readonly changes: ChangeLog;
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

/** Reads and changes documents for the routes of all kinds: the same answers, the same trail. */
export class ResourceOffice {
  readonly #options: ResourceOfficeOptions;
  readonly #reader: ResourceReader;

  constructor(options: ResourceOfficeOptions) {
    this.#options = options;
    this.#reader = new ResourceReader(options);
  }

  get now(): number {
    return this.#options.now();
  }

  list(kind: Kind, asked: ListOrder): Promise<ResourceList> {
    return this.#reader.list(kind, asked);
  }

  /** One document, with its version as `ETag`. */
  show(name: DocumentName, caller: Caller, signal: AbortSignal): Promise<ApiAnswer> {
    return this.#reader.show(name, caller, signal);
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
    const { kind, metadata } = document;
    return this.#answer(written, await sightOf(this.#options, caller, kind, [metadata.name]), dryRun);
  }

  async #write(
    name: DocumentName,
    { caller, action, dryRun, signal }: Order,
    { check, act, location }: Deed,
  ): Promise<ApiAnswer> {
    let written: Written;
    let isWeaker: boolean | undefined;
    // Before the write: once it is done nothing may fail any more.
    let sight: Sight;
    try {
      isWeaker = await check?.();
      sight = await sightOf(this.#options, caller, name.kind, [name.name]);
      written = await act({ author: authorOf(caller), dryRun, signal });
    } catch (error) {
      throw this.#explained(error, name);
    }
    if (!dryRun)
      this.#options.changes.changed({ actor: caller.name, action, name }, written, isWeaker === true);
    return this.#answer(written, sight, dryRun, location);
  }

  #answer(
    { before, after, inForce, warnings }: Written,
    sight: Sight,
    dryRun: boolean,
    location?: string,
  ): ApiAnswer {
    const [view] =
      after === undefined
        ? []
        : viewsOf([this.#options.inspections.now(after)], knowledgeOf(this.#options, sight));
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

  /** What a missing document means for a trust root that is there all the same. */
  #explained(error: unknown, { kind, name }: DocumentName): unknown {
    if (kind !== 'TrustRoot' || !isNotFound(error) || !this.#options.builtinRoots().has(name)) return error;
    const detail = `The trust root ${name} is built in and cannot be changed: create a TrustRoot of this name to replace it.`;
    return new ApiProblem('CONFLICT', detail, { cause: error });
  }
}

/** @throws ApiProblem INVALID */
function refuseSecrets({ labels, spec }: DraftDocument): undefined {
  const errors = [...secretsIn(labels, 'metadata.labels'), ...secretsIn(spec, 'spec')];
  if (errors.length > 0)
    throw new ApiProblem('INVALID', 'The document holds a secret. See errors.', { errors });
}

function keptBy(keeper: string): string {
  return keeper.startsWith('the file ')
    ? `This stands in ${keeper}: whoever keeps that file may undo the change.`
    : `${keeper} keeps this document and may undo the change: make it there too.`;
}
