import type { Kind } from '../api/envelope.ts';

/** On whose behalf something is read or changed. */
export interface Author {
  readonly name: string;
  /** In a cluster: the caller's own Kubernetes token, which every call is made with. Undefined standalone. */
  readonly token: string | undefined;
}

/** One of our own documents as it is stored. */
export interface StoredDocument {
  readonly kind: Kind;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly uid?: string;
    /** Opaque: changes with each change. */
    readonly resourceVersion: string;
    readonly generation?: number;
    /** RFC 3339. */
    readonly creationTimestamp?: string;
    readonly managedBy?: string;
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

/** Which document. */
export interface DocumentName {
  readonly kind: Kind;
  /** Of a SigningPolicy. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** A document to be written. */
export interface DraftDocument extends DocumentName {
  /** Undefined = as they are, or none. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface WriteOptions {
  readonly author: Author;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

export interface Written {
  /** As it was before; undefined = it is new. */
  readonly before: StoredDocument | undefined;
  /** As it is now; undefined = it is gone. */
  readonly after: StoredDocument | undefined;
  /** What the store had to say, such as API warnings. */
  readonly warnings: readonly string[];
  /** Whether this process decides by it already; always true of a dry run. */
  readonly inForce: boolean;
}

export const DESK_CODES = [
  'FORBIDDEN', // the store does not let this author do that
  'UNAUTHENTICATED', // the author's token is not good any more
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'CONFLICT', // not in this state of the stored document
  'CHANGED_MEANWHILE', // another version is stored
  'INVALID', // the store refuses the document
  'READ_ONLY', // files that cannot be written, or that people wrote in a form that is not changed here
  'UNAVAILABLE', // the store does not answer
] as const;
export type DeskCode = (typeof DESK_CODES)[number];

/** Why the store did not do it. `message` is shown to the author. */
export class DeskError extends Error {
  readonly code: DeskCode;
  readonly problems: readonly { readonly field: string; readonly message: string }[];

  constructor(
    code: DeskCode,
    message: string,
    options: { problems?: DeskError['problems']; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'DeskError';
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/**
 * Where signers, policies, trust roots and exceptions are read and changed by people: the custom resources in a cluster, files
 * standalone. There is no second truth beside it. A write returns when this process's own snapshot holds it, or after a bound.
 * Every method throws DeskError.
 */
export interface ResourceDesk {
  /** In the order of namespace and name; at most `limit`, and whether there are more. */
  list(
    kind: Kind,
    options: { readonly namespace?: string | undefined; readonly limit: number } & Omit<
      WriteOptions,
      'dryRun'
    >,
  ): Promise<{ readonly documents: readonly StoredDocument[]; readonly isComplete: boolean }>;
  get(name: DocumentName, options: Omit<WriteOptions, 'dryRun'>): Promise<StoredDocument>;
  create(document: DraftDocument, options: WriteOptions): Promise<Written>;
  /** @param version `resourceVersion` that the author has seen */
  replace(document: DraftDocument, version: string, options: WriteOptions): Promise<Written>;
  /** A JSON merge patch (RFC 7386) of the spec, whatever version is stored unless one is named. */
  patch(
    name: DocumentName,
    spec: Readonly<Record<string, unknown>>,
    version: string | undefined,
    options: WriteOptions,
  ): Promise<Written>;
  delete(name: DocumentName, version: string | undefined, options: WriteOptions): Promise<Written>;
}
