import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32c } from '../../src/trust/keys/crc32c.ts';
import { startKeyStore, type AskedRequest, type KeyStoreServer, type StoreAnswer } from './key-store.ts';

export interface GcpVersion {
  readonly number: string;
  readonly pem: string;
  readonly state?: string;
  readonly algorithm?: string;
}

/** What Cloud KMS would say of one key, and how a test makes it say something else. */
export interface GcpKey {
  readonly name: string;
  versions: readonly GcpVersion[];
  /** Overrides an answer; undefined leaves it. */
  tamper?: (request: AskedRequest) => StoreAnswer | undefined;
}

export interface GcpKms {
  readonly server: KeyStoreServer;
  readonly key: GcpKey;
  /** Workload identity federation; its tokens come from a server of the tests'. */
  readonly credentialsFile: string;
  readonly tokens: KeyStoreServer;
  stop(): Promise<void>;
}

const accessToken = 'ya29.tests';

/**
 * Replays Cloud KMS' documented answers (cloud.google.com/kms/docs/reference/rest) under its own name, two versions to a page,
 * and Google's token exchange (RFC 8693) for the real client library.
 */
export async function startGcpKms(workDir: string, key: GcpKey): Promise<GcpKms> {
  const tokens = await startKeyStore(() => ({
    body: {
      access_token: accessToken,
      expires_in: 3599,
      token_type: 'Bearer',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
  }));
  const server = await startKeyStore(
    (request) => key.tamper?.(request) ?? answer(key, request),
    ['cloudkms.googleapis.com'],
  );
  const credentialsFile = join(workDir, 'gcp-credentials.json');
  const subject = join(workDir, 'gcp-subject-token');
  writeFileSync(subject, 'the token of the ServiceAccount');
  writeFileSync(
    credentialsFile,
    JSON.stringify({
      type: 'external_account',
      audience:
        '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/tests/providers/tests',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${tokens.url}/v1/token`,
      credential_source: { file: subject },
    }),
    { mode: 0o600 },
  );
  const stop = async () => void (await Promise.all([server.stop(), tokens.stop()]));
  return { server, key, credentialsFile, tokens, stop };
}

function answer({ name, versions }: GcpKey, { path, headers }: AskedRequest): StoreAnswer {
  const url = new URL(path, 'https://cloudkms.googleapis.com');
  if (headers.authorization !== `Bearer ${accessToken}`) return failure(401, 'UNAUTHENTICATED');
  const prefix = `/v1/${name}/cryptoKeyVersions`;
  if (url.pathname === prefix) return page(name, versions, url.searchParams);
  const version = versions.find(({ number }) => url.pathname === `${prefix}/${number}/publicKey`);
  if (version === undefined) return failure(404, 'NOT_FOUND');
  const { number, pem, state = 'ENABLED', algorithm = 'EC_SIGN_P256_SHA256' } = version;
  if (state !== 'ENABLED') return failure(400, 'FAILED_PRECONDITION');
  const body = {
    pem,
    algorithm,
    pemCrc32c: String(crc32c(Buffer.from(pem))),
    name: `${name}/cryptoKeyVersions/${number}`,
    protectionLevel: 'SOFTWARE',
  };
  return { body };
}

function page(name: string, versions: readonly GcpVersion[], query: URLSearchParams): StoreAnswer {
  const enabled = query.get('filter') === 'state=ENABLED';
  const shown = versions.filter(({ state = 'ENABLED' }) => !enabled || state === 'ENABLED');
  const from = Number(query.get('pageToken') ?? 0);
  const cryptoKeyVersions = shown.slice(from, from + 2).map(({ number, state, algorithm }) => ({
    name: `${name}/cryptoKeyVersions/${number}`,
    state: state ?? 'ENABLED',
    algorithm: algorithm ?? 'EC_SIGN_P256_SHA256',
  }));
  const nextPageToken = from + 2 < shown.length ? String(from + 2) : '';
  return { body: { cryptoKeyVersions, nextPageToken } };
}

function failure(code: number, status: string): StoreAnswer {
  return { status: code, body: { error: { code, status, message: 'secret detail of the server' } } };
}
