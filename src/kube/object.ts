/** The part of a Kubernetes object that this project reads without knowing its kind. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Which collection of the API server, or which object in it. */
export interface ResourcePath {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, lower case. */
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name?: string;
  readonly subresource?: 'status';
}

/** `/apis/<group>/<version>/namespaces/<namespace>/<resource>/<name>/<subresource>`, each part escaped. */
export function pathOf(path: ResourcePath): string {
  const base = path.group === '' ? ['api', path.version] : ['apis', path.group, path.version];
  const scope = path.namespace === undefined ? [] : ['namespaces', path.namespace];
  const object = [path.name, path.subresource].filter((part) => part !== undefined);
  return `/${[...base, ...scope, path.resource, ...object].map(escapePart).join('/')}`;
}

// "." and ".." survive encodeURIComponent, and URL parsing would then climb out of the collection.
function escapePart(part: string): string {
  if (part === '' || part === '.' || part === '..') {
    throw new TypeError(`"${part}" cannot be a part of a Kubernetes API path`);
  }
  return encodeURIComponent(part);
}

/** A list answer, one page of it. */
export interface KubeList {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** Token of the next page; undefined on the last one. */
  readonly continueToken: string | undefined;
}

/** What the API server's list answers hold. @throws TypeError for anything that is not a list of objects. */
export function parseList(document: unknown): KubeList {
  if (!isRecord(document) || !Array.isArray(document['items'])) {
    throw new TypeError('the API server answered with something that is not a list');
  }
  const metadata = isRecord(document['metadata']) ? document['metadata'] : {};
  const { resourceVersion, continue: continueToken } = metadata;
  if (typeof resourceVersion !== 'string' || resourceVersion === '') {
    throw new TypeError('the API server answered with a list that has no resourceVersion');
  }
  return {
    items: document['items'].map(parseObject),
    resourceVersion,
    continueToken: typeof continueToken === 'string' && continueToken !== '' ? continueToken : undefined,
  };
}

/** @throws TypeError for anything that is not an object with a name. */
export function parseObject(document: unknown): KubeObject {
  if (
    !isRecord(document) ||
    !isRecord(document['metadata']) ||
    typeof document['metadata']['name'] !== 'string'
  ) {
    throw new TypeError('the API server answered with something that is not a Kubernetes object');
  }
  return document as KubeObject;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
