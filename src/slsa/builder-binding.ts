import { hasOldExtensionsOnly } from '../sigstore/fulcio-extensions.ts';
import type { CertificateIdentity, KeyIdentity } from '../sigstore/verified-signature.ts';
import { splitBuilderId } from './builder-id.ts';
import { GITHUB_RUNNER } from './github-build-types.ts';
import { githubWorkflow } from './github-workflow.ts';
import { githubServerOf, GITLAB_ISSUER } from './platform-issuer.ts';
import type { Provenance } from './provenance.ts';
import {
  githubLevel,
  githubRunnerLevel,
  gitlabLevel,
  isDelegator,
  rosterEntry,
  type LevelFinding,
} from './roster.ts';

/** Whether who signed may speak for the builder that the predicate names (attack B7). */
export type Binding =
  | {
      readonly holds: true;
      /** The builder, as the certificate has it where it has one. */
      readonly builder: string;
      /** What the builder is worth where no rule of the policy says so. */
      readonly worth: LevelFinding;
    }
  | { readonly holds: false; readonly found: string; readonly expected: string };

/**
 * The rules for certificates, by the issuer of the identity; a key speaks for no builder but by a rule of the policy.
 *
 * GitHub (issuer exactly one of the policy's `githubIssuers`): the certificate has one name, a URI, which is a workflow on
 * that issuer's server with its ref, and equals its `buildSignerURI`. `builder.id` must be
 * - for every build type: that URI, byte for byte;
 * - for artifact attestations also: that URI up to `@` (the certificate's ref counts), or
 *   `https://github.com/actions/runner/` and the certificate's `runnerEnvironment`;
 * - for slsa-github-generator's delegators, where a released one of them signed: any workflow on github.com with its ref.
 *
 * GitLab (issuer exactly `https://gitlab.com`): one name, a URI, equal to `buildSignerURI` and a file of the certificate's
 * source repository. `builder.id` must be a runner of that project, or of its group.
 */
export function bindByCertificate(
  provenance: Provenance,
  signer: CertificateIdentity | KeyIdentity,
  githubIssuers: readonly string[],
): Binding {
  if (signer.kind === 'key') {
    return { holds: false, found: `signed by key ${signer.fingerprint}`, expected: EXPECTED };
  }
  const { issuer } = signer;
  if (issuer === GITLAB_ISSUER) return bindGitlab(provenance, signer);
  const server = githubServerOf(issuer);
  if (server !== undefined && githubIssuers.includes(issuer)) return bindGithub(provenance, signer, server);
  const found = `signed by ${describeCertificate(signer)}`;
  const issuers = `an identity of GitHub Actions from an issuer of slsa.githubIssuers (${githubIssuers.join(', ')})`;
  return { holds: false, found, expected: server === undefined ? EXPECTED : issuers };
}

const EXPECTED = "the build platform's own identity, or a signerRef of one of the policy's builders";

function bindGithub(
  { platform, builder: { id } }: Provenance,
  signer: CertificateIdentity,
  server: string,
): Binding {
  const name = signerUri(signer);
  const workflow = githubWorkflow(name, server);
  if (name === undefined || workflow?.ref === undefined || id === undefined) return unbound(signer);
  if (id === name) return { holds: true, builder: name, worth: worthOfWorkflow(name, signer, server) };
  if (platform === 'github-workflow') {
    if (id === workflow.name)
      return { holds: true, builder: name, worth: worthOfWorkflow(name, signer, server) };
    const runner = signer.extensions['runnerEnvironment'];
    if (runner !== undefined && id === `${GITHUB_RUNNER}${runner}`) {
      return { holds: true, builder: id, worth: worthOfRunner(runner) };
    }
  }
  if (platform === 'github-delegator' && isDelegator(name) && githubWorkflow(id, server)?.ref !== undefined) {
    return { holds: true, builder: id, worth: worthOfDelegated(id, signer, server) };
  }
  return unbound(signer);
}

function bindGitlab({ builder: { id } }: Provenance, signer: CertificateIdentity): Binding {
  const name = signerUri(signer);
  const source = signer.extensions['sourceRepositoryURI'];
  const owner = signer.extensions['sourceRepositoryOwnerURI'];
  if (id === undefined || source === undefined || name?.startsWith(`${source}//`) !== true) {
    return unbound(signer);
  }
  const [, home] = /^(https:\/\/gitlab\.com\/.{1,1024})\/-\/runners\/\d{1,20}$/.exec(id) ?? [];
  const ownPath =
    owner?.startsWith(`${GITLAB_ISSUER}/`) === true ? owner.slice(GITLAB_ISSUER.length) : undefined;
  const isOwn = home === source || (ownPath !== undefined && home === `${GITLAB_ISSUER}/groups${ownPath}`);
  return isOwn ? { holds: true, builder: id, worth: gitlabLevel(signer) } : unbound(signer);
}

/** The one name of a certificate, where it is a URI and the build's signer as well. */
function signerUri({ names, extensions }: CertificateIdentity): string | undefined {
  const [only, ...others] = names;
  if (only?.type !== 'uri' || others.length > 0 || extensions['buildSignerURI'] !== only.value)
    return undefined;
  return only.value;
}

function worthOfWorkflow(workflow: string, signer: CertificateIdentity, server: string): LevelFinding {
  const entry = rosterEntry(workflow);
  if (entry === undefined) return githubLevel(workflow, signer, server);
  if (entry === 'otherVersion') return unknownVersion(workflow);
  // Until 2023 no certificate told the runner. Released workflows of the roster choose one of GitHub's themselves.
  if (hasOldExtensionsOnly(signer.extensions)) return entry;
  const runner = githubRunnerLevel(signer.extensions['runnerEnvironment']);
  return runner.level < entry.level ? runner : entry;
}

function worthOfDelegated(builder: string, signer: CertificateIdentity, server: string): LevelFinding {
  if (rosterEntry(builder) !== undefined) return worthOfWorkflow(builder, signer, server);
  return {
    level: 2,
    reason: 'it delegates to slsa-github-generator, and neither roster nor policy names it',
  };
}

function worthOfRunner(runner: string): LevelFinding {
  const { level, reason } = githubRunnerLevel(runner);
  return level === 3
    ? { level: 2, reason: 'the builder is a runner, and no reusable workflow' }
    : { level, reason };
}

export function unknownVersion(builder: string): LevelFinding {
  return { level: 1, reason: `${splitBuilderId(builder).ref ?? 'no version'} is no released version of it` };
}

function unbound(signer: CertificateIdentity): Binding {
  return {
    holds: false,
    found: `signed by ${describeCertificate(signer)}`,
    expected: "the builder's own identity",
  };
}

function describeCertificate({ names, issuer }: CertificateIdentity): string {
  const shown = names.map(({ value }) => value).join(', ');
  return `${shown === '' ? 'a certificate without a name' : shown} (issuer ${issuer})`;
}
