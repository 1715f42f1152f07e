/**
 * The files of a TUF repository, wherever they lie: a mirror, an archive, or what was kept of an earlier refresh. Metadata
 * has no folder (`timestamp.json`, `3.root.json`), targets lie in `targets/`: the layout that Sigstore's repositories have.
 */
export interface RepositoryFiles {
  /**
   * The bytes of one file, not verified; undefined = there is none.
   * @throws RepositoryProblem
   */
  read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined>;
}

/** Why a repository gives no trust root now. The message is for people: a clause without bodies of remote servers. */
export class RepositoryProblem extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'RepositoryProblem';
  }
}
