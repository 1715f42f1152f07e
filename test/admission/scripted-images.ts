import type {
  AskOptions,
  Discovery,
  DiscoverOptions,
  ImageSource,
  PlatformManifest,
  Puller,
  Resolved,
} from '../../src/admission/ports.ts';
import { Fault } from '../../src/errors.ts';
import { imageName, type ImageReference } from '../../src/image/reference.ts';
import type { FoundEvidence, LargeEvidence } from '../../src/sigstore/evidence.ts';

/** A registry that answers what it is told to, and counts. */
export class ScriptedImages implements ImageSource {
  /** Digest of each `registry/repository:tag`. */
  readonly tags: Map<string, string>;
  /** By digest, or by `registry/repository digest` where it lies in another repository. */
  readonly evidence: Map<string, readonly FoundEvidence[]>;
  /** Bytes of large evidence, by digest. */
  readonly contents = new Map<string, Uint8Array>();
  /** Digests whose manifest can be read. */
  readonly manifests = new Set<string>();
  /** Platforms of each index. */
  readonly indexes = new Map<string, readonly PlatformManifest[]>();
  /** Answered instead of `evidence`, unless somebody asks for a fresh look. */
  remembered: ReadonlyMap<string, readonly FoundEvidence[]> | undefined;
  /** Which look-ups are answered so, by the key of `evidence`. */
  isRemembered: (key: string) => boolean = () => true;
  failing: Error | undefined;
  /** What makes a call fail, by its line in `calls`. */
  readonly failingCalls = new Map<string, Error>();
  silent = false;
  withPullSecret = false;
  readonly calls: string[] = [];
  readonly pullers: Puller[] = [];

  constructor(
    tags: ReadonlyMap<string, string> = new Map(),
    evidence: ReadonlyMap<string, readonly FoundEvidence[]> = new Map(),
  ) {
    this.tags = new Map(tags);
    this.evidence = new Map(evidence);
  }

  async resolve(image: ImageReference, { puller }: AskOptions): Promise<Resolved> {
    this.pullers.push(puller);
    const name = `${imageName(image)}:${image.tag}`;
    await this.#answer(`resolve ${name}`);
    const digest = this.tags.get(name);
    if (digest === undefined) throw new Fault('IMAGE_NOT_FOUND', `${name} does not exist`);
    return { digest, withPullSecret: this.withPullSecret };
  }

  async discover(
    image: ImageReference,
    digest: string,
    { fresh, puller, signatureRepository }: DiscoverOptions,
  ): Promise<Discovery> {
    this.pullers.push(puller);
    const place = signatureRepository === undefined ? '' : imageName(signatureRepository);
    const where = place === '' ? '' : ` in ${place}`;
    await this.#answer(`discover ${image.repository} ${short(digest)}${where}${fresh ? ' fresh' : ''}`);
    const key = `${place} ${digest}`.trim();
    const remembered = fresh || !this.isRemembered(key) ? undefined : this.remembered;
    const evidence = (remembered ?? this.evidence).get(key) ?? [];
    const { withPullSecret } = this;
    return { evidence, refused: [], faults: [], withPullSecret, remembered: remembered !== undefined };
  }

  async manifest(_image: ImageReference, digest: string): Promise<Uint8Array> {
    if (!this.manifests.has(digest)) throw new Fault('REGISTRY_ERROR', 'no manifest');
    return new Uint8Array();
  }

  async content(_image: ImageReference, { digest }: LargeEvidence): Promise<Uint8Array> {
    await this.#answer(`content ${short(digest)}`);
    const bytes = this.contents.get(digest);
    if (bytes === undefined) throw new Fault('EVIDENCE_GONE', `${digest} is not in the repository`);
    // It is moved to another thread.
    return new Uint8Array(bytes);
  }

  async platforms(
    _image: ImageReference,
    digest: string,
    { puller }: AskOptions,
  ): Promise<readonly PlatformManifest[] | undefined> {
    this.pullers.push(puller);
    await this.#answer(`platforms ${short(digest)}`);
    return this.indexes.get(digest);
  }

  async #answer(call: string): Promise<void> {
    this.calls.push(call);
    if (this.silent) await new Promise(() => {});
    const error = this.failing ?? this.failingCalls.get(call);
    if (error !== undefined) throw error;
  }
}

/** The first two digits. */
function short(digest: string): string {
  return digest.slice(7, 9);
}
