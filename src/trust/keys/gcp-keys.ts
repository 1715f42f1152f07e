import { z } from 'zod';
import { LIMITS } from '../../limits.ts';
import { parsePublicKey, type VerificationKey } from '../../sigstore/public-key.ts';
import type { KeyConnections } from './connections.ts';
import { crc32c } from './crc32c.ts';
import { GCP_HOST, GcpClient } from './gcp-client.ts';
import { keyFault } from './key-fault.ts';
import type { ReadKeys } from './key-ports.ts';
import type { GcpSettings } from './settings.ts';

/** Versions in one page of a list: with three fields each, well within the limit of an answer. */
const PAGE = 50;

/** Algorithms that sign: `EC_SIGN_P256_SHA256`, `RSA_SIGN_PSS_2048_SHA256`, `EC_SIGN_ED25519`. Others decrypt. */
const SIGNING = /^(?:EC|RSA)_SIGN_/;

// cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys.cryptoKeyVersions
const versionList = z.object({
  cryptoKeyVersions: z
    .array(z.object({ name: z.string(), state: z.string(), algorithm: z.string().optional() }))
    .default([]),
  nextPageToken: z.string().max(4096).default(''),
});
type Listed = z.output<typeof versionList>['cryptoKeyVersions'][number];

const publicKeyAnswer = z.object({
  name: z.string(),
  pem: z.string(),
  pemCrc32c: z.string().regex(/^[0-9]{1,10}$/),
  algorithm: z.string(),
});

/** Keys of Google Cloud KMS: the version that is named, or every enabled one. */
export function gcpKeys(settings: GcpSettings, connections: KeyConnections): ReadKeys<'gcpkms'> {
  const client = new GcpClient(settings, connections);
  return async ({ name, version }, signal) => {
    const versions = version === undefined ? await enabledVersions(client, name, signal) : [version];
    return Promise.all(
      versions.map((each) => publicKey(client, `${name}/cryptoKeyVersions/${each}`, signal)),
    );
  };
}

/** The numbers of those that sign, the newest first. @throws Fault KEY_UNAVAILABLE when there is none */
async function enabledVersions(
  client: GcpClient,
  name: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { name: version, state, algorithm = '' } of listed(client, name, signal)) {
    if (state === 'ENABLED' && SIGNING.test(algorithm)) found.push(numberIn(version, name));
  }
  if (found.length === 0)
    throw keyFault('it has no enabled version that signs; enable one, or name a signing key');
  return found.sort((a, b) => Number(b) - Number(a)).slice(0, LIMITS.keyVersions);
}

async function* listed(client: GcpClient, name: string, signal: AbortSignal): AsyncGenerator<Listed> {
  let pageToken = '';
  for (let seen = 0; seen < LIMITS.keyVersionsListed; seen += PAGE) {
    const query = {
      filter: 'state=ENABLED',
      pageSize: String(PAGE),
      fields: 'cryptoKeyVersions(name,state,algorithm),nextPageToken',
      ...(pageToken !== '' && { pageToken }),
    };
    const page = versionList.safeParse(await client.get(`${name}/cryptoKeyVersions`, query, signal));
    if (!page.success) throw keyFault(`${GCP_HOST} did not answer with a list of versions`);
    yield* page.data.cryptoKeyVersions;
    pageToken = page.data.nextPageToken;
    if (pageToken === '') return;
  }
}

async function publicKey(client: GcpClient, version: string, signal: AbortSignal): Promise<VerificationKey> {
  const parsed = publicKeyAnswer.safeParse(await client.get(`${version}/publicKey`, {}, signal));
  if (!parsed.success) throw keyFault(`${GCP_HOST} did not answer with a public key`);
  const { name, pem, pemCrc32c, algorithm } = parsed.data;
  if (name !== version)
    throw keyFault(`${GCP_HOST} answered with another key than the one that was asked for`);
  if (crc32c(Buffer.from(pem)) !== Number(pemCrc32c))
    throw keyFault('its public key was damaged on the way (CRC-32C)');
  if (!SIGNING.test(algorithm))
    throw keyFault('it is a key for something else than signing; name a signing key');
  return parsePublicKey(pem);
}

/** The number of a version of the key that was asked about. @throws Fault KEY_UNAVAILABLE for one of another key */
function numberIn(version: string, name: string): string {
  const prefix = `${name}/cryptoKeyVersions/`;
  const number = version.slice(prefix.length);
  if (version.startsWith(prefix) && /^[1-9][0-9]{0,9}$/.test(number)) return number;
  throw keyFault(`${GCP_HOST} answered with a version of another key than the one that was asked for`);
}
