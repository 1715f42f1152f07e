import { isRecord } from '../kube/object.ts';

/** Who else keeps an object, by the marks that they leave on it. */
const LABELS: readonly (readonly [key: string, who: string])[] = [
  ['kustomize.toolkit.fluxcd.io/name', 'Flux'],
  ['helm.toolkit.fluxcd.io/name', 'Flux'],
  ['argocd.argoproj.io/instance', 'Argo CD'],
];
const ANNOTATIONS: readonly (readonly [key: string, who: string])[] = [
  ['argocd.argoproj.io/tracking-id', 'Argo CD'],
  ['meta.helm.sh/release-name', 'Helm'],
];
const MANAGERS: readonly (readonly [pattern: RegExp, who: string])[] = [
  [/^argocd/i, 'Argo CD'],
  [/^(?:kustomize|helm)-controller$|^flux/i, 'Flux'],
  [/^helm/i, 'Helm'],
];
const MANAGED_BY = 'app.kubernetes.io/managed-by';
const MAX_CHARS = 63;
/** Each who ever wrote the object has an entry. */
const MAX_MANAGERS = 100;

/**
 * Who else keeps an object and may undo a change. A hint for people and nothing more: whoever may write the object writes these marks too.
 * @param metadata of the object, as the API server has it
 */
export function managedBy(metadata: Readonly<Record<string, unknown>>): string | undefined {
  const labels = textsOf(metadata['labels']);
  const annotations = textsOf(metadata['annotations']);
  const marked =
    LABELS.find(([key]) => labels.has(key)) ??
    ANNOTATIONS.find(([key]) => annotations.has(key)) ??
    managerOf(metadata['managedFields']);
  if (marked !== undefined) return marked[1];
  const said = labels.get(MANAGED_BY);
  if (said === undefined || said === '') return undefined;
  return said.slice(0, MAX_CHARS).replaceAll(/[^ -~]/g, '?');
}

function managerOf(fields: unknown): readonly [RegExp, string] | undefined {
  if (!Array.isArray(fields)) return undefined;
  const names = fields
    .slice(0, MAX_MANAGERS)
    .filter(isRecord)
    .map(({ manager }) => (typeof manager === 'string' ? manager.slice(0, MAX_CHARS) : ''));
  return MANAGERS.find(([pattern]) => names.some((name) => pattern.test(name)));
}

function textsOf(value: unknown): ReadonlyMap<string, string> {
  if (!isRecord(value)) return new Map();
  return new Map(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
