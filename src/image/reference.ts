import { Fault, Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { isDigest } from './digest.ts';
import { quote } from './quote.ts';
import { registryHostProblem } from './registry-host.ts';

/** A parsed, canonical image name: what a node would pull. */
export interface ImageReference {
  /** As the user wrote it. */
  readonly original: string;
  /** `host[:port]` in its only spelling. */
  readonly registry: string;
  readonly repository: string;
  /** As written; `latest` when neither tag nor digest was. Where a digest stands too, nodes ignore the tag, and so must we. */
  readonly tag: string | undefined;
  /** `sha256:…` or `sha512:…` */
  readonly digest: string | undefined;
}

// The names, rules and limits below are those of github.com/distribution/reference, which kubelet and containerd parse with.
const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_LEGACY = 'index.docker.io';
const MAX_REPOSITORY_CHARS = 255;
const IMAGE_ID = /^[a-f0-9]{64}$/;
const LOCAL_IMAGE_ID = /^sha(?:256|384|512):/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

/**
 * Parses an image exactly as kubelet and containerd do (`ParseDockerRef`), so that what is verified is what is pulled.
 * Stricter in few places, where a node accepts two spellings of one registry or takes a name for something else.
 * @throws Refusal MALFORMED
 */
export function parseImageReference(text: string): ImageReference {
  checkCharacters(text);
  const { registry, remainder } = splitRegistry(text);
  const [name, digest] = cut(remainder, '@');
  const [repository, tag] = cut(name, ':');
  checkRepository(repository);
  if (tag !== undefined && !TAG.test(tag))
    refuse(`the tag ${quote(tag)} is not valid (letters, digits, "_", "." and "-", at most 128)`);
  if (digest !== undefined) checkDigest(digest);
  checkRegistry(registry);
  checkImageId(text);
  const implied = digest === undefined ? 'latest' : undefined;
  return { original: text, registry, repository, tag: tag ?? implied, digest };
}

/** The canonical name that globs of policies are matched with: no tag, no digest. */
export function imageName(image: ImageReference): string {
  return `${image.registry}/${image.repository}`;
}

/**
 * `repo:tag@digest`, with what the user wrote before it. A tag that was only implied is written out: so that
 * `withoutDigest` knows a digest that pinning added from one that the user wrote (`repo@digest`).
 * @throws Fault INTERNAL for a second, different digest, or for what is not a digest
 */
export function pinned(image: ImageReference, digest: string): string {
  if (!isDigest(digest)) throw new Fault('INTERNAL', 'an image cannot be pinned to what is not a digest');
  if (image.digest === digest) return image.original;
  if (image.digest !== undefined)
    throw new Fault('INTERNAL', 'an image that has a digest cannot be pinned to another');
  return `${hasTag(image.original) ? image.original : `${image.original}:${image.tag}`}@${digest}`;
}

/** The image as its author knows it: `repo:tag` of `repo:tag@digest`; anything else, also what is no reference, unchanged. */
export function withoutDigest(original: string): string {
  const [name, digest] = cut(original, '@');
  return digest !== undefined && isDigest(digest) && hasTag(name) ? name : original;
}

/** Whether a text can be one part of a repository between slashes. */
export function isPathComponent(text: string): boolean {
  return PATH_COMPONENT.test(text);
}

/** Whether a text can be a repository as registries know it, without a host. */
export function isRepository(text: string): boolean {
  return text.length <= MAX_REPOSITORY_CHARS && text.split('/').every(isPathComponent);
}

function hasTag(name: string): boolean {
  return name.lastIndexOf(':') > name.lastIndexOf('/');
}

function checkCharacters(text: string): void {
  if (text === '') refuse('the image is empty');
  // Before anything else looks at it: every later step is linear in a text of this length at most.
  if (text.length > LIMITS.imageReferenceChars)
    refuse(`the image is longer than ${LIMITS.imageReferenceChars} characters`);
  const odd = /[^!-~]/u.exec(text)?.[0];
  if (odd !== undefined) refuse(`the image holds the character ${quote(odd)}`);
  if (IMAGE_ID.test(text)) refuse('64 hexadecimal digits alone are an image id, not a name');
  if (text.includes('://')) refuse(`an image has no URL scheme, and ${quote(text)} has one`);
}

// containerd (LocalResolve) looks such a text up among the ids, also shortened ones, of the images that the node has.
function checkImageId(text: string): void {
  if (LOCAL_IMAGE_ID.test(text) && !text.includes('/')) {
    refuseStrictly(`${quote(text)} is an image id: a node would run whatever image of its own has it`);
  }
}

function splitRegistry(text: string): { registry: string; remainder: string } {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  if (!isRegistry(first)) return onDockerHub(text);
  const remainder = text.slice(slash + 1);
  return first === DOCKER_HUB || first === DOCKER_HUB_LEGACY
    ? onDockerHub(remainder)
    : { registry: first, remainder };
}

/** Whether what stands before the first slash is a registry and not the first part of a repository on Docker Hub. */
export function isRegistry(first: string): boolean {
  return first === 'localhost' || /[.:A-Z]/.test(first);
}

function onDockerHub(remainder: string): { registry: string; remainder: string } {
  return { registry: DOCKER_HUB, remainder: remainder.includes('/') ? remainder : `library/${remainder}` };
}

function checkRegistry(registry: string): void {
  const problem = registryHostProblem(registry);
  if (problem === undefined) return;
  // `foo_bar.io/x` is to distribution/reference a path without a registry; the node then asks the host foo_bar.io for it.
  if (problem.nodeAccepts || isPathComponent(registry)) refuseStrictly(problem.reason);
  refuse(problem.reason);
}

function checkRepository(repository: string): void {
  if (/[A-Z]/.test(repository)) refuse(`the repository ${quote(repository)} must be lower case`);
  const bad = repository.split('/').find((component) => !isPathComponent(component));
  if (bad !== undefined)
    refuse(`the repository ${quote(repository)} has the part ${quote(bad)}, which is not valid`);
  if (repository.length > MAX_REPOSITORY_CHARS)
    refuse(`the repository is longer than ${MAX_REPOSITORY_CHARS} characters`);
}

function checkDigest(digest: string): void {
  if (isDigest(digest)) return;
  const reason = `the digest ${quote(digest)} is not sha256: with 64, or sha512: with 128, lower-case hexadecimal digits`;
  // The library knows sha384; the OCI image specification does not register it.
  if (/^sha384:[a-f0-9]{96}$/.test(digest)) refuseStrictly(reason);
  refuse(reason);
}

function cut(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function refuse(reason: string): never {
  throw new Refusal('MALFORMED', `${reason}; a node refuses it too (InvalidImageName)`);
}

function refuseStrictly(reason: string): never {
  throw new Refusal('MALFORMED', `${reason}; a node would take it, Countersign does not`);
}
