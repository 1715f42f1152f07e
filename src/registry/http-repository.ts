import { Fault, Refusal } from '../errors.ts';
import { isDigest } from '../image/digest.ts';
import { isPathComponent } from '../image/reference.ts';
import { LIMITS } from '../limits.ts';
import { problemOf } from './content.ts';
import { cosignTag, referrersTag, sha256, type CosignTag } from './digest.ts';
import { pathOf } from './endpoint.ts';
import type { Answer } from './exchange.ts';
import { INDEX_TYPE, isSchemaOne, MANIFEST_TYPES, schemaOne } from './manifest.ts';
import { nextPage, ReferrerPages } from './referrer-pages.ts';
import type { ReferrersSupport } from './referrers-support.ts';
import type { AskedRegistry } from './registry-client.ts';
import type { FoundManifest, Referrers, ReferrersOptions, Repository } from './repository.ts';

const ACCEPT_MANIFESTS = MANIFEST_TYPES.join(', ');
/** Statuses by which registries say that they have no referrers API; go-containerregistry reads them so, too. */
const NO_API = [400, 404, 405, 406, 501];
const TAG = /^\w[\w.-]{0,127}$/;

/** A repository behind the distribution API (OCI distribution specification 1.1). Only reads. */
export class HttpRepository implements Repository {
  readonly #client: AskedRegistry;
  readonly #name: string;
  readonly #support: ReferrersSupport;

  /** @throws Refusal MALFORMED for a name that must not become part of a path */
  constructor(client: AskedRegistry, name: string, support: ReferrersSupport) {
    if (!name.split('/').every(isPathComponent))
      throw new Refusal('MALFORMED', 'the repository is not valid');
    this.#client = client;
    this.#name = name;
    this.#support = support;
  }

  get host(): string {
    return this.#client.host;
  }

