import { stringify } from 'yaml';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { examineImage } from '../../src/admission/judge-image.ts';
import type { LargeEvidenceDesk } from '../../src/admission/large-evidence.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import { parseDocuments } from '../../src/api/policy-file.ts';
import { silentLogger } from '../../src/log.ts';
import { headline } from '../../src/policy/message.ts';
import { compileSnapshot } from '../../src/policy/snapshot.ts';
import type { Outcome } from '../../src/policy/verdict.ts';
import { RegistryImageSource } from '../../src/registry/image-source.ts';
import type { CertificateIdentity } from '../../src/sigstore/verified-signature.ts';
import { NOW, RELEASED, SIGNED, type Json } from '../slsa/statements.ts';
import { newKeyPair, type KeyPair } from '../support/fixtures-certificates.ts';
import {
  createSigstore,
  GOLD_ISSUER,
  publicKeyPem,
  type LeafOptions,
  type TestSigstore,
} from '../support/fixtures.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import {
  aboutImage,
  attach,
  certificateFor,
  type AttestationForm,
  type Signable,
} from '../support/provenance.ts';
import { startRegistry, type Registry, type RegistryMode } from '../support/registry.ts';
import { staticTrust } from '../support/trust.ts';
import { createWorkDirectory } from '../support/work-dir.ts';
import { largeEvidence } from '../support/large-evidence.ts';

/** Signers of policies by the names of their TrustedSigners, each with a key of its own. */
export const SIGNERS = ['tekton-chains', 'cloud-build', 'verifier', 'release-ci'] as const;
export type SignerName = (typeof SIGNERS)[number];

/** Who signs a statement: a certificate's identity, or the certificate itself, or one of the keys. */
export type Author = CertificateIdentity | { readonly leaf: LeafOptions } | SignerName | KeyPair;

/** A statement as it is written down before anybody knows the image. */
export interface Written {
  readonly json: Json;
  readonly by: Author;
  /** Milliseconds since the epoch; one hour before the verdict otherwise. */
  readonly at?: number;
  /** The subject stays as it is written. */
  readonly asWritten?: boolean;
}

/** Where attestations of one image can lie. */
export interface Storage {
  readonly mode: RegistryMode;
  readonly form: AttestationForm;
}

export const STORAGES: readonly Storage[] = (['referrers', 'fallback'] as const).flatMap((mode) =>
  (['bundle', 'att'] as const).map((form) => ({ mode, form })),
);

/** Verdicts by the names of their policies. */
export type Outcomes = Readonly<Record<string, Outcome & { readonly headline: string }>>;

/** What is remembered from one verdict to the next. */
export interface Memory {
  readonly images: RegistryImageSource;
  readonly facts: FactCache;
  readonly statements: StatementCache;
  readonly large: LargeEvidenceDesk;
}

/** Two real registries, a Sigstore of the tests' own, and the whole path from policies in YAML to verdicts. */
export class SlsaJudge {
  readonly sigstore: TestSigstore = createSigstore();
  /** Another root, which policies trust for the TrustedSigner `corp` only; its subject is a workflow on GitHub. */
  readonly corp: TestSigstore = createSigstore({ name: 'corp' });
  readonly keys: Readonly<Record<SignerName, KeyPair>>;
  readonly registries: Readonly<Record<RegistryMode, Registry>>;
  readonly #work;
  readonly #sources: RegistryImageSource[] = [];
  #images = 0;

  private constructor(
    registries: Readonly<Record<RegistryMode, Registry>>,
    work: ReturnType<typeof createWorkDirectory>,
  ) {
    this.registries = registries;
    this.#work = work;
    const pairs = SIGNERS.map((name) => [name, newKeyPair()] as const);
    this.keys = Object.fromEntries(pairs) as Record<SignerName, KeyPair>;
  }

