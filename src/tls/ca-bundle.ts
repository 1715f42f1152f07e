import { X509Certificate } from 'node:crypto';
import { asError } from '../errors.ts';
import { KubeApiError, type KubeClient } from '../kube/client.ts';
import { isRecord, type KubeObject, type ResourcePath } from '../kube/object.ts';
import type { Logger } from '../log.ts';

/** Names of the webhook configurations whose `caBundle` is kept current. */
export interface WebhookConfigurations {
  readonly validating: readonly string[];
  readonly mutating: readonly string[];
}

/**
 * Sees to it that every webhook of the configurations trusts exactly these authorities; nothing else of them is touched.
 * A configuration that does not exist has nothing to trust. Returns whether all of them are known to be right now.
 */
export async function publishCaBundle(
  client: KubeClient,
  names: WebhookConfigurations,
  authorities: readonly string[],
  logger: Logger,
): Promise<boolean> {
  const paths = [
    ...names.validating.map((name) => configurationPath('validatingwebhookconfigurations', name)),
    ...names.mutating.map((name) => configurationPath('mutatingwebhookconfigurations', name)),
  ];
  const published = await Promise.all(paths.map((path) => publishTo(client, path, authorities, logger)));
  return published.every(Boolean);
}

async function publishTo(
  client: KubeClient,
  path: ResourcePath,
  authorities: readonly string[],
  logger: Logger,
): Promise<boolean> {
  try {
    const configuration = await client.get(path);
    const patch = bundlePatch(configuration, authorities);
    if (patch.length === 0) return true;
    await client.jsonPatch(path, patch);
    logger.info({ configuration: path.name, authorities: authorities.length }, 'caBundle written');
    return true;
  } catch (error) {
    if (error instanceof KubeApiError && error.status === 404) {
      logger.warn(
        { configuration: path.name, resource: path.resource },
        'the webhook configuration does not exist',
      );
      return true;
    }
    logger.warn({ configuration: path.name, err: asError(error).message }, 'caBundle could not be written');
    return false;
  }
}

function configurationPath(resource: string, name: string): ResourcePath {
  return { group: 'admissionregistration.k8s.io', version: 'v1', resource, name };
}

/** Empty when every webhook's bundle already holds exactly these certificates. */
function bundlePatch(configuration: KubeObject, authorities: readonly string[]): object[] {
  const webhooks = Array.isArray(configuration['webhooks']) ? (configuration['webhooks'] as unknown[]) : [];
  const wanted = fingerprints(authorities.join('\n'));
  const value = Buffer.from(authorities.map((pem) => `${pem.trim()}\n`).join('')).toString('base64');
  const writes = webhooks.flatMap((webhook, index) => {
    const client = isRecord(webhook) && isRecord(webhook['clientConfig']) ? webhook['clientConfig'] : {};
    const bundle =
      typeof client['caBundle'] === 'string' ? Buffer.from(client['caBundle'], 'base64').toString() : '';
    if (fingerprints(bundle) === wanted) return [];
    return [{ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value }];
  });
  if (writes.length === 0) return [];
  // The list may have changed since: the index is only right for the version that was read.
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: configuration.metadata.resourceVersion },
    ...writes,
  ];
}

/** The same for the same certificates, whatever their order and spacing. */
function fingerprints(pems: string): string {
  const blocks = pems.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const found = blocks.map((pem) => {
    try {
      return new X509Certificate(pem).fingerprint256;
    } catch {
      return 'unreadable';
    }
  });
  return [...new Set(found)].sort().join();
}
