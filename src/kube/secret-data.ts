import { KubeApiError, type KubeClient } from './client.ts';
import { isRecord } from './object.ts';

/**
 * Reads the data of one Secret.
 * @returns undefined when there is none
 * @throws KubeApiError
 */
export function secretReader(client: KubeClient) {
  return async (
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, Uint8Array>> | undefined> => {
    try {
      const path = { group: '', version: 'v1', resource: 'secrets', namespace, name };
      const { data } = await client.get(path, { signal });
      const entries = Object.entries(isRecord(data) ? data : {});
      return Object.fromEntries(entries.map(([key, text]) => [key, Buffer.from(String(text), 'base64')]));
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return undefined;
      throw error;
    }
  };
}
