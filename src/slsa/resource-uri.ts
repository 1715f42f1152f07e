import { Refusal } from '../errors.ts';
import { imageName, parseImageReference } from '../image/reference.ts';

/** The image that is asked about. */
export interface SlsaImage {
  /** `registry/repository`, canonical (`imageName`). */
  readonly name: string;
  /** `sha256:<64 hex>` */
  readonly digest: string;
}

const SCHEME = /^(?:oci|docker|https):\/\//;
const PACKAGE = /^pkg:oci\/([^@?#/]{1,256})(?:@([^?#]{1,256}))?(?:\?([^#]{1,1024}))?$/;

/**
 * Whether a verification summary's `resourceUri` names this image: its name as in a registry, with or without scheme, tag and
 * digest, or a package URL (https://github.com/package-url/purl-spec, type oci). A digest that it has must be this one; a tag
 * says nothing, because it moves.
 */
export function isResource(uri: string, image: SlsaImage): boolean {
  const [, name, version, qualifiers] = PACKAGE.exec(uri) ?? [];
  if (name === undefined) return isReference(uri.replace(SCHEME, ''), image);
  const repository = qualifierOf(qualifiers ?? '', 'repository_url');
  if (repository === undefined) return false;
  const digest = version === undefined ? image.digest : decode(version);
  // The repository's URL may or may not end with the package's name.
  const isNamed = repository.endsWith(`/${name}`) && isReference(repository, image);
  return digest === image.digest && (isNamed || isReference(`${repository}/${name}`, image));
}

function isReference(text: string, image: SlsaImage): boolean {
  try {
    const reference = parseImageReference(text);
    const isSame = reference.digest === undefined || reference.digest === image.digest;
    return isSame && imageName(reference) === image.name;
  } catch (thrown) {
    if (thrown instanceof Refusal) return false;
    throw thrown;
  }
}

/** The value of a qualifier that stands there once. */
function qualifierOf(qualifiers: string, key: string): string | undefined {
  const values = qualifiers.split('&').filter((pair) => pair.startsWith(`${key}=`));
  const [only, ...others] = values;
  return only === undefined || others.length > 0 ? undefined : decode(only.slice(key.length + 1));
}

/** Only the two characters that names and digests have and package URLs encode; anything else encoded matches nothing. */
function decode(text: string): string {
  return text.replace(/%3a/gi, ':').replace(/%2f/gi, '/');
}
