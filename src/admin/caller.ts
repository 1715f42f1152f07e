import type { Author } from '../store/resource-desk.ts';

/** What somebody may be asked for, as Kubernetes' RBAC names it. The last three exist for RBAC only. */
export type AccessResource =
  | 'trustedsigners'
  | 'clustersigningpolicies'
  | 'signingpolicies'
  | 'trustroots'
  | 'signingexceptions'
  | 'pods'
  /** What was verified, live and kept, and its statistics; `create`: to have an image verified outside any namespace. */
  | 'verifications'
  /** Who changed what. */
  | 'changes'
  /** `create`: to have a key reference read now. */
  | 'keys';

export interface AccessQuestion {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
  readonly resource: AccessResource;
  /** Absent = in the whole cluster. */
  readonly namespace?: string;
}

/** Somebody who is signed in, for one request. */
export interface Caller extends Author {
  /** As the API server knows them; none standalone. */
  readonly groups?: readonly string[];
  /**
   * In a cluster: asked of the API server with the caller's own token. Standalone: the administrator may do everything.
   * @throws ApiProblem UNAVAILABLE when nobody can tell
   */
  readonly may: (question: AccessQuestion) => Promise<boolean>;
}
