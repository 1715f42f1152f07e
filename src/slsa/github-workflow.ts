import { splitBuilderId } from './builder-id.ts';

/** A workflow file on a server of GitHub, as Fulcio and builder ids name it. */
export interface GithubWorkflow {
  /** `https://host/owner/repository`, as written. */
  readonly repository: string;
  readonly owner: string;
  /** Everything before `@`. */
  readonly name: string;
  readonly ref: string | undefined;
}

const WORKFLOW = /^\/([A-Za-z0-9._-]+)\/[A-Za-z0-9._-]+(?=\/\.github\/workflows\/[^/@]+\.ya?ml$)/;

/**
 * Reads `https://host/owner/repository/.github/workflows/file.yml[@ref]`; undefined for anything else.
 * @param server `https://host[:port]`, byte for byte
 */
export function githubWorkflow(uri: string | undefined, server: string): GithubWorkflow | undefined {
  if (uri?.startsWith(`${server}/`) !== true) return undefined;
  const { name, ref } = splitBuilderId(uri);
  const [path, owner] = WORKFLOW.exec(name.slice(server.length)) ?? [];
  return path === undefined || owner === undefined
    ? undefined
    : { repository: `${server}${path}`, owner, name, ref };
}
