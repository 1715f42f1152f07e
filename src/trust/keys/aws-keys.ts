import { createPublicKey } from 'node:crypto';
import { GetPublicKeyCommand, KMSClient, type GetPublicKeyCommandOutput } from '@aws-sdk/client-kms';
import { asError, Fault, Refusal } from '../../errors.ts';
import { verificationKey, type VerificationKey } from '../../sigstore/public-key.ts';
import { awsHandler } from './aws-handler.ts';
import type { KeyConnections } from './connections.ts';
import { exchange } from './exchange.ts';
import { keyFault, nameOf } from './key-fault.ts';
import type { KeyPorts, ReadKeys, ReferenceOf } from './key-ports.ts';
import type { AwsEndpoint, AwsSettings } from './settings.ts';

/** Where the SDK itself may go, by the region and for credentials: in AWS's partitions, to an account's STS. */
const AWS_HOST = /^(?:[a-z0-9](?:[-a-z0-9]{0,62})\.){1,6}(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)$/;
/**
 * What a reference may name: KMS of a region, also in a VPC (`vpce-1-2.kms.eu-west-1.vpce.amazonaws.com`). Not all that is
 * below those domains: behind `execute-api` or `elb` answers whoever rents it.
 */
const KMS_HOST =
  /^(?:vpce-[-a-z0-9]{1,58}\.)?kms(?:-fips)?\.[a-z0-9][-a-z0-9]{0,31}\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)$/;
const ARN = /^arn:[^:]+:kms:([^:]+):([0-9]{12}):(key|alias)\/(.+)$/;
const REGION = /^[a-z0-9](?:[-a-z0-9]{0,30}[a-z0-9])?$/;

type AwsReference = ReferenceOf<'awskms'>;

/** Keys of AWS KMS, with the credentials that the SDK finds: environment, profile, web identity (IRSA), Pod identity, instance. */
export function awsKeys(
  settings: AwsSettings,
  env: KeyPorts['env'],
  connections: KeyConnections,
): ReadKeys<'awskms'> {
  // Kept, because each holds the credentials that it was given: logging in for each key would be a request more.
  const clients = new Map<string, KMSClient>();

  function clientFor({ endpoint, keyId }: AwsReference): KMSClient {
    const region = ARN.exec(keyId)?.[1] ?? settings.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
    if (region === undefined || !REGION.test(region)) {
      throw keyFault('its AWS region is not known; use an ARN, or set keys.aws.region or AWS_REGION');
    }
    const id = `${region} ${endpoint ?? ''}`;
    let client = clients.get(id);
    if (client === undefined) {
      client = newClient(region, endpoint, settings.endpoints ?? [], connections);
      clients.set(id, client);
    }
    return client;
  }

  return async (reference, signal) => {
    try {
      const command = new GetPublicKeyCommand({ KeyId: reference.keyId });
      return [keyOf(await clientFor(reference).send(command, { abortSignal: signal }), reference)];
    } catch (error) {
      throw error instanceof Refusal ? error : awsFault(error);
    }
  };
}

function newClient(
  region: string,
  endpoint: string | undefined,
  listed: readonly AwsEndpoint[],
  connections: KeyConnections,
): KMSClient {
  const own = listed.find(({ host }) => host === endpoint);
  // The requests are signed, and carry a session token: whoever writes a reference does not choose who gets those.
  if (endpoint !== undefined && own === undefined && !KMS_HOST.test(endpoint)) {
    throw keyFault(
      `the endpoint ${endpoint} is not one of AWS's; list it in keys.aws.endpoints if it is meant`,
    );
  }
  const scheme = own?.plainHttp === true ? 'http' : 'https';
  return new KMSClient({
    region,
    ...(endpoint !== undefined && { endpoint: `${scheme}://${endpoint}` }),
    // The key ring has its own; the second is for a clock that the SDK has just learned to correct.
    maxAttempts: 2,
    requestHandler: awsHandler((request, signal) => {
      const { protocol, host, hostname } = request.url;
      const isOwn = own !== undefined && host === own.host && protocol === `${scheme}:`;
      if (!isOwn && !(protocol === 'https:' && AWS_HOST.test(hostname))) {
        throw keyFault(
          `the AWS client would ask ${host}, which is not one of AWS's; list it in keys.aws.endpoints`,
        );
      }
      return exchange(connections.trusting(request.url, isOwn ? own.caFile : undefined), request, signal);
    }),
  });
}