  async resolve(tag: string, signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.#client.ask(
      this.#manifestQuestion('HEAD', tag, 'resolve'),
      [404, 405, 501],
      signal,
    );
    if (answer.status === 404) return undefined;
    if (answer.status === 200) {
      refuseSchemaOne(answer, tag);
      const digest = answer.header('docker-content-digest') ?? '';
      // A header that lies names another digest, and that one is then verified: nothing is gained by it.
      if (isDigest(digest) && digest.startsWith('sha256:')) return digest;
    }
    const bytes = await this.manifest(tag, signal);
    return bytes === undefined ? undefined : sha256(bytes);
  }

  async exists(digest: string, signal: AbortSignal): Promise<boolean> {
    const question = this.#manifestQuestion('HEAD', digest, 'manifest');
    const { status } = await this.#client.ask(question, [404, 405, 501], signal);
    return status === 200 || (status !== 404 && (await this.manifest(digest, signal)) !== undefined);
  }

  async manifest(reference: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const answer = await this.#client.ask(
      this.#manifestQuestion('GET', reference, 'manifest'),
      [404],
      signal,
    );
    if (answer.status === 404) return undefined;
    refuseSchemaOne(answer, reference);
    return answer.body;
  }

  async blob(digest: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const path = pathOf(this.#client.endpoint, `/${this.#name}/blobs/${checkedDigest(digest)}`);
    const question = {
      method: 'GET',
      path,
      headers: {},
      kind: 'blob',
      maxBytes,
      what: `blob ${digest}`,
    } as const;
    const answer = await this.#client.ask(question, [404], signal);
    return answer.status === 404 ? undefined : answer.body;
  }

  async tagged(digest: string, kind: CosignTag, signal: AbortSignal): Promise<FoundManifest | undefined> {
    const tag = cosignTag(digest, kind);
    const bytes = tag === undefined ? undefined : await this.manifest(tag, signal);
    return bytes === undefined ? undefined : { bytes, source: `tag ${tag}` };
  }

  async referrers(digest: string, { signal, fresh }: ReferrersOptions): Promise<Referrers> {
    const support = fresh ? undefined : this.#support.get();
    if (support === 'api')
      return (await this.#fromApi(digest, signal)) ?? (await this.#fromTag(digest, signal)).found;
    if (support === 'tag') {
      const { found, isThere } = await this.#fromTag(digest, signal);
      // Without the tag, "no API" is worth asking again: what is remembered may order requests but hide nothing.
      return isThere ? found : ((await this.#fromApi(digest, signal)) ?? found);
    }
    const tag = this.#fromTag(digest, signal);
    const api = await this.#fromApi(digest, signal);
    if (api !== undefined && api.faults.length === 0) {
      this.#support.set('api');
      return api;
    }
    const { found, isThere } = await tag;
    // The tag proves that the repository is there: a bare 404 may only mean that it is not.
    if (api === undefined && isThere) this.#support.set('tag');
    return merged(api, found);
  }

  /** Undefined: this registry has no referrers API. */
  async #fromApi(digest: string, signal: AbortSignal): Promise<Referrers | undefined> {
    const pages = new ReferrerPages('the list of referrers');
    const { endpoint } = this.#client;
    const path = `/${this.#name}/referrers/${checkedDigest(digest)}`;
    const list = new URL(pathOf(endpoint, path), endpoint.origin);
    let query: string | undefined = '';
    try {
      for (let page = 0; query !== undefined; page += 1) {
        if (page === LIMITS.referrerPages) {
          pages.refuse(`it has more than ${LIMITS.referrerPages} pages`);
          break;
        }
        const headers = { accept: INDEX_TYPE };
        const maxBytes = LIMITS.manifestBytes;
        const what = 'the list of referrers';
        const question = {
          method: 'GET',
          path: pathOf(endpoint, path, query),
          headers,
          kind: 'referrers',
          maxBytes,
          what,
        } as const;
        const answer: Answer = await this.#client.ask(question, page === 0 ? NO_API : [], signal);
        if (answer.status !== 200 || !isIndexType(answer)) {
          if (page === 0) return undefined;
          throw new Fault(
            'REGISTRY_ERROR',
            `registry ${this.host} ended its list of referrers with something else`,
          );
        }
        if (!pages.add(answer.body)) break;
        query = nextPage(answer.joined('link'), list, this.host);
      }
    } catch (error) {
      pages.fail(problemOf(error));
    }
    return pages.all();
  }

  async #fromTag(digest: string, signal: AbortSignal): Promise<{ found: Referrers; isThere: boolean }> {
    const tag = referrersTag(digest);
    const pages = new ReferrerPages(`tag ${tag}`);
    let isThere = false;
    try {
      const bytes = await this.manifest(tag, signal);
      isThere = bytes !== undefined;
      if (bytes !== undefined) pages.add(bytes);
    } catch (error) {
      pages.fail(problemOf(error));
    }
    return { found: pages.all(), isThere };
  }

  #manifestQuestion(method: 'GET' | 'HEAD', reference: string, kind: 'resolve' | 'manifest') {
    if (!TAG.test(reference)) checkedDigest(reference);
    return {
      method,
      path: pathOf(this.#client.endpoint, `/${this.#name}/manifests/${reference}`),
      headers: { accept: ACCEPT_MANIFESTS },
      kind,
      maxBytes: LIMITS.manifestBytes,
      what: `manifest ${reference}`,
    };
  }
}

function merged(api: Referrers | undefined, tag: Referrers): Referrers {
  if (api === undefined) return tag;
  return {
    descriptors: [...api.descriptors, ...tag.descriptors].slice(0, LIMITS.referrers),
    refused: [...api.refused, ...tag.refused],
    faults: [...api.faults, ...tag.faults],
  };
}

function isIndexType(answer: Answer): boolean {
  return (answer.header('content-type') ?? '').split(';')[0]?.trim() === INDEX_TYPE;
}

function refuseSchemaOne(answer: Answer, reference: string): void {
  if (isSchemaOne(answer.header('content-type') ?? '')) throw schemaOne(`manifest ${reference}`);
}

function checkedDigest(digest: string): string {
  if (!isDigest(digest)) throw new Refusal('MALFORMED', 'what should be a digest is none');
  return digest;
}
