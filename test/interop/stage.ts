import { createPublicKey } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createCosign,
  generateKeyPair,
  importKeyPair,
  type Cosign,
  type KeyFiles,
} from '../support/cosign.ts';
import type { Expected } from '../support/cosign-verify.ts';
import {
  distinguishedName,
  EKU_CODE_SIGNING,
  emailName,
  extendedKeyUsage,
  keyUsage,
  makeAuthority,
  makeCertificate,
  newKeyPair,
  subjectAltName,
  subjectKeyId,
  type KeyKind,
} from '../support/fixtures-certificates.ts';
import { pem } from '../support/fixtures-logs.ts';
import { githubIssuer, googleIssuer } from '../support/oidc.ts';
import { startRegistry, type Registry, type RegistryMode } from '../support/registry.ts';
import { startSigstore, type Sigstore } from '../support/sigstore.ts';
import type { Proof, SignerKind } from './dimensions.ts';

export const BUILDER = 'build@example.com';
export const RELEASE = 'release@corp.example';
export const WORKFLOW = { repository: 'org/app', workflow: 'release.yml', ref: 'refs/tags/v1.0.0' } as const;
const WORKFLOW_URI = `https://github.com/${WORKFLOW.repository}/.github/workflows/${WORKFLOW.workflow}@${WORKFLOW.ref}`;

/** A kind of signer, or a workflow of GitHub's, whose identity is a URI. */
export type Who = SignerKind | 'workflow';

/** Everything that rows share: one Sigstore, a registry of each mode, each tool, one key of each kind. */
export interface Stage {
  readonly folder: string;
  readonly sigstore: Sigstore;
  readonly cosign: Readonly<Record<2 | 3, Cosign>>;
  readonly registries: Readonly<Record<RegistryMode, Registry>>;
  readonly keys: Readonly<Record<KeyKind, KeyFiles>>;
  readonly corporation: Corporation;
  stop(): Promise<void>;
}

/** A private authority, and its certificate for the P-256 key. */
interface Corporation {
  readonly certificatePath: string;
  readonly chainPath: string;
  /** The logs and timestamp authorities of the Sigstore, with this authority instead of its own. */
  readonly trustedRoot: string;
  readonly trustedRootPath: string;
}

