import type { KeyReference } from '../../src/api/key-reference.ts';

/** Key references, good and evil. The parser and the CRD's CEL rule must say the same of each (`test/cluster/crds.test.ts`). */

const KEY_ID = '1234abcd-12ab-34cd-56ef-1234567890ab';
const GCP = 'projects/corp-prod/locations/europe-west1/keyRings/signing_ring/cryptoKeys/release-key';
const AZURE_VERSION = '0123456789abcdef0123456789abcdef';

/** What is written, and what is read; without `uri`, the canonical text is what was written. */
type Expected = KeyReference extends infer R
  ? R extends unknown
    ? Partial<R> & { scheme: string }
    : never
  : never;

/** Every form that cosign's documentation has. */
export const GOOD_REFERENCES: readonly (readonly [string, Expected])[] = [
  ['k8s://keys/cosign', { scheme: 'k8s', namespace: 'keys', name: 'cosign', key: 'cosign.pub' }],
  ['k8s://a/b', { scheme: 'k8s', namespace: 'a', name: 'b' }],
  ['k8s://keys/release.v1-2', { scheme: 'k8s', name: 'release.v1-2' }],
  [`awskms:///${KEY_ID}`, { scheme: 'awskms', endpoint: undefined, keyId: KEY_ID }],
  [`awskms:///mrk-${'0'.repeat(32)}`, { scheme: 'awskms', keyId: `mrk-${'0'.repeat(32)}` }],
  ['awskms:///alias/release', { scheme: 'awskms', keyId: 'alias/release' }],
  ['awskms:///alias/team/release_1', { scheme: 'awskms', keyId: 'alias/team/release_1' }],
  [
    `awskms:///arn:aws:kms:us-east-2:111122223333:key/${KEY_ID}`,
    { scheme: 'awskms', keyId: `arn:aws:kms:us-east-2:111122223333:key/${KEY_ID}` },
  ],
  [
    'awskms:///arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/release',
    { scheme: 'awskms', keyId: 'arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/release' },
  ],
  [
    `awskms:///arn:aws-cn:kms:cn-north-1:111122223333:key/${KEY_ID}`,
    { scheme: 'awskms', endpoint: undefined },
  ],
  [`awskms://localhost:4566/${KEY_ID}`, { scheme: 'awskms', endpoint: 'localhost:4566', keyId: KEY_ID }],
  [
    `awskms://kms.corp.example/arn:aws:kms:us-east-2:111122223333:key/${KEY_ID}`,
    { scheme: 'awskms', endpoint: 'kms.corp.example' },
  ],
  [`gcpkms://${GCP}`, { scheme: 'gcpkms', name: GCP, version: undefined }],
  [`gcpkms://${GCP}/cryptoKeyVersions/12`, { scheme: 'gcpkms', name: GCP, version: '12' }],
  // The short spelling is the same key.
  [
    `gcpkms://${GCP}/versions/12`,
    { scheme: 'gcpkms', uri: `gcpkms://${GCP}/cryptoKeyVersions/12`, version: '12' },
  ],
  [
    'gcpkms://projects/example.com:corp/locations/global/keyRings/r/cryptoKeys/k',
    { scheme: 'gcpkms', version: undefined },
  ],
  [
    'azurekms://corp.vault.azure.net/release',
    { scheme: 'azurekms', vault: 'corp.vault.azure.net', name: 'release', version: undefined },
  ],
  [
    `azurekms://corp.vault.azure.net/release/${AZURE_VERSION}`,
    { scheme: 'azurekms', name: 'release', version: AZURE_VERSION },
  ],
  ['hashivault://release', { scheme: 'hashivault', name: 'release' }],
  ['hashivault://a', { scheme: 'hashivault', name: 'a' }],
  ['hashivault://team.release_key-1', { scheme: 'hashivault', name: 'team.release_key-1' }],
];

/** A good one of each scheme, whose text the mutations below change. */
export const ONE_OF_EACH: readonly string[] = [
  'k8s://keys/cosign',
  'awskms:///alias/release',
  `awskms://kms.corp.example/${KEY_ID}`,
  `gcpkms://${GCP}`,
  'azurekms://corp.vault.azure.net/release',
  'hashivault://release',
];

const first = (uri: string) => uri.indexOf('//') + 2;

