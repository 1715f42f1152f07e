import { Fault, Refusal } from '../errors.ts';
import { isDigest } from '../image/digest.ts';
import { isPathComponent } from '../image/reference.ts';
import { LIMITS } from '../limits.ts';
import { problemOf } from './content.ts';
import { cosignTag, referrersTag, sha256, type CosignTag } from './digest.ts';
import { pathOf } from './endpoint.ts';
import type { Answer } from './exchange.ts';
import { contentFault } from './faults.ts';
import {
  declaredContent,
  INDEX_TYPE,
  isSchemaOne,
  looksLikeManifest,
  MANIFEST_TYPES,
  parseManifest,
  schemaOne,
} from './manifest.ts';
import { nextPage, ReferrerPages } from './referrer-pages.ts';
import type { ReferrersSupport } from './referrers-support.ts';
import type { AskedRegistry } from './registry-client.ts';
import type { FoundManifest, Referrers, ReferrersOptions, Repository } from './repository.ts';

const ACCEPT_MANIFESTS = MANIFEST_TYPES.join(', ');
/** Statuses by which registries say that they have no referrers API; go-containerregistry reads them so, too. */
const NO_API = [400, 404, 405, 406, 501];
/** Statuses by which registries and gateways refuse HEAD where they answer GET. */
const NO_HEAD = [400, 403, 405, 501];
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

  /** A HEAD is believed where it names the digest of a manifest; everything else is decided by the bytes. */
  async resolve(tag: string, signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.#head(tag, 'resolve', signal);
    if (answer.status === 404) return undefined;
    const digest = answer.header('docker-content-digest') ?? '';
    // A header that is wrong names another digest, and that one is then verified: nothing is gained by it.
    if (isManifest(answer) && isDigest(digest) && digest.startsWith('sha256:')) return digest;
    const bytes = await this.manifest(tag, signal);
    if (bytes === undefined) return undefined;
    parseManifest(bytes, `manifest ${tag}`);
    return sha256(bytes);
  }

  async exists(digest: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#head(digest, 'manifest', signal);
    if (answer.status === 404) return false;
    return isManifest(answer) || (await this.manifest(digest, signal)) !== undefined;
  }

  async #head(reference: string, kind: 'resolve' | 'manifest', signal: AbortSignal): Promise<Answer> {
    const question = this.#manifestQuestion('HEAD', reference, kind);
    const answer = await this.#client.ask(question, [404, ...NO_HEAD], signal);
    refuseSchemaOne(answer, reference);
    return answer;
  }

  async manifest(
    reference: string,
    signal: AbortSignal,
    maxBytes: number = LIMITS.manifestBytes,
  ): Promise<Uint8Array | undefined> {
    const question = { ...this.#manifestQuestion('GET', reference, 'manifest'), maxBytes };
    const answer = await this.#client.ask(question, [404], signal);
    if (answer.status === 404) return undefined;
    refuseSchemaOne(answer, reference);
    if (!isBelievable(answer, reference)) throw contentFault(this.host, 'a manifest');
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
    if (answer.status === 404) return undefined;
    // Other bytes than those of the digest are the artifact's fault, unless they are a page.
    if (isPage(answer) && sha256(answer.body) !== digest) throw contentFault(this.host, `blob ${digest}`);
    return answer.body;
  }

  async tagged(digest: string, kind: CosignTag, signal: AbortSignal): Promise<FoundManifest | undefined> {
    const tag = cosignTag(digest, kind);
    const bytes = tag === undefined ? undefined : await this.manifest(tag, signal);
    return bytes === undefined ? undefined : { bytes, source: `tag ${tag}` };
  }

  async referrers(digest: string, { signal, fresh }: ReferrersOptions): Promise<Referrers> {
    const support = fresh ? undefined : this.#support.get();
    if (support === 'api') {
      const api = await this.#fromApi(digest, signal);
      // Caches in front of registries answer with an empty list: the tag counts wherever the API has nothing.
      return hasAll(api) ? api : merged(api, (await this.#fromTag(digest, signal)).found);
    }
    if (support === 'tag') {
      const { found, isThere } = await this.#fromTag(digest, signal);
      // Without the tag, "no API" is worth asking again: what is remembered may order requests but hide nothing.
      return isThere ? found : merged(await this.#fromApi(digest, signal), found);
    }
    const tag = this.#fromTag(digest, signal);
    const api = await this.#fromApi(digest, signal);
    if (hasAll(api)) {
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
        if (answer.status !== 200 || !isListOfReferrers(answer)) {
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
    // Each list is bounded; what is read of both is bounded by whoever reads.
    descriptors: [...api.descriptors, ...tag.descriptors],
    refused: [...api.refused, ...tag.refused],
    faults: [...api.faults, ...tag.faults],
  };
}

/** Whether a list needs no other beside it: it has entries, and nothing of it is missing. */
function hasAll(list: Referrers | undefined): list is Referrers {
  return list !== undefined && list.descriptors.length > 0 && list.faults.length === 0;
}

/** Some registries answer with an index and call it JSON; what else comes is a page of a registry without the API. */
function isListOfReferrers({ header, body }: Answer): boolean {
  const type = (header('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === INDEX_TYPE) return true;
  return declaredContent(type) === 'generic' && looksLikeManifest(body);
}

function isManifest(answer: Answer): boolean {
  return answer.status === 200 && declaredContent(answer.header('content-type')) === 'manifest';
}

/** By its type, or by its digest, or where the type says nothing by its shape. */
function isBelievable({ header, body }: Answer, reference: string): boolean {
  const declared = declaredContent(header('content-type'));
  if (declared === 'manifest') return true;
  if (isDigest(reference) && sha256(body) === reference) return true;
  return declared === 'generic' && looksLikeManifest(body);
}

/** Blobs come under any type, these but by mistake. */
function isPage(answer: Answer): boolean {
  return /^\s*(?:text\/html|application\/xhtml\+xml|(?:text|application)\/xml)\b/i.test(
    answer.header('content-type') ?? '',
  );
}

function refuseSchemaOne(answer: Answer, reference: string): void {
  if (isSchemaOne(answer.header('content-type') ?? '')) throw schemaOne(`manifest ${reference}`);
}

function checkedDigest(digest: string): string {
  if (!isDigest(digest)) throw new Refusal('MALFORMED', 'what should be a digest is none');
  return digest;
}
