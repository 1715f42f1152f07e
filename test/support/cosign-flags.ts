import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cosign, Proofs, Signer } from './cosign.ts';
import type { Registry } from './registry.ts';

export function signerFlags(cosign: Cosign, signer: Signer): readonly string[] {
  if ('key' in signer) return ['--key', signer.key.privateKeyPath];
  // By file: a token in the arguments would fill the message of every failure.
  const path = join(mkdtempSync(join(cosign.home, 'token-')), 'token');
  writeFileSync(path, signer.token, { mode: 0o600 });
  return ['--identity-token', path];
}

/** Which services a signature asks. Everything is named: a default would be the public instance. */
export async function serviceFlags(
  cosign: Cosign,
  signer: Signer,
  proofs: Proofs,
): Promise<readonly string[]> {
  const legacy = isLegacy(cosign, proofs);
  const log = proofs.log ?? (legacy ? 'v1' : 'v2');
  if (legacy && log === 'v2') throw new Error('The legacy layout cannot hold an entry of Rekor v2.');
  const timestamp = proofs.timestamp ?? (log === 'v2' || (log === 'none' && 'token' in signer));
  const { sigstore } = cosign;
  if (sigstore === undefined) {
    if (legacy && log === 'none' && !timestamp && 'key' in signer)
      return [...layoutFlags(cosign), '--tlog-upload=false'];
    throw new Error('This signature needs a Sigstore: createCosign({ workDir, sigstore }).');
  }
  if (log === 'v1') await sigstore.logV1.ready();
  if (!legacy) {
    const config = sigstore.signingConfig[log][timestamp ? 'timestamp' : 'noTimestamp'];
    const format = cosign.major === 2 ? ['--new-bundle-format'] : [];
    return [...format, '--signing-config', config, '--trusted-root', sigstore.trustedRootPath];
  }
  return [
    ...layoutFlags(cosign),
    ...(log === 'none' ? ['--tlog-upload=false'] : ['--rekor-url', sigstore.logV1.url]),
    // There is no CT log, so certificates carry no SCT.
    ...('token' in signer ? ['--fulcio-url', sigstore.fulcioUrl, '--insecure-skip-verify'] : []),
    ...(timestamp ? ['--timestamp-server-url', sigstore.timestampUrl] : []),
    ...('token' in signer && cosign.major === 3 ? ['--trusted-root', sigstore.trustedRootPath] : []),
  ];
}

/** cosign 2 takes its trust from the environment where it signs. */
export function trustOfCosign2({ major, sigstore }: Cosign): Readonly<Record<string, string>> {
  if (major === 3 || sigstore === undefined) return {};
  return {
    SIGSTORE_ROOT_FILE: join(sigstore.folder, 'fulcio-chain.pem'),
    SIGSTORE_REKOR_PUBLIC_KEY: join(sigstore.folder, 'log-v1.pub'),
  };
}

function layoutFlags(cosign: Cosign): readonly string[] {
  return cosign.major === 3 ? ['--new-bundle-format=false', '--use-signing-config=false'] : [];
}

function isLegacy(cosign: Cosign, proofs: Proofs): boolean {
  return proofs.legacy ?? cosign.major === 2;
}

export function registryFlags(registry: Registry): readonly string[] {
  return [
    ...(registry.tls === undefined
      ? ['--allow-http-registry', '--allow-insecure-registry']
      : ['--registry-cacert', registry.tls.caPath]),
    ...(registry.account === undefined
      ? []
      : ['--registry-username', registry.account.username, '--registry-password', registry.account.password]),
  ];
}
