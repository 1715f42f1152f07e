import { LIMITS } from '../limits.ts';
import { objectShape, type Shape } from './json-shape.ts';

/** The parts of `trusted_root.json` that are read, as they are after `TRUSTED_ROOT` was checked. */
export interface TrustedRootJson {
  readonly mediaType: string;
  readonly tlogs?: readonly LogJson[] | null;
  readonly ctlogs?: readonly LogJson[] | null;
  readonly certificateAuthorities?: readonly AuthorityJson[] | null;
  readonly timestampAuthorities?: readonly AuthorityJson[] | null;
}

export interface LogJson {
  readonly baseUrl: string;
  readonly publicKey: {
    readonly rawBytes: string;
    readonly keyDetails?: string | number | null;
    readonly validFor?: PeriodJson | null;
  };
  readonly logId: { readonly keyId: string };
  readonly checkpointKeyId?: { readonly keyId: string } | null;
}

export interface AuthorityJson {
  readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
  readonly validFor?: PeriodJson | null;
}

export interface PeriodJson {
  readonly start?: string | null;
  readonly end?: string | null;
}

/** Logs or authorities of one kind: the public good instance has four at most, after years of rotation. */
const MAX_AUTHORITIES = 32;
const MAX_KEY_BYTES = 1024;

const TIME: Shape = { kind: 'text', maxChars: 64 };
const PERIOD = objectShape({ start: TIME, end: TIME });
const LOG_ID = objectShape({ keyId: { kind: 'base64', maxBytes: 64 } }, { required: ['keyId'] });

const LOG = objectShape(
  {
    baseUrl: { kind: 'text', maxChars: 2048 },
    hashAlgorithm: { kind: 'enum' },
    publicKey: objectShape(
      {
        rawBytes: { kind: 'base64', maxBytes: MAX_KEY_BYTES },
        keyDetails: { kind: 'enum' },
        validFor: PERIOD,
      },
      { required: ['rawBytes'] },
    ),
    logId: LOG_ID,
    checkpointKeyId: LOG_ID,
  },
  { required: ['baseUrl', 'publicKey', 'logId'] },
);

const AUTHORITY = objectShape(
  {
    uri: { kind: 'text', maxChars: 2048 },
    certChain: objectShape(
      {
        certificates: {
          kind: 'list',
          of: objectShape(
            { rawBytes: { kind: 'base64', maxBytes: LIMITS.certificateBytes } },
            { required: ['rawBytes'] },
          ),
          max: LIMITS.chainCertificates,
        },
      },
      { required: ['certificates'] },
    ),
    validFor: PERIOD,
  },
  { required: ['certChain'] },
);

const list = (of: Shape): Shape => ({ kind: 'list', of, max: MAX_AUTHORITIES });

/** `TrustedRoot` of sigstore/protobuf-specs, protos/sigstore_trustroot.proto. */
export const TRUSTED_ROOT = objectShape(
  {
    mediaType: { kind: 'text', maxChars: 128 },
    tlogs: list(LOG),
    ctlogs: list(LOG),
    certificateAuthorities: list(AUTHORITY),
    timestampAuthorities: list(AUTHORITY),
  },
  { required: ['mediaType'] },
);

/** Both spellings of the media type that protobuf-specs allows. */
export const TRUSTED_ROOT_MEDIA_TYPE =
  /^application\/vnd\.dev\.sigstore\.trustedroot(\+json;version=0\.[12]|\.v0\.[12]\+json)$/;
