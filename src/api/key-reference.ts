import { Refusal } from '../errors.ts';
import { quote } from '../image/quote.ts';

/**
 * Where a public key is kept, as cosign writes it (sigstore/cosign, doc/cosign_verify.md; sigstore/sigstore, pkg/signature/kms).
 * `uri` is the canonical text: two references with one `uri` are one key.
 */
export type KeyReference =
  | {
      readonly scheme: 'k8s';
      readonly uri: string;
      readonly namespace: string;
      readonly name: string;
      /** Key of the Secret's data. */
      readonly key: string;
    }
  | {
      readonly scheme: 'awskms';
      readonly uri: string;
      /** `host[:port]`; undefined = the region's own. */
      readonly endpoint: string | undefined;
      /** A key's id, `alias/…`, or the ARN of either. */
      readonly keyId: string;
    }
  | {
      readonly scheme: 'gcpkms';
      readonly uri: string;
      /** `projects/…/locations/…/keyRings/…/cryptoKeys/…`. */
      readonly name: string;
      /** Undefined = every enabled version. */
      readonly version: string | undefined;
    }
  | {
      readonly scheme: 'azurekms';
      readonly uri: string;
      /** `name.vault.azure.net`. */
      readonly vault: string;
      readonly name: string;
      /** Undefined = every enabled version. */
      readonly version: string | undefined;
    }
  | {
      readonly scheme: 'hashivault';
      readonly uri: string;
      /** Of a key in the transit engine; every version that Vault still verifies with. */
      readonly name: string;
    };

export type KeyScheme = KeyReference['scheme'];

/** What each scheme looks like, for messages and for the schema's CEL rule. All are linear and anchored. */
export const KEY_REFERENCE_FORMS: Readonly<
  Record<KeyScheme, { readonly form: string; readonly pattern: string }>
> = {
  k8s: {
    form: 'k8s://<namespace>/<secret>',
    pattern: '^k8s://([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)/([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)$',
  },
  awskms: {
    form: 'awskms://[endpoint]/<key id, alias/name or ARN>',
    pattern:
      '^awskms://([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?(?::[0-9]{1,5})?)?/(arn:aws[-a-z]{0,16}:kms:[-a-z0-9]{1,32}:[0-9]{12}:(?:key/[-a-zA-Z0-9]{1,64}|alias/[-a-zA-Z0-9_]+(?:/[-a-zA-Z0-9_]+)*)|alias/[-a-zA-Z0-9_]+(?:/[-a-zA-Z0-9_]+)*|[-a-zA-Z0-9]{1,64})$',
  },
  gcpkms: {
    form: 'gcpkms://projects/<project>/locations/<location>/keyRings/<ring>/cryptoKeys/<key>[/cryptoKeyVersions/<version>]',
    pattern:
      '^gcpkms://(projects/[a-z0-9](?:[-a-z0-9.:]{0,62}[a-z0-9])?/locations/[-a-z0-9]{1,64}/keyRings/[-_a-zA-Z0-9]{1,63}/cryptoKeys/[-_a-zA-Z0-9]{1,63})(?:/(?:cryptoKeyVersions|versions)/([0-9]{1,10}))?$',
  },
  azurekms: {
    form: 'azurekms://<vault host>/<key>[/<version>]',
    pattern:
      '^azurekms://([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)/([-a-zA-Z0-9]{1,127})(?:/([0-9a-f]{32}))?$',
  },
  hashivault: {
    form: 'hashivault://<key>',
    pattern: '^hashivault://([a-zA-Z0-9_](?:[-a-zA-Z0-9_.]{0,126}[a-zA-Z0-9_])?)$',
  },
};

/** The longest: a GCP name with its version, or an ARN behind an endpoint. */
export const MAX_KEY_REFERENCE_CHARS = 640;
/** Where cosign keeps the public key in a Secret (`cosign generate-key-pair k8s://…`). */
export const COSIGN_SECRET_KEY = 'cosign.pub';

/**
 * Reads a key's URI. Nothing in it can leave its place in a request's path (attack A35).
 * @throws Refusal MALFORMED
 */
export function parseKeyReference(uri: string): KeyReference {
  const scheme = /^([a-z0-9]{1,16}):\/\//.exec(uri)?.[1] ?? '';
  const known = Object.hasOwn(KEY_REFERENCE_FORMS, scheme) ? (scheme as KeyScheme) : undefined;
  if (known === undefined) {
    const forms = Object.keys(KEY_REFERENCE_FORMS).map((name) => `${name}://`);
    throw new Refusal('MALFORMED', `${quote(uri)} is no key reference: expected one of ${forms.join(', ')}`);
  }
  const { form, pattern } = KEY_REFERENCE_FORMS[known];
  const parts = uri.length > MAX_KEY_REFERENCE_CHARS ? null : new RegExp(pattern).exec(uri);
  if (parts === null || uri.includes('..')) {
    throw new Refusal('MALFORMED', `${quote(uri)} is no key reference of the form ${form}`);
  }
  return keyReference(known, uri, parts[1], parts[2] ?? '', parts[3]);
}

/** A Secret's key: `publicKey.secretRef`, and what `k8s://` means. */
export function secretKeyReference(namespace: string, name: string, key: string): KeyReference {
  const uri = `k8s://${namespace}/${name}${key === COSIGN_SECRET_KEY ? '' : `#${key}`}`;
  return { scheme: 'k8s', uri, namespace, name, key };
}

function keyReference(
  scheme: KeyScheme,
  uri: string,
  first: string | undefined,
  second: string,
  third: string | undefined,
): KeyReference {
  switch (scheme) {
    case 'k8s':
      return secretKeyReference(first ?? '', second, COSIGN_SECRET_KEY);
    case 'awskms':
      return { scheme, uri, endpoint: first, keyId: second };
    case 'gcpkms': {
      const version = second === '' ? undefined : second;
      const name = first ?? '';
      const suffix = version === undefined ? '' : `/cryptoKeyVersions/${version}`;
      return { scheme, uri: `gcpkms://${name}${suffix}`, name, version };
    }
    case 'azurekms':
      return { scheme, uri, vault: first ?? '', name: second, version: third };
    case 'hashivault':
      return { scheme, uri, name: first ?? '' };
  }
}
