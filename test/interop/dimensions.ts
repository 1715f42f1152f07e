import type { KeyKind } from '../support/fixtures-certificates.ts';
import type { LogChoice } from '../support/sigstore-trust.ts';
import { CHANGES, type Change } from './changes.ts';

/** What the table of docs/compatibility.md is made over. */

export interface Tool {
  readonly name: string;
  readonly major: 2 | 3;
  /** Writes the layout of cosign 1 and 2. */
  readonly legacy: boolean;
}

export const TOOLS = {
  cosign2: { name: 'cosign 2.6.5', major: 2, legacy: true },
  cosign2Bundle: { name: 'cosign 2.6.5 `--new-bundle-format`', major: 2, legacy: false },
  cosign3Legacy: { name: 'cosign 3.1.3 `--new-bundle-format=false`', major: 3, legacy: true },
  cosign3: { name: 'cosign 3.1.3', major: 3, legacy: false },
} as const satisfies Readonly<Record<string, Tool>>;

export interface Proof {
  readonly name: string;
  readonly log: LogChoice;
  readonly timestamp: boolean;
}

export const PROOFS = {
  v2Stamped: { name: 'Rekor v2 and timestamp', log: 'v2', timestamp: true },
  v1: { name: 'Rekor v1', log: 'v1', timestamp: false },
  v1Stamped: { name: 'Rekor v1 and timestamp', log: 'v1', timestamp: true },
  stamped: { name: 'timestamp only', log: 'none', timestamp: true },
  none: { name: 'none', log: 'none', timestamp: false },
} as const satisfies Readonly<Record<string, Proof>>;

/** A certificate of Fulcio, a key of one's own, or a key with a certificate of a private authority. */
export type SignerKind = 'keyless' | KeyKind | 'certificate';

export const SIGNER_KINDS: Readonly<Record<SignerKind, string>> = {
  keyless: 'keyless',
  'P-256': 'P-256',
  'P-384': 'P-384',
  'P-521': 'P-521',
  'rsa-2048': 'RSA 2048',
  'rsa-4096': 'RSA 4096',
  ed25519: 'Ed25519',
  certificate: 'certificate',
};

export interface Storage {
  readonly name: string;
  readonly mode: 'referrers' | 'fallback';
  readonly place?: 'COSIGN_REPOSITORY' | 'saved' | 'experimental' | 'oras' | 'oras-untyped';
}

export const STORAGES = {
  referrers: { name: 'referrers API', mode: 'referrers' },
  fallback: { name: 'fallback tag `sha256-<hex>`', mode: 'fallback' },
  tag: { name: 'tag `sha256-<hex>.sig`', mode: 'referrers' },
  tagFallback: { name: 'tag `sha256-<hex>.sig`, registry without referrers API', mode: 'fallback' },
  apart: { name: '`COSIGN_REPOSITORY`', mode: 'referrers', place: 'COSIGN_REPOSITORY' },
  apartFallback: {
    name: '`COSIGN_REPOSITORY`, registry without referrers API',
    mode: 'fallback',
    place: 'COSIGN_REPOSITORY',
  },
  saved: { name: '`cosign save`', mode: 'referrers', place: 'saved' },
  experimental: {
    name: '`COSIGN_EXPERIMENTAL=1 --registry-referrers-mode=oci-1-1`',
    mode: 'referrers',
    place: 'experimental',
  },
  oras: { name: '`oras attach`, with the artifact type of a bundle', mode: 'referrers', place: 'oras' },
  orasFallback: {
    name: '`oras attach`, with the artifact type, registry without referrers API',
    mode: 'fallback',
    place: 'oras',
  },
  orasUntyped: { name: '`oras attach`, without an artifact type', mode: 'referrers', place: 'oras-untyped' },
  orasUntypedFallback: {
    name: '`oras attach`, without an artifact type, registry without referrers API',
    mode: 'fallback',
    place: 'oras-untyped',
  },
} as const satisfies Readonly<Record<string, Storage>>;

export interface Row {
  readonly tool: Tool;
  readonly storage: Storage;
  readonly proof: Proof;
  readonly signer: SignerKind;
  /** Parts of the evidence of which a byte is changed. */
  readonly changes: readonly Change[];
}

/** Log and timestamp together are in `PLACES`, and in these for Rekor v2. */
export const MATRIX_PROOFS: readonly Proof[] = [PROOFS.v2Stamped, PROOFS.v1, PROOFS.stamped, PROOFS.none];
const KINDS = Object.keys(SIGNER_KINDS) as SignerKind[];

/** Every tool with every proof and kind of key, stored as the tool stores it by itself. */
export const MATRIX: readonly Row[] = Object.values<Tool>(TOOLS).flatMap((tool) =>
  MATRIX_PROOFS.flatMap((proof) =>
    // Where the log takes no entry of the tool's, it does not matter whose key it is.
    (isForeignLog(tool, proof) ? (['keyless'] as const) : KINDS).map((signer) => ({
      tool,
      storage: tool.legacy ? STORAGES.tag : STORAGES.referrers,
      proof,
      signer,
      changes: CHANGES,
    })),
  ),
);

/**
 * Every tool with every place: how evidence is stored depends on neither proof nor key, so one of each will do, and one place for what
 * Rekor v1 and a timestamp prove together.
 */
export const PLACES: readonly Row[] = Object.values<Tool>(TOOLS).flatMap((tool) =>
  storagesOf(tool).flatMap((storage) =>
    (['keyless', 'P-256'] as const).map((signer) => {
      const proof = isForeignLog(tool, PROOFS.v2Stamped) ? PROOFS.v1Stamped : PROOFS.v2Stamped;
      const isUsual = storage === STORAGES.tag || storage === STORAGES.referrers;
      return {
        tool,
        storage,
        proof,
        signer,
        changes: isUsual ? CHANGES : (['payload', 'timestamp'] as const),
      };
    }),
  ),
);

/** Each once. */
export const ROWS: readonly Row[] = [
  ...new Map([...PLACES, ...MATRIX].map((row) => [nameOf(row), row])).values(),
];

/** Only cosign 3's bundles go into Rekor v2: older tools ask for entries that it does not have. */
export function isForeignLog(tool: Tool, { log }: Proof): boolean {
  return log === 'v2' && (tool.legacy || tool.major === 2);
}

function storagesOf({ legacy, major }: Tool): readonly Storage[] {
  const { tag, tagFallback, referrers, fallback, apart, apartFallback, saved } = STORAGES;
  const everywhere = [apart, apartFallback, saved];
  if (legacy) return [tag, tagFallback, ...everywhere, ...(major === 2 ? [STORAGES.experimental] : [])];
  const { oras, orasFallback, orasUntyped, orasUntypedFallback } = STORAGES;
  const attached = [oras, orasFallback, orasUntyped, orasUntypedFallback];
  return [referrers, fallback, ...everywhere, ...(major === 3 ? attached : [])];
}

export function nameOf({ tool, storage, proof, signer }: Row): string {
  return `${tool.name}, ${storage.name}, ${proof.name}, ${SIGNER_KINDS[signer]}`;
}
