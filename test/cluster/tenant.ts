import { expect } from '@jest/globals';
import { parse } from 'yaml';
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

/** Longer than anything here is refreshed, retried or relied on. */
const PATIENCE_SECONDS = 75;

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

/** What a resource's status says: its own fields beside what is in the condition Ready. */
export type ShownStatus = Readonly<Record<string, unknown>>;

/** The status as `kubectl get -o yaml` prints it, once these of its fields are what they should be. */
export async function untilStatus(
  { cluster }: Installation,
  kind: string,
  name: string,
  expected: ShownStatus,
): Promise<ShownStatus> {
  let last: ShownStatus = {};
  const read = async () => {
    const { stdout } = await cluster.kubectl(['get', kind, name, '-o', 'yaml']);
    last = shownStatus(stdout);
    return Object.entries(expected).every(([field, value]) => last[field] === value) ? last : undefined;
  };
  return until(`the status of ${kind} ${name}`, read, PATIENCE_SECONDS).catch((error: unknown) => {
    throw new Error(`${kind} ${name}: ${JSON.stringify(last)}`, { cause: error });
  });
}

function shownStatus(text: string): ShownStatus {
  const { status = {} } = parse(text) as {
    status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
  };
  const { conditions = [], ...fields } = status;
  const ready = conditions.find(({ type }) => type === 'Ready');
  return { ...fields, ready: ready?.status, reason: ready?.reason, message: ready?.message };
}
