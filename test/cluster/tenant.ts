import { expect } from '@jest/globals';
import { untilHolds } from '../kube/eventually.ts';
import { createObject, readObject, type Said } from '../support/api-objects.ts';
import { API_VERSION, pod, until, type Installation } from './installation.ts';

/** Somebody who runs images in one namespace: what creating a Pod comes to. */
export interface Tenant {
  readonly namespace: string;
  /** A Pod that must be admitted, and be there. @param extra of its spec */
  admitted(image: string, extra?: object): Promise<void>;
  /** A Pod that must be refused, and not be there. @returns why */
  refused(image: string, extra?: object): Promise<string>;
  /** What was changed takes its time to reach the webhook; then a dry run is answered so. */
  untilAdmitted(image: string, extra?: object): Promise<void>;
  /** The same for a denial with all of these words: what holds them all may come after what holds some. */
  untilRefused(image: string, words: string | RegExp | readonly string[], extra?: object): Promise<string>;
}

/** Longer than anything here is refreshed, retried or relied on. */
const PATIENCE_SECONDS = 75;
const DENIED = 'denied the request: ';

export function tenantOf({ cluster }: Pick<Installation, 'cluster'>, namespace: string): Tenant {
  let names = 0;
  const podOf = (name: string, image: string, extra: object): object => {
    const { spec, ...rest } = pod(namespace, name, image);
    return { ...rest, spec: { ...spec, ...extra } };
  };
  const create = async (image: string, extra: object = {}) => {
    const name = `pod-${(names += 1)}`;
    const said = await createObject(cluster, podOf(name, image, extra));
    const isThere = (await readObject(cluster, `/api/v1/namespaces/${namespace}/pods/${name}`)) !== undefined;
    const { isTaken, message, warnings } = said;
    return { isTaken, message, warnings, isThere };
  };
  /** A dry run until it is answered as it should be; the last answer is the best explanation of a failure. */
  const awaited = async (what: string, image: string, extra: object, is: (said: Said) => boolean) => {
    let last: Said | undefined;
    const answer = async () => {
      last = await createObject(cluster, podOf('dry-run', image, extra), { dryRun: true });
      return is(last) ? last.message : undefined;
    };
    return until(what, answer, PATIENCE_SECONDS).catch((error: unknown) => {
      throw new Error(`${image} in ${namespace}: ${JSON.stringify(last)}`, { cause: error });
    });
  };
  return {
    namespace,
    admitted: async (image, extra) => {
      expect(await create(image, extra)).toEqual({ isTaken: true, message: '', warnings: '', isThere: true });
    },
    refused: async (image, extra) => {
      const { isTaken, isThere, message } = await create(image, extra);
      expect({ isTaken, isThere, message }).toEqual({
        isTaken: false,
        isThere: false,
        message: expect.stringContaining(DENIED),
      });
      return message.slice(message.indexOf(DENIED) + DENIED.length).trimEnd();
    },
    untilAdmitted: async (image, extra = {}) => {
      await awaited('admitted', image, extra, ({ isTaken, warnings }) => isTaken && warnings === '');
    },
    untilRefused: (image, words, extra = {}) => {
      const has = (message: string, text: string | RegExp) =>
        typeof text === 'string' ? message.includes(text) : text.test(message);
      const all = typeof words === 'string' || words instanceof RegExp ? [words] : words;
      return awaited(`refused: ${all.join(', ')}`, image, extra, ({ message }) =>
        all.every((text) => has(message, text)),
      );
    },
  };
}

/** What a resource's status says: its own fields beside what is in the condition Ready. */
export type ShownStatus = Readonly<Record<string, unknown>>;

/** The status of one of Countersign's resources of the whole cluster, once all these of its fields are what they should be; matchers do. */
export async function untilStatus(
  { cluster }: Pick<Installation, 'cluster'>,
  kind: string,
  name: string,
  expected: ShownStatus,
): Promise<ShownStatus> {
  const path = `/apis/${API_VERSION}/${kind.replace(/y$/, 'ie')}s/${name}`;
  const isAsExpected = async () => {
    const shown = shownStatus((await readObject<WithStatus>(cluster, path)) ?? {});
    const compared = Object.fromEntries(Object.keys(expected).map((field) => [field, shown[field]]));
    expect(compared).toEqual(expected);
    return shown;
  };
  return untilHolds(`the status of ${kind} ${name}`, isAsExpected, PATIENCE_SECONDS * 1000);
}

interface WithStatus {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }[];
  };
}

function shownStatus({ status = {} }: WithStatus): ShownStatus {
  const { conditions = [], ...fields } = status;
  const ready = conditions.find(({ type }) => type === 'Ready');
  return { ...fields, ready: ready?.status, reason: ready?.reason, message: ready?.message };
}