/** One change each, that no key reference survives. */
export const EVIL_MUTATIONS: readonly (readonly [string, (uri: string) => string])[] = [
  ['a step up at the end', (uri) => `${uri}/..`],
  ['a step up and down again', (uri) => `${uri}/../x`],
  ['a step up in front', (uri) => `${uri.slice(0, first(uri))}../${uri.slice(first(uri))}`],
  ['a step up, percent-encoded', (uri) => `${uri}%2f%2e%2e%2fsys`],
  ['a percent-encoded letter', (uri) => `${uri.slice(0, -1)}%65`],
  ['a dot segment', (uri) => `${uri}/.`],
  ['a space inside', (uri) => `${uri.slice(0, -1)} ${uri.slice(-1)}`],
  ['a space in front', (uri) => ` ${uri}`],
  ['a space behind', (uri) => `${uri} `],
  ['a line feed behind', (uri) => `${uri}\n`],
  ['a line feed in front', (uri) => `\n${uri}`],
  ['a second line', (uri) => `${uri}\nk8s://kube-system/x`],
  ['a carriage return behind', (uri) => `${uri}\r`],
  ['a NUL behind', (uri) => `${uri}\0`],
  ['a user', (uri) => `${uri.slice(0, first(uri))}me:secret@${uri.slice(first(uri))}`],
  ['a query', (uri) => `${uri}?x=1`],
  ['a fragment', (uri) => `${uri}#x`],
  ['two slashes inside', (uri) => `${uri}//x`],
  ['a slash behind', (uri) => `${uri}/`],
  ['a backslash', (uri) => `${uri.slice(0, -1)}\\${uri.slice(-1)}`],
  ['an upper-case scheme', (uri) => uri.replace(/^[a-z0-9]+/, (scheme) => scheme.toUpperCase())],
  ['no colon after the scheme', (uri) => uri.replace('://', '//')],
  ['no scheme', (uri) => uri.slice(uri.indexOf('//'))],
  ['a letter that looks like another', (uri) => `${uri.slice(0, -1)}\u0435`],
  ['a full-width dot', (uri) => `${uri}\uff0e`],
  ['a megabyte', (uri) => `${uri}${'a'.repeat(1024 * 1024)}`],
];

/** Each is no key reference. */
export const EVIL_REFERENCES: readonly (readonly [string, string])[] = [
  ['an unknown scheme', 'file:///etc/cosign.pub'],
  ['a URL', 'https://evil.example/key.pub'],
  ['a scheme that every object has', 'constructor://a/b'],
  ['a scheme only', 'hashivault://'],
  ['nothing', 'x'],
  ['A35: Vault, out of the transit engine', 'hashivault://../sys/raw'],
  ['A35: Vault, another path', 'hashivault://a/b'],
  ['A35: Vault, two dots in the name', 'hashivault://a..b'],
  ['Vault, a name that begins with a dot', 'hashivault://.release'],
  ['Vault, a name that is too long', `hashivault://${'a'.repeat(129)}`],
  ['a Secret without a namespace', 'k8s://cosign'],
  ['a Secret with a key', 'k8s://keys/cosign/cosign.pub'],
  ['a Secret in upper case', 'k8s://Keys/cosign'],
  ['a Secret whose namespace has a dot', 'k8s://keys.x/cosign'],
  ['a Secret whose name steps up', 'k8s://keys/..'],
  ['a Secret whose namespace is too long', `k8s://${'a'.repeat(64)}/cosign`],
  ['AWS, no key', 'awskms:///'],
  ['AWS, an alias without a name', 'awskms:///alias/'],
  ['AWS, an alias with an empty step', 'awskms:///alias//release'],
  ['AWS, the ARN of something else', 'awskms:///arn:aws:s3:us-east-2:111122223333:key/x'],
  ['AWS, an account that is too short', 'awskms:///arn:aws:kms:us-east-2:11112222333:key/x'],
  ['AWS, an endpoint with a path', 'awskms://kms.corp.example/x/alias/release'],
  ['AWS, an endpoint with a scheme', 'awskms://http://kms.corp.example/alias/release'],
  ['AWS, an endpoint without a host', 'awskms://:4566/alias/release'],
  ['AWS, an address in brackets', 'awskms://[::1]:4566/alias/release'],
  ['Google, no key', 'gcpkms://projects/p/locations/l/keyRings/r'],
  ['Google, a version that is none', `gcpkms://${GCP}/cryptoKeyVersions/latest`],
  ['Google, a project that is a dot segment', GCP.replace('corp-prod', '.').replace(/^/, 'gcpkms://')],
  ['Google, a project of dots and colons', GCP.replace('corp-prod', '.:.').replace(/^/, 'gcpkms://')],
  ['Google, a location with a dot', GCP.replace('europe-west1', '.').replace(/^/, 'gcpkms://')],
  ['Google, another resource', `gcpkms://${GCP}/importJobs/1`],
  ['Azure, no key', 'azurekms://corp.vault.azure.net'],
  ['Azure, a version that is none', 'azurekms://corp.vault.azure.net/release/1'],
  ['Azure, a port', 'azurekms://corp.vault.azure.net:444/release'],
  ['Azure, an underscore', 'azurekms://corp.vault.azure.net/release_key'],
  ['Azure, a host in upper case', 'azurekms://Corp.vault.azure.net/release'],
];
