import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { githubIssuer, googleIssuer, startOidcIssuers, type IssuerKind } from './oidc.ts';
import type { RunningProcess } from './process.ts';
import { prepareRekorV1, type RekorV1 } from './rekor-v1.ts';
import { startFulcio, startLog, startTimestampAuthority } from './sigstore-services.ts';
import { createSigningConfigs, createTrustedRoot, type SigningConfigs } from './sigstore-trust.ts';
import { workflowClaims, type Workflow } from './workflow-token.ts';

export interface SigstoreOptions {
  readonly workDir: string;
  /** Told apart in folders and certificates when a test runs two instances. */
  readonly name?: string;
  /** Issuers beside Google (`email`) and GitHub Actions (`github-workflow`). */
  readonly issuers?: Readonly<Record<string, IssuerKind>>;
}

/**
 * A private Sigstore: Fulcio without CT log, Rekor v2, a timestamp authority, Rekor v1 once something is logged there, and OIDC
 * issuers. Its trust root names all of them.
 */
export interface Sigstore {
  readonly folder: string;
  readonly fulcioUrl: string;
  /** Rekor v2. */
  readonly logUrl: string;
  readonly logV1: RekorV1;
  readonly timestampUrl: string;
  readonly trustedRootPath: string;
  /** The text of `trusted_root.json`, as a TrustRoot resource holds it. */
  readonly trustedRoot: string;
  /** For cosign: which services a signature asks. */
  readonly signingConfig: SigningConfigs;
  readonly fulcioChainPem: string;
  readonly timestampChainPem: string;
  readonly logPublicKeyPem: string;
  readonly loopbackIssuer: string;
  emailToken(email: string, issuer?: string): Promise<string>;
  workflowToken(workflow: Workflow, issuer?: string): Promise<string>;
  readonly processes: readonly RunningProcess[];
  stop(): Promise<void>;
}

export async function startSigstore(options: SigstoreOptions): Promise<Sigstore> {
  const folder = join(options.workDir, options.name ?? 'sigstore');
  mkdirSync(folder, { recursive: true });
  const issuers = await startOidcIssuers({
    [googleIssuer]: 'email',
    [githubIssuer]: 'github-workflow',
    ...options.issuers,
  });
  const logV1 = await prepareRekorV1(folder);
  const parts = await Promise.allSettled([
    startFulcio(folder, issuers),
    startLog(folder),
    startTimestampAuthority(folder),
  ]);
  const processes = parts.flatMap((part) => (part.status === 'fulfilled' ? [part.value.process] : []));
  const stop = async () => {
    await Promise.all([...processes.map((process) => process.stop()), issuers.stop(), logV1.stop()]);
  };
  try {
    const [fulcio, log, timestamp] = parts.map((part) => {
      if (part.status === 'rejected') throw part.reason;
      return part.value;
    });
    if (!fulcio || !log || !timestamp) throw new Error('A part of Sigstore is missing.');
    const services = { folder, fulcio, log, logV1, timestamp };
    const trustedRootPath = await createTrustedRoot(services);
    return {
      folder,
      fulcioUrl: fulcio.url,
      logUrl: log.url,
      logV1,
      timestampUrl: timestamp.url,
      trustedRootPath,
      trustedRoot: readFileSync(trustedRootPath, 'utf8'),
      signingConfig: createSigningConfigs(services, issuers.loopbackIssuer),
      fulcioChainPem: fulcio.trust,
      timestampChainPem: timestamp.trust,
      logPublicKeyPem: log.trust,
      loopbackIssuer: issuers.loopbackIssuer,
      emailToken: (email, issuer = googleIssuer) =>
        issuers.sign(issuer, { sub: email, email, email_verified: true }),
      workflowToken: (workflow, issuer = githubIssuer) => issuers.sign(issuer, workflowClaims(workflow)),
      processes,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
