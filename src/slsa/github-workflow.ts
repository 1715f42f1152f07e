import { splitBuilderId } from './builder-id.ts';

/** A workflow file on github.com, as Fulcio and builder ids name it. */
export interface GithubWorkflow {
  /** `https://github.com/owner/repository`, as written. */
  readonly repository: string;
  readonly owner: string;
  /** Everything before `@`. */
  readonly name: string;
  readonly ref: string | undefined;
}

const WORKFLOW =
  /^(https:\/\/github\.com\/([A-Za-z0-9._-]+)\/[A-Za-z0-9._-]+)\/\.github\/workflows\/[^/@]+\.ya?ml$/;

/** Reads `https://github.com/owner/repository/.github/workflows/file.yml[@ref]`; undefined for anything else. */
export function githubWorkflow(uri: string | undefined): GithubWorkflow | undefined {
  if (uri === undefined) return undefined;
  const { name, ref } = splitBuilderId(uri);
  const [, repository, owner] = WORKFLOW.exec(name) ?? [];
  return repository === undefined || owner === undefined ? undefined : { repository, owner, name, ref };
}
