import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { registryFlags, serviceFlags, signerFlags, trustOfCosign2 } from './cosign-flags.ts';
import type { PushedImage } from './manifests.ts';
import { runOrThrow } from './process.ts';
import type { LogChoice } from './sigstore-trust.ts';
import type { Sigstore } from './sigstore.ts';
import { toolPath } from './tools.ts';

/** cosign with a home of its own, signing with one Sigstore instance. */
export interface Cosign {
  readonly home: string;
  readonly sigstore?: Sigstore;
  /** 3 writes bundles, and the layout of cosign 1 and 2 on demand; 2 is the real thing. */
  readonly major: 2 | 3;
}

export interface CosignOptions {
  readonly workDir: string;
  readonly sigstore?: Sigstore;
  readonly major?: 2 | 3;
}

export interface KeyFiles {
  readonly privateKeyPath: string;
  readonly publicKeyPath: string;
  readonly publicKeyPem: string;
}

export interface Proofs {
  /** The layout of cosign 1 and 2: a tag `sha256-<hex>.sig` or `.att`, no bundle. True for cosign 2 unless said otherwise. */
  readonly legacy?: boolean;
  /** Where a log entry is made; v2 unless said otherwise, and v1 in the legacy layout, which holds no other. */
  readonly log?: LogChoice;
  /** A signed timestamp; true unless said otherwise, and false where an entry in the v1 log tells the time. */
  readonly timestamp?: boolean;
}

export interface SignOptions extends Proofs {
  readonly annotations?: Readonly<Record<string, string>>;
  /** Signs an index and each of its children. */
  readonly recursive?: boolean;
  /** Further flags, such as `--certificate`. */
  readonly flags?: readonly string[];
  /** Further environment, such as `COSIGN_REPOSITORY`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Who signs: an identity token (keyless) or a key. */
export type Signer = { readonly token: string } | { readonly key: KeyFiles };

export interface AttestOptions extends Proofs {
  /** A type URI, or one of cosign's short names (`slsaprovenance1`, `spdxjson`, …). */
  readonly type: string;
  readonly predicate: unknown;
  /** Further flags, such as `--rekor-entry-type`. */
  readonly flags?: readonly string[];
}

const password = 'tests';

export function createCosign(options: CosignOptions): Cosign {
  mkdirSync(options.workDir, { recursive: true });
  return {
    home: mkdtempSync(join(options.workDir, 'cosign-')),
    major: options.major ?? 3,
    ...(options.sigstore && { sigstore: options.sigstore }),
  };
}

/** An ECDSA P-256 key pair as `cosign generate-key-pair` makes it. */
export async function generateKeyPair(cosign: Cosign, name = 'cosign'): Promise<KeyFiles> {
  const prefix = join(mkdtempSync(join(cosign.home, 'keys-')), name);
  await invoke(cosign, ['generate-key-pair', '--output-key-prefix', prefix]);
  return keyFilesOf(prefix);
}

/** Makes any PEM private key (RSA, Ed25519, P-384, …) usable by cosign. */
export async function importKeyPair(
  cosign: Cosign,
  privateKeyPem: string,
  name = 'imported',
): Promise<KeyFiles> {
  const folder = mkdtempSync(join(cosign.home, 'keys-'));
  const pem = join(folder, 'private.pem');
  writeFileSync(pem, privateKeyPem, { mode: 0o600 });
  const prefix = join(folder, name);
  await invoke(cosign, ['import-key-pair', '--key', pem, '--output-key-prefix', prefix]);
  return keyFilesOf(prefix);
}

/** Signs an image by its digest. */
export async function sign(
  cosign: Cosign,
  image: PushedImage,
  signer: Signer,
  options: SignOptions = {},
): Promise<void> {
  const annotations = Object.entries(options.annotations ?? {}).flatMap(([name, value]) => [
    '-a',
    `${name}=${value}`,
  ]);
  const args = [
    'sign',
    ...signerFlags(cosign, signer),
    ...(await serviceFlags(cosign, signer, options)),
    ...registryFlags(image.registry),
    ...annotations,
    ...(options.recursive === true ? ['--recursive'] : []),
    ...(options.flags ?? []),
    '--yes',
    image.pinned,
  ];
  await invoke(cosign, args, options.env);
}

export function signKeyless(
  cosign: Cosign,
  image: PushedImage,
  options: SignOptions & { readonly token: string },
): Promise<void> {
  return sign(cosign, image, { token: options.token }, options);
}

export function signWithKey(
  cosign: Cosign,
  image: PushedImage,
  options: SignOptions & { readonly key: KeyFiles },
): Promise<void> {
  return sign(cosign, image, { key: options.key }, options);
}

/** Attaches an in-toto attestation to an image's digest. */
export async function attest(
  cosign: Cosign,
  image: PushedImage,
  signer: Signer,
  options: AttestOptions,
): Promise<void> {
  const folder = mkdtempSync(join(cosign.home, 'predicate-'));
  const predicatePath = join(folder, 'predicate.json');
  writeFileSync(predicatePath, JSON.stringify(options.predicate));
  await invoke(cosign, [
    'attest',
    '--type',
    options.type,
    '--predicate',
    predicatePath,
    ...signerFlags(cosign, signer),
    ...(await serviceFlags(cosign, signer, options)),
    ...registryFlags(image.registry),
    ...(options.flags ?? []),
    '--yes',
    image.pinned,
  ]);
  rmSync(folder, { recursive: true });
}

/** Writes an image and its signatures to an OCI image layout on disk, as `cosign save` does. */
export async function save(cosign: Cosign, image: PushedImage, folder: string): Promise<void> {
  await invoke(cosign, ['save', ...registryFlags(image.registry), '--dir', folder, image.pinned]);
}

/** cosign's own verdict, to compare with; throws where it refuses. */
export async function verify(
  cosign: Cosign,
  image: PushedImage,
  expected: { readonly key: KeyFiles } | { readonly identity: string; readonly issuer: string },
  proofs: Proofs = {},
): Promise<string> {
  const { sigstore } = cosign;
  const who =
    'key' in expected
      ? ['--key', expected.key.publicKeyPath]
      : ['--certificate-identity', expected.identity, '--certificate-oidc-issuer', expected.issuer];
  return invoke(cosign, [
    'verify',
    ...who,
    ...(sigstore ? ['--trusted-root', sigstore.trustedRootPath] : []),
    '--insecure-ignore-sct',
    ...(proofs.log === 'none' ? ['--insecure-ignore-tlog'] : []),
    ...(proofs.timestamp === true ? ['--use-signed-timestamps'] : []),
    ...registryFlags(image.registry),
    image.pinned,
  ]);
}

/** Runs any cosign command in this home; throws with what it printed when it fails. */
export function invoke(
  cosign: Cosign,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  return runOrThrow(toolPath(cosign.major === 3 ? 'cosign' : 'cosign2'), args, {
    workDir: cosign.home,
    env: {
      COSIGN_PASSWORD: password,
      ...trustOfCosign2(cosign),
      DOCKER_CONFIG: join(cosign.home, '.docker'),
      TUF_ROOT: join(cosign.home, '.tuf'),
      ...env,
    },
  });
}

function keyFilesOf(prefix: string): KeyFiles {
  const publicKeyPath = `${prefix}.pub`;
  return {
    privateKeyPath: `${prefix}.key`,
    publicKeyPath,
    publicKeyPem: readFileSync(publicKeyPath, 'utf8'),
  };
}