  static async start(): Promise<SlsaJudge> {
    const work = createWorkDirectory('slsa');
    const [referrers, fallback] = await Promise.all([
      startRegistry({ mode: 'referrers', workDir: work.path }),
      startRegistry({ mode: 'fallback', workDir: work.path }),
    ]);
    return new SlsaJudge({ referrers, fallback }, work);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.stop()));
    await Promise.all(Object.values(this.registries).map((registry) => registry.stop()));
    this.#work.remove();
  }

  /** Another image each time, with nothing beside it. */
  image(mode: RegistryMode): Promise<PushedImage> {
    const content = `image ${(this.#images += 1)}`;
    return pushImage(this.registries[mode], 'acme/server', { tag: `v${this.#images}`, content });
  }

  async attached({ mode, form }: Storage, written: readonly Written[]): Promise<PushedImage> {
    const image = await this.image(mode);
    await attach(
      this.sigstore,
      image,
      form,
      written.map((each) => this.signable(each, image)),
    );
    return image;
  }

  signable({ json, by, at = SIGNED, asWritten = false }: Written, image: PushedImage): Signable {
    const about = asWritten ? json : aboutImage(json, image);
    return { json: about, by: { ...this.#author(by), at: new Date(at) } };
  }

  #author(by: Author): Signable['by'] {
    if (typeof by === 'string') return { key: this.keys[by] };
    if ('leaf' in by) return { by: by.leaf };
    return 'privateKey' in by ? { key: by } : { by: certificateFor(by as CertificateIdentity) };
  }

  /** Nothing is remembered yet. */
  memory(): Memory {
    const images = new RegistryImageSource({
      registries: Object.values(this.registries).map(({ host }) => ({ host, plainHttp: true })),
      log: silentLogger,
    });
    this.#sources.push(images);
    return { images, facts: new FactCache(), statements: new StatementCache(), large: largeEvidence() };
  }

  /** @param specs of ClusterSigningPolicies by name, written as YAML and read as files are */
  async judge(
    image: PushedImage,
    specs: Readonly<Record<string, object>>,
    memory: Memory = this.memory(),
    now = NOW,
  ): Promise<Outcomes> {
    const read = parseDocuments(this.#documents(specs), 'policies.yaml');
    if (read.problems.length > 0) throw new Error(JSON.stringify(read.problems));
    const resources = read.resources.map(({ resource }) => resource);
    const material = staticTrust(new Map()).material();
    const { policies } = compileSnapshot({ number: 1, resources, material });
    const { examined } = await examineImage(image.pinned, policies, {
      sources: memory,
      circumstances: { now, isPod: true },
      puller: { namespace: 'mcp', pullSecrets: [], serviceAccount: 'default' },
      signal: AbortSignal.timeout(20_000),
    });
    return Object.fromEntries(
      examined.map(({ verdict }) => [
        verdict.policy?.name,
        { ...verdict.outcome, headline: headline({ image: image.reference }, verdict) },
      ]),
    );
  }

  #documents(specs: Readonly<Record<string, object>>): string {
    const resource = (kind: string, name: string, spec: object) => ({
      apiVersion: 'countersign.dev/v1alpha1',
      kind,
      metadata: { name },
      spec,
    });
    const signers = SIGNERS.map((name) =>
      resource('TrustedSigner', name, { publicKey: { pem: publicKeyPem(this.keys[name]) } }),
    );
    const corp = resource('TrustedSigner', 'corp', {
      keyless: true,
      issuer: GOLD_ISSUER,
      subject: RELEASED,
      trustRootRef: { name: 'corp' },
    });
    const proofs = { preset: 'Private' };
    const roots = [
      resource('TrustRoot', 'tests', { trustedRoot: this.sigstore.trustedRootJson, proofs }),
      resource('TrustRoot', 'corp', { trustedRoot: this.corp.trustedRootJson, proofs }),
    ];
    const policies = Object.entries(specs).map(([name, spec]) =>
      resource('ClusterSigningPolicy', name, {
        mode: 'Enforce',
        trustRootRef: { name: 'tests' },
        requireSignature: 'trustedKeys' in spec,
        ...spec,
      }),
    );
    return [...signers, corp, ...roots, ...policies].map((document) => stringify(document)).join('---\n');
  }
}

/** The codes of a "no", nearest first; none for a verified image, and `fault …` where nobody could tell. */
export function codesOf(outcome: Outcome | undefined): readonly string[] {
  switch (outcome?.kind) {
    case 'violated':
      return outcome.violations.map(({ code }) => code);
    case 'faulted':
      return outcome.faults.map(({ code }) => `fault ${code}`);
    case 'verified':
      return [];
    default:
      return ['no verdict'];
  }
}
