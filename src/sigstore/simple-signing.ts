import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { isJsonObject, parseStrictJson, type JsonValue } from '../strict-json.ts';

const SHA256_DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Names and type of one writer. They are compared whole and in their own letters. */
interface Dialect {
  readonly critical: string;
  readonly type: readonly [key: string, value: string];
  readonly image: string;
  readonly digest: string;
}

/** cosign 1 and 2 (containers/image, docs/containers-signature.5.md). Other names may be added: they say nothing here. */
const COSIGN: Dialect = {
  critical: 'critical',
  type: ['type', 'cosign container image signature'],
  image: 'image',
  digest: 'docker-manifest-digest',
};
/** Tekton Chains until autumn 2021, whose Go structures had no JSON names. */
const TEKTON_2021: Dialect = {
  critical: 'Critical',
  type: ['Type', 'Tekton container signature'],
  image: 'Image',
  digest: 'Docker-manifest-digest',
};

/**
 * Reads the payload that cosign 1 and 2 signed, or the one of Tekton Chains of 2021.
 * @returns the digest of the image that it names, `sha256:<64 hex>`
 * @throws Refusal MALFORMED, UNSUPPORTED, LIMIT, or DIGEST_MISMATCH when it names none in that form (attack A25).
 */
export function readSimpleSigning(payload: Uint8Array): string {
  const json = parseStrictJson(payload, 'the simple signing payload', { tokens: LIMITS.bundleTokens });
  const dialect = memberOf(json, TEKTON_2021.critical) === undefined ? COSIGN : TEKTON_2021;
  const critical = memberOf(json, dialect.critical);
  if (!isJsonObject(critical)) {
    throw new Refusal('MALFORMED', `the simple signing payload has no ${dialect.critical} part`);
  }
  const image = memberOf(critical, dialect.image);
  if (dialect === TEKTON_2021) checkTekton(json, critical, image);
  const [key, type] = dialect.type;
  if (critical[key] !== type) {
    throw new Refusal('UNSUPPORTED', `the signed payload is not of type "${type}"`);
  }
  const digest = memberOf(image, dialect.digest);
  if (typeof digest !== 'string' || !SHA256_DIGEST.test(digest)) {
    throw new Refusal('DIGEST_MISMATCH', 'the signed payload does not name the digest of an image');
  }
  return digest;
}

/** Nothing was ever added to it: with another name in it, such as cosign's `critical`, two readers could read two payloads. */
function checkTekton(...[json, critical, image]: readonly (JsonValue | undefined)[]): void {
  if (
    !hasOnly(json, 'Critical', 'Optional') ||
    !hasOnly(critical, 'Identity', 'Image', 'Type') ||
    !hasOnly(image, 'Docker-manifest-digest')
  ) {
    throw new Refusal(
      'MALFORMED',
      'the payload of Tekton Chains has a name that Tekton Chains does not write',
    );
  }
}

function hasOnly(value: JsonValue | undefined, ...names: readonly string[]): boolean {
  return !isJsonObject(value) || Object.keys(value).every((name) => names.includes(name));
}

function memberOf(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
