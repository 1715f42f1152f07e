import { describeFileProblem } from '../api/policy-file.ts';
import type { Resource } from '../api/resources.ts';
import { SettingsError } from '../config.ts';
import { asError } from '../errors.ts';
import { policiesForNamespace } from '../policy/matching.ts';
import type { CompiledPolicy, Snapshot } from '../policy/snapshot.ts';
import { readPolicyFiles } from '../store/policy-files.ts';
import { PolicySet } from '../store/policy-set.ts';
import { resourcesOfFlags } from './verify-flags.ts';
import type { SignerFlags, VerifyOptions } from './verify-options.ts';

/** Flags that stand for a policy, by the names of their options. */
const SIGNER_FLAGS: Readonly<Record<keyof SignerFlags, string>> = {
  certificateIdentity: '--certificate-identity',
  certificateIdentityRegexp: '--certificate-identity-regexp',
  certificateOidcIssuer: '--certificate-oidc-issuer',
  certificateOidcIssuerRegexp: '--certificate-oidc-issuer-regexp',
  key: '--key',
  trustedRoot: '--trusted-root',
  insecureIgnoreTlog: '--insecure-ignore-tlog',
  useSignedTimestamps: '--use-signed-timestamps',
  signatureRepository: '--signature-repository',
  threshold: '--threshold',
  slsaLevel: '--slsa-level',
  builder: '--builder',
  source: '--source',
};

/**
 * Policies and all that they refer to: from files, or out of flags.
 * @param env of the process: `COSIGN_REPOSITORY` counts beside flags, as it does for cosign
 * @throws SettingsError that names every file and line, or every flag
 */
export async function verifyResources(
  options: VerifyOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly Resource[]> {
  if (options.policy === undefined) {
    const repository = options.signatureRepository ?? env['COSIGN_REPOSITORY'];
    const isGiven = repository !== undefined && repository !== '';
    return resourcesOfFlags({ ...options, ...(isGiven && { signatureRepository: repository }) });
  }
  const flags = Object.entries(SIGNER_FLAGS).filter(
    ([name]) => options[name as keyof SignerFlags] !== undefined,
  );
  if (flags.length > 0) {
    const named = flags.map(([, flag]) => flag).join(', ');
    throw new SettingsError(
      `--policy and ${named} exclude each other: write it into the policy, or do without one`,
    );
  }
  const resources = await resourcesOfFiles(options.policy);
  if (options.provenance === true && !resources.some(asksForProvenance)) {
    throw new SettingsError(
      `--provenance: no policy of ${options.policy} asks for provenance (spec.slsa), so none is looked for; use --slsa-level in place of --policy`,
    );
  }
  return resources;
}

function asksForProvenance(resource: Resource): boolean {
  return 'rules' in resource && resource.rules?.slsa !== undefined;
}

/** Stricter than `serve`: whoever asks now can mend the file now. */
async function resourcesOfFiles(path: string): Promise<readonly Resource[]> {
  const set = new PolicySet();
  let misnamed: readonly string[];
  try {
    const { files, ignored } = await readPolicyFiles(path);
    set.update(files, 0, 0);
    misnamed = ignored;
  } catch (error) {
    throw new SettingsError(`--policy: ${asError(error).message}`, { cause: error });
  }
  const problems = [
    ...set.problems().map(describeFileProblem),
    ...misnamed.map((file) => `${file}: the name of a policy file ends in .yaml, .yml or .json`),
  ];
  if (problems.length > 0) {
    throw new SettingsError(
      [`the policies of ${path} cannot be used:`, ...problems.map((each) => `  ${each}`)].join('\n'),
    );
  }
  if (!set.hasPolicy) throw new SettingsError(`--policy: no policy was found in ${path}`);
  return set.resources();
}

/**
 * The policies that an image has to meet. There is no workload, so those that select workloads count as selecting it; and without a
 * namespace so do those of every namespace: what is verified here is verified wherever it runs.
 */
export function policiesInForce(
  snapshot: Snapshot,
  namespace: string | undefined,
): readonly CompiledPolicy[] {
  if (namespace === undefined) return snapshot.policies;
  const namespaceLabels = { 'kubernetes.io/metadata.name': namespace };
  return policiesForNamespace(snapshot, { namespace, namespaceLabels });
}
