/** A run of a GitHub Actions workflow; the certificate's SAN is `https://github.com/<workflowRef>`. */
export interface Workflow {
  /** `org/app`. */
  readonly repository: string;
  /** `release.yml`. */
  readonly workflow: string;
  /** `refs/tags/v1.0.0`. */
  readonly ref: string;
  /** Where the signing job's steps come from, for a reusable workflow: `org/shared/.github/workflows/x.yml@refs/…`. */
  readonly jobWorkflowRef?: string;
  /** Claims as GitHub spells them, over the ones that are derived. */
  readonly claims?: Readonly<Record<string, string>>;
}

/** The claims of a GitHub Actions token, made up where the caller does not care. */
export function workflowClaims(run: Workflow): Record<string, string> {
  const [owner = ''] = run.repository.split('/');
  const workflowRef = `${run.repository}/.github/workflows/${run.workflow}@${run.ref}`;
  const sha = '1f0b6a1e8f5b4a6d9c3e2b7a8d9e0f1a2b3c4d5e';
  return {
    sub: `repo:${run.repository}:ref:${run.ref}`,
    repository: run.repository,
    repository_id: '1001',
    repository_owner: owner,
    repository_owner_id: '123456',
    repository_visibility: 'public',
    workflow: run.workflow,
    workflow_ref: workflowRef,
    workflow_sha: sha,
    job_workflow_ref: run.jobWorkflowRef ?? workflowRef,
    job_workflow_sha: sha,
    ref: run.ref,
    sha,
    event_name: 'push',
    runner_environment: 'github-hosted',
    run_id: '42',
    run_attempt: '1',
    ...run.claims,
  };
}
