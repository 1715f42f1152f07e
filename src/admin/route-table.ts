import type { Route } from './route.ts';

/** What a path and a method lead to. */
export type RouteMatch =
  | { readonly kind: 'found'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'wrong-method'; readonly allow: readonly string[] }
  | { readonly kind: 'none' };

interface Entry {
  readonly route: Route;
  readonly segments: readonly string[];
}

/** One path segment as a client may write it: no dot segments, and nothing that another reader could take for a separator. */
const SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9._~!$&'()*+,=:@%-]{1,2048}$/;
/** What a decoded segment may hold: a slash in it would make another path of it for whoever joins them again. */
const DECODED = /^(?!\.{1,2}$)[^\p{Cc}/\\]+$/u;

/** Finds routes by the path as it stands in the request: nothing is normalised, so there is one way to write each path. */
export class RouteTable {
  readonly #entries: readonly Entry[];

  constructor(routes: readonly Route[]) {
    this.#entries = routes.map((route) => ({ route, segments: route.path.slice(1).split('/') }));
  }

  /** @param path below the API's own prefix, still percent-encoded and without the query */
  find(method: string, path: string): RouteMatch {
    const segments = path.slice(1).split('/');
    if (!path.startsWith('/') || segments.length > 16) return { kind: 'none' };
    const decoded = segments.map(decodeSegment);
    // Names that are written out win over `{name}`.
    const matching = this.#entries
      .filter((entry) => matches(entry, segments, decoded))
      .sort((a, b) => variables(a) - variables(b));
    if (matching[0] === undefined) return { kind: 'none' };
    const fewest = variables(matching[0]);
    const best = matching.filter((entry) => variables(entry) === fewest);
    const entry = best.find(({ route }) => route.method.toUpperCase() === method);
    return entry === undefined
      ? { kind: 'wrong-method', allow: best.map(({ route }) => route.method.toUpperCase()).sort() }
      : { kind: 'found', route: entry.route, params: paramsOf(entry, decoded) };
  }
}

function matches(
  { segments: expected }: Entry,
  raw: readonly string[],
  decoded: readonly (string | undefined)[],
): boolean {
  return (
    expected.length === raw.length &&
    expected.every((segment, index) =>
      isVariable(segment) ? decoded[index] !== undefined : segment === raw[index],
    )
  );
}

const isVariable = (segment: string): boolean => segment.startsWith('{');
const variables = ({ segments }: Entry): number => segments.filter(isVariable).length;

function paramsOf({ segments }: Entry, decoded: readonly (string | undefined)[]) {
  const named = segments.flatMap((segment, index) =>
    isVariable(segment) ? [[segment.slice(1, -1), decoded[index] ?? ''] as const] : [],
  );
  return Object.fromEntries(named);
}

/** Undefined for what is no acceptable segment. */
function decodeSegment(raw: string): string | undefined {
  if (!SEGMENT.test(raw)) return undefined;
  try {
    const decoded = decodeURIComponent(raw);
    return DECODED.test(decoded) ? decoded : undefined;
  } catch {
    return undefined;
  }
}
