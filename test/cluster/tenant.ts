import { expect } from '@jest/globals';
import { pod, until, type Installation } from './installation.ts';

/** Somebody who runs images in one namespace: what `kubectl apply` of a Pod comes to. */
export interface Tenant {
  readonly namespace: string;
  /** A Pod that must be admitted, and be there. @param extra of its spec */
  admitted(image: string, extra?: object): Promise<void>;
  /** A Pod that must be refused, and not be there. @returns what kubectl printed */
  refused(image: string, extra?: object): Promise<string>;
  /** What was changed takes its time to reach the webhook; then a dry run is answered so. */
  untilAdmitted(image: string, extra?: object): Promise<void>;
  /** The same for a denial with these words. */
  untilRefused(image: string, words: string, extra?: object): Promise<string>;
}

/** Longer than anything here is refreshed or retried. */
const PATIENCE_SECONDS = 40;

export function tenantOf({ apply, cluster }: Installation, namespace: string): Tenant {
  let names = 0;
  const create = async (image: string, extra: object = {}) => {
    const name = `pod-${(names += 1)}`;
    const { spec, ...rest } = pod(namespace, name, image);
    const { code, stderr } = await apply({ ...rest, spec: { ...spec, ...extra } });
    const isThere = (await cluster.kubectl(['-n', namespace, 'get', 'pod', name])).code === 0;
    return { code, stderr, isThere };
  };
  const dryRun = async (image: string, extra: object = {}) => {
    const { spec, ...rest } = pod(namespace, 'dry-run', image);
    const input = JSON.stringify({ ...rest, spec: { ...spec, ...extra } });
    return cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], { input });
  };
  /** A dry run until it is answered as it should be; the last answer is the best explanation of a failure. */
  const awaited = async (what: string, image: string, extra: object, is: (stderr: string) => boolean) => {
    let last = '';
    const answer = async () => {
      last = (await dryRun(image, extra)).stderr;
      return is(last) ? last : undefined;
    };
    return until(what, answer, PATIENCE_SECONDS).catch((error: unknown) => {
      throw new Error(`${image} in ${namespace}: ${last}`, { cause: error });
    });
  };
  return {
    namespace,
    admitted: async (image, extra) => {
      expect(await create(image, extra)).toEqual({ code: 0, stderr: '', isThere: true });
    },
    refused: async (image, extra) => {
      const { code, stderr, isThere } = await create(image, extra);
      expect({ code, isThere, stderr }).toEqual({
        code: 1,
        isThere: false,
        stderr: expect.stringContaining('denied the request: '),
      });
      return stderr.slice(stderr.indexOf('denied the request: ') + 'denied the request: '.length).trimEnd();
    },
    untilAdmitted: async (image, extra = {}) => {
      await awaited('admitted', image, extra, (stderr) => stderr === '');
    },
    untilRefused: (image, words, extra = {}) =>
      awaited(`refused: ${words}`, image, extra, (stderr) => stderr.includes(words)),
  };
}

/** The Ready condition and the rest of a resource's status, once it says what it should. */
export function untilStatus(
  { cluster }: Installation,
  kind: string,
  name: string,
  expected: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  let last: unknown;
  return until(`the status of ${kind} ${name}`, async () => {
    const { stdout } = await cluster.kubectl(['get', kind, name, '-o', 'json']);
    const { status = {} } = JSON.parse(stdout || '{}') as { status?: Record<string, unknown> };
    const { conditions, ...fields } = status;
    const [ready] = (conditions ?? []) as Record<string, unknown>[];
    last = { ...fields, ...ready };
    return Object.entries(expected).every(([key, value]) => (last as typeof fields)[key] === value)
      ? (last as typeof fields)
      : undefined;
  }).catch((error: unknown) => {
    throw new Error(JSON.stringify(last), { cause: error });
  });
}