export async function startStage(folder: string): Promise<Stage> {
  const sigstore = await startSigstore({ workDir: folder });
  const referrers = await startRegistry({ mode: 'referrers', workDir: folder });
  const fallback = await startRegistry({ mode: 'fallback', workDir: folder });
  const cosign = {
    2: createCosign({ workDir: folder, sigstore, major: 2 }),
    3: createCosign({ workDir: folder, sigstore }),
  };
  const imported = (kind: KeyKind) =>
    importKeyPair(cosign[3], newKeyPair(kind).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  const keys = {
    'P-256': await generateKeyPair(cosign[3]),
    'P-384': await imported('P-384'),
    'P-521': await imported('P-521'),
    'rsa-2048': await imported('rsa-2048'),
    'rsa-4096': await imported('rsa-4096'),
    ed25519: await imported('ed25519'),
  };
  return {
    folder,
    sigstore,
    cosign,
    registries: { referrers, fallback },
    keys,
    corporation: foundCorporation(folder, sigstore, keys['P-256']),
    stop: async () => {
      await Promise.all([referrers.stop(), fallback.stop(), sigstore.stop()]);
    },
  };
}

function foundCorporation(folder: string, sigstore: Sigstore, key: KeyFiles): Corporation {
  const period = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2100-01-01T00:00:00Z') };
  const root = makeAuthority({ name: 'Corp Root', ...period });
  const publicKey = createPublicKey(key.publicKeyPem);
  const certificate = makeCertificate({
    subject: distinguishedName('Release'),
    issuer: root,
    publicKey,
    ...period,
    extensions: [
      keyUsage(0x80),
      extendedKeyUsage(EKU_CODE_SIGNING),
      subjectKeyId(publicKey),
      subjectAltName(emailName(RELEASE)),
    ],
  });
  const authority = {
    subject: { organization: 'Corp', commonName: 'Corp Root' },
    uri: 'https://ca.corp.example',
    certChain: { certificates: [{ rawBytes: root.der.toString('base64') }] },
    validFor: { start: period.notBefore.toISOString() },
  };
  const sigstoreRoot = JSON.parse(sigstore.trustedRoot) as Readonly<Record<string, unknown>>;
  const trustedRoot = JSON.stringify({ ...sigstoreRoot, certificateAuthorities: [authority] });
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  return {
    certificatePath: write('corp.crt', pem('CERTIFICATE', certificate)),
    chainPath: write('corp-chain.crt', pem('CERTIFICATE', root.der)),
    trustedRoot,
    trustedRootPath: write('corp-root.json', trustedRoot),
  };
}

/** Whom cosign is told to expect. */
export function expectedOf({ keys, corporation }: Stage, signer: Who): Expected {
  switch (signer) {
    case 'keyless':
      return { identity: BUILDER, issuer: googleIssuer };
    case 'workflow':
      return { identity: WORKFLOW_URI, issuer: githubIssuer };
    case 'certificate':
      return { identity: RELEASE, ...corporation };
    default:
      return { publicKeyPath: keys[signer].publicKeyPath };
  }
}

export interface PolicyOptions {
  readonly signatureRepository?: string;
  /** An attestation of this type is asked for as well. */
  readonly attestationType?: string;
  /** False: nothing but the attestation is asked for. */
  readonly requireSignature?: boolean;
  /** Instead of the signer's own entry. */
  readonly trusted?: unknown;
}

/**
 * Writes the policy that asks for exactly what a signature of this kind has: its signer alone, and every proof.
 * @returns the path of the file
 */
export function writePolicy(stage: Stage, who: Who, proof: Proof, options: PolicyOptions = {}): string {
  const { signatureRepository, attestationType, requireSignature = true } = options;
  const { trusted = trustedKeyOf(stage, who) } = options;
  const asked = (has: boolean) => (has ? 'Required' : 'Ignored');
  const spec = {
    mode: 'Enforce',
    ...(requireSignature ? { trustedKeys: [trusted] } : { requireSignature }),
    trustRootRef: { name: 'interop' },
    transparency: { keys: { log: asked(proof.log !== 'none'), timestamp: asked(proof.timestamp) } },
    ...(signatureRepository !== undefined && { signatureRepository }),
    ...(attestationType !== undefined && {
      attestations: [{ predicateType: attestationType, signers: [trusted] }],
    }),
  };
  const root = {
    trustedRoot: who === 'certificate' ? stage.corporation.trustedRoot : stage.sigstore.trustedRoot,
    proofs: {
      logEntries: proof.log === 'none' ? 0 : 1,
      // A certificate needs a trusted time: no root can ask for less.
      timestamps: proof.timestamp || proof.log === 'none' ? 1 : 0,
      scts: 0,
    },
  };
  const document = (kind: string, its: unknown) =>
    JSON.stringify({
      apiVersion: 'countersign.dev/v1alpha1',
      kind,
      metadata: { name: 'interop' },
      spec: its,
    });
  const file = join(mkdtempSync(join(stage.folder, 'policy-')), 'policy.yaml');
  writeFileSync(file, `${document('ClusterSigningPolicy', spec)}\n---\n${document('TrustRoot', root)}\n`);
  return file;
}

function trustedKeyOf({ keys }: Stage, who: Who): unknown {
  switch (who) {
    case 'keyless':
      return { keyless: true, issuer: googleIssuer, subject: BUILDER };
    case 'workflow':
      return { keyless: true, issuer: githubIssuer, subject: WORKFLOW_URI };
    case 'certificate':
      return { keyless: true, issuer: 'CN=Corp Root', subject: RELEASE };
    default:
      return { publicKey: { pem: keys[who].publicKeyPem } };
  }
}