function keyOf(answer: GetPublicKeyCommandOutput, { keyId }: AwsReference): VerificationKey {
  const { KeyId: arn = '', KeyUsage, PublicKey, SigningAlgorithms = [] } = answer;
  if (!isAnswerTo(arn, keyId))
    throw keyFault('AWS KMS answered with another key than the one that was asked for');
  if (KeyUsage !== 'SIGN_VERIFY' || SigningAlgorithms.length === 0) {
    throw keyFault(
      'it is a key for something else than signing (KeyUsage is not SIGN_VERIFY); name a signing key',
    );
  }
  if (PublicKey === undefined) throw keyFault('AWS KMS answered without a public key');
  let key;
  try {
    key = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' });
  } catch {
    throw keyFault('AWS KMS answered with a public key that cannot be read: its kind is not supported');
  }
  return verificationKey(key);
}

/** Whether this key is what was asked for; behind an alias may be any key of that account and region. */
function isAnswerTo(answered: string, asked: string): boolean {
  // AWS answers with an ARN; servers that speak its language may answer with the bare id.
  if (/^[-a-zA-Z0-9]{1,64}$/.test(answered)) {
    return asked.startsWith('alias/') || asked === answered || asked.endsWith(`:key/${answered}`);
  }
  const [, region, account, kind, id] = ARN.exec(answered) ?? [];
  if (kind !== 'key') return false;
  const parts = ARN.exec(asked);
  if (parts === null) return asked.startsWith('alias/') || asked === id;
  return parts[1] === region && parts[2] === account && (parts[3] === 'alias' || parts[4] === id);
}

/** What the SDK's errors mean (docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html and CommonErrors). */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/^AccessDenied/, "access denied; check that the role's policy and the key's allow kms:GetPublicKey"],
  [/^NotFoundException$/, 'there is no such key; check its id, account and region'],
  [/^(?:DisabledException|KMSInvalidStateException)$/, 'it is disabled, or about to be deleted; enable it'],
  [
    /^(?:UnsupportedOperationException|InvalidKeyUsageException)$/,
    'it is a key for something else than signing; name a signing key',
  ],
  [/^InvalidArnException$/, 'its ARN is not one of a key'],
  [
    /^(?:CredentialsProviderError|ProviderError|TokenProviderError)$/,
    'no AWS credentials were found; give the ServiceAccount a role, or set AWS_ACCESS_KEY_ID',
  ],
  [
    /^(?:UnrecognizedClient|InvalidClientTokenId|ExpiredToken|InvalidIdentityToken|IncompleteSignature|InvalidSignature|SignatureDoesNotMatch|MissingAuthenticationToken|IDPRejectedClaim)/,
    'AWS refused the credentials; renew them',
  ],
  [
    /^(?:Throttling|LimitExceeded|TooManyRequests|RequestLimitExceeded)/,
    'AWS limits the rate of requests; it will be asked again',
  ],
];

function awsFault(thrown: unknown): Fault {
  const error = asError(thrown);
  if (error instanceof Fault) return error;
  if (error.cause instanceof Fault) return error.cause;
  const name = nameOf(error);
  const meaning = MEANINGS.find(([pattern]) => pattern.test(name))?.[1];
  if (meaning === undefined) return keyFault(`AWS KMS answered with an error (${name || 'unknown'})`, error);
  const [what, next] = meaning.split(/(?=; )/, 2);
  return keyFault(`${what} (${name})${next ?? ''}`, error);
}
