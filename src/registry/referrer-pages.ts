import { Fault, Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { JsonValue } from '../strict-json.ts';
import type { RefusedEvidence } from '../sigstore/verified-signature.ts';
import { parseManifest } from './manifest.ts';
import type { Referrers } from './repository.ts';

/** Gathers the pages of a list of referrers; what is wrong with one leaves the others as they are. */
export class ReferrerPages {
  readonly #source: string;
  readonly #descriptors: JsonValue[] = [];
  readonly #refused: RefusedEvidence[] = [];
  readonly #faults: Fault[] = [];
  #bytes = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Takes one page in; false when no further one is wanted. */
  add(bytes: Uint8Array): boolean {
    const page = parseManifest(bytes, this.#source);
    if (page.kind !== 'index') throw new Refusal('MALFORMED', `${this.#source} is an image and not a list`);
    const isWanted = this.push(page.manifests);
    this.#bytes += bytes.length;
    if (!isWanted || this.#bytes <= LIMITS.referrerListBytes) return isWanted;
    this.refuse(`it has more than ${LIMITS.referrerListBytes} bytes; only its beginning was looked at`);
    return false;
  }

  /** Takes links in; false when no further ones are wanted. */
  push(descriptors: readonly JsonValue[]): boolean {
    const left = LIMITS.referrers - this.#descriptors.length;
    this.#descriptors.push(...descriptors.slice(0, left));
    if (descriptors.length <= left) return true;
    const most = LIMITS.referrers;
    this.refuse(
      `${most} of ${most + descriptors.length - left} or more entries were looked at, the first of them`,
    );
    return false;
  }

  refuse(detail: string): void {
    this.#refused.push({ source: this.#source, code: 'LIMIT', detail, isBound: true });
  }

  fail(problem: Fault | Refusal): void {
    if (problem instanceof Fault) this.#faults.push(problem);
    else this.#refused.push({ source: this.#source, code: problem.code, detail: problem.message });
  }

  all(): Referrers {
    return { descriptors: this.#descriptors, refused: this.#refused, faults: this.#faults };
  }
}

/**
 * The query of the next page from a Link header (RFC 8288); undefined = this was the last.
 * @throws Fault for a link that leads anywhere but to the same list
 */
export function nextPage(link: string, list: URL, host: string): string | undefined {
  const entry = /<([^<>]{1,4096})>\s*;[^<>]*\brel="?next"?(?![\w-])/i.exec(
    link.slice(0, LIMITS.challengeBytes),
  );
  if (entry === null) return undefined;
  const target = URL.parse(entry[1] ?? '', list.href);
  if (target === null || target.origin !== list.origin || !isSamePath(target.pathname, list.pathname)) {
    throw new Fault('REGISTRY_ERROR', `registry ${host} continues its list of referrers at another place`);
  }
  return target.search;
}

/** `%3A` is `:`, in the same segment (RFC 3986, 6.2.2.2). Decoded once: a name that is escaped twice is another name. */
function isSamePath(one: string, other: string): boolean {
  const [decoded, expected] = [one, other].map((path) => path.split('/').map(decodedSegment));
  return (
    decoded !== undefined &&
    decoded.length === expected?.length &&
    decoded.every((segment, index) => segment !== undefined && segment === expected[index])
  );
}

/** Undefined for an escape that is none. */
function decodedSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
