import { Refusal, unreachable } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { isAbsent, join, objectAt, own, podOf, type JsonObject } from './pod.ts';
import { quote } from './quote.ts';

/** The four lists of a PodSpec that can name an image; a test reflects over the real PodSpec that there is no fifth. */
const CONTAINER_LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

export type ImageList = (typeof CONTAINER_LISTS)[number] | 'volumes';

/** One image that a workload names. */
export interface WorkloadImage {
  /** `spec.template.spec.containers[0].image` */
  readonly field: string;
  readonly list: ImageList;
  /** Name of the container or volume. */
  readonly name: string;
  /** As written; empty when it is missing, which Kubernetes allows in templates. Not parsed: `parseImageReference` refuses it. */
  readonly image: string;
}

/**
 * Every image of a workload, in the order of the object. What owns the object, and what it is called, plays no part.
 * @throws Refusal MALFORMED for an unknown kind or a shape that is not the kind's, LIMIT for too many: never "no images"
 */
export function imagesOf(kind: string, object: unknown): readonly WorkloadImage[] {
  const { path, pod } = podOf(kind, object);
  const field = join(path, 'spec');
  const spec = objectAt(own(pod, 'spec'), field);
  const images = [
    ...CONTAINER_LISTS.flatMap((list) => containerImages(spec, field, list)),
    ...volumeImages(spec, field),
  ];
  if (!images.some((image) => image.list === 'containers')) {
    throw new Refusal('MALFORMED', `${field}.containers is empty: every Pod has a container`);
  }
  return atMost(images, field);
}

/**
 * The images that an UPDATE brings: all but those that stand, equal byte for byte, in the same list under the same name
 * in the old object. A name that is there twice, before or after, says nothing about which is which: then it is changed.
 * @throws Refusal as `imagesOf`, for either object
 */
export function changedImages(kind: string, object: unknown, oldObject: unknown): readonly WorkloadImage[] {
  const images = imagesOf(kind, object);
  const before = byPlace(imagesOf(kind, oldObject));
  const after = byPlace(images);
  return images.filter((image) => {
    const place = placeKey(image);
    const old = before.get(place);
    return old?.length !== 1 || after.get(place)?.length !== 1 || old[0]?.image !== image.image;
  });
}

/**
 * Labels of the Pod, or of those that its template makes: never of the workload itself. The result inherits nothing.
 * @throws Refusal MALFORMED
 */
export function podLabelsOf(kind: string, object: unknown): Readonly<Record<string, string>> {
  const { path, pod } = podOf(kind, object);
  const field = join(path, 'metadata');
  const found: Record<string, string> = Object.create(null);
  const metadata = own(pod, 'metadata');
  // Go writes an empty map or struct as null, or not at all.
  if (isAbsent(metadata)) return found;
  const labels = own(objectAt(metadata, field), 'labels');
  if (isAbsent(labels)) return found;
  for (const [key, value] of Object.entries(objectAt(labels, `${field}.labels`))) {
    if (typeof value !== 'string')
      throw new Refusal('MALFORMED', `${field}.labels: ${quote(key)} is not a text`);
    found[key] = value;
  }
  return found;
}

/** What people call the place of an image: `container "server"`. */
export function placeOf(image: WorkloadImage): string {
  return `${listNoun(image.list)} ${quote(image.name)}`;
}

function listNoun(list: ImageList): string {
  switch (list) {
    case 'initContainers':
      return 'init container';
    case 'containers':
      return 'container';
    case 'ephemeralContainers':
      return 'ephemeral container';
    case 'volumes':
      return 'volume';
    default:
      return unreachable(list);
  }
}

function containerImages(spec: JsonObject, path: string, list: ImageList): readonly WorkloadImage[] {
  const containers = listAt(own(spec, list), `${path}.${list}`);
  return atMost(containers, `${path}.${list}`).map((value, index) => {
    const field = `${path}.${list}[${index}]`;
    const container = objectAt(value, field);
    return {
      field: `${field}.image`,
      list,
      name: nameOf(container, field),
      image: textAt(own(container, 'image'), `${field}.image`),
    };
  });
}

function volumeImages(spec: JsonObject, path: string): readonly WorkloadImage[] {
  return listAt(own(spec, 'volumes'), `${path}.volumes`).flatMap((value, index) => {
    const field = `${path}.volumes[${index}]`;
    const volume = objectAt(value, field);
    const source = own(volume, 'image');
    if (isAbsent(source)) return [];
    const reference = own(objectAt(source, `${field}.image`), 'reference');
    const image = textAt(reference, `${field}.image.reference`);
    return [
      { field: `${field}.image.reference`, list: 'volumes' as const, name: nameOf(volume, field), image },
    ];
  });
}

function atMost<T>(items: readonly T[], field: string): readonly T[] {
  if (items.length <= LIMITS.workloadImages) return items;
  throw new Refusal('LIMIT', `${field} names more than ${LIMITS.workloadImages} images (workloadImages)`);
}

function listAt(value: unknown, field: string): readonly unknown[] {
  // Go writes an empty list as null.
  if (isAbsent(value)) return [];
  if (!Array.isArray(value)) throw new Refusal('MALFORMED', `${field} is not a list`);
  return value;
}

function nameOf(object: JsonObject, field: string): string {
  const name = own(object, 'name');
  if (typeof name !== 'string') throw new Refusal('MALFORMED', `${field}.name is not a text`);
  return name;
}

function textAt(value: unknown, field: string): string {
  if (isAbsent(value)) return '';
  if (typeof value !== 'string') throw new Refusal('MALFORMED', `${field} is not a text`);
  return value;
}

// A list's name holds no slash, so two places never share a key.
function placeKey(image: WorkloadImage): string {
  return `${image.list}/${image.name}`;
}

function byPlace(images: readonly WorkloadImage[]): ReadonlyMap<string, readonly WorkloadImage[]> {
  return Map.groupBy(images, placeKey);
}
