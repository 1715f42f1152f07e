import type { Draft } from '../api/written.ts';
import { formatPairs, parsePairs } from '../shared/lines.ts';
import { booleanAt, isRecord, pairsAt, shownAt, textAt, valueAt, type Json } from '../shared/values.ts';

/** A text that is compared as a whole, or with a pattern. */
export interface Matcher {
  readonly how: 'exact' | 'pattern';
  readonly text: string;
}

export type SignerKind = 'keyless' | 'publicKey' | 'keyRef';

/** A TrustedSigner as the form has it. */
export interface SignerForm {
  readonly name: string;
  readonly description: string;
  /** One `key=value` a line. */
  readonly labels: string;
  readonly kind: SignerKind;
  readonly issuer: Matcher;
  readonly subject: Matcher;
  /** One `name=value` a line. */
  readonly extensions: string;
  /** Empty = the policy's. */
  readonly trustRoot: string;
  readonly pem: string;
  readonly uri: string;
  readonly enabled: boolean;
  /** RFC 3339; empty = none. */
  readonly expiresAt: string;
  readonly signedNotBefore: string;
  readonly signedNotAfter: string;
}

/** What the form writes; every other field of a stored spec stays as it is. */
const FORM_FIELDS = [
  'description',
  'keyless',
  'issuer',
  'issuerRegExp',
  'subject',
  'subjectRegExp',
  'extensions',
  'trustRootRef',
  'publicKey',
  'keyRef',
  'enabled',
  'expiresAt',
  'signedNotBefore',
  'signedNotAfter',
] as const;

export function emptySigner(kind: SignerKind): SignerForm {
  return signerForm('', undefined, kind === 'keyless' ? { keyless: true } : { [kind]: {} });
}

export function signerForm(
  name: string,
  labels: Readonly<Record<string, string>> | undefined,
  spec: Json,
): SignerForm {
  return {
    name,
    description: shownAt(spec, 'description'),
    labels: formatPairs(labels ?? {}),
    kind: kindOf(spec),
    issuer: matcherAt(spec, 'issuer'),
    subject: matcherAt(spec, 'subject'),
    extensions: extensionsIn(spec),
    trustRoot: textAt(spec, 'trustRootRef', 'name') ?? shownAt(spec, 'trustRootRef'),
    pem: shownAt(spec, 'publicKey', 'pem'),
    uri: shownAt(spec, 'keyRef', 'uri'),
    // One that cannot be read vouches for nothing: it must not be switched on by the way.
    enabled: booleanAt(spec, 'enabled') ?? valueAt(spec, 'enabled') === undefined,
    expiresAt: shownAt(spec, 'expiresAt'),
    signedNotBefore: shownAt(spec, 'signedNotBefore'),
    signedNotAfter: shownAt(spec, 'signedNotAfter'),
  };
}

/** @param stored spec that is edited; undefined = a new one */
export function draftOf(form: SignerForm, stored: Json | undefined): Draft {
  const rest = Object.fromEntries(
    Object.entries(stored ?? {}).filter(([field]) => !FORM_FIELDS.some((own) => own === field)),
  );
  const { pairs } = parsePairs(form.labels);
  return {
    metadata: { name: form.name.trim(), ...(Object.keys(pairs).length > 0 && { labels: pairs }) },
    spec: {
      ...given('description', form.description.trim()),
      ...identityOf(form, stored),
      enabled: form.enabled,
      ...given('expiresAt', form.expiresAt),
      ...given('signedNotBefore', form.signedNotBefore),
      ...given('signedNotAfter', form.signedNotAfter),
      ...rest,
    },
  };
}

function identityOf(form: SignerForm, stored: Json | undefined): Json {
  switch (form.kind) {
    case 'publicKey': {
      const secretRef = valueAt(stored, 'publicKey', 'secretRef');
      return { publicKey: form.pem === '' && isRecord(secretRef) ? { secretRef } : { pem: form.pem } };
    }
    case 'keyRef':
      return { keyRef: { uri: form.uri.trim() } };
    case 'keyless': {
      const { pairs } = parsePairs(form.extensions);
      return {
        keyless: true,
        ...fieldOf('issuer', form.issuer),
        ...fieldOf('subject', form.subject),
        ...(Object.keys(pairs).length > 0 && { extensions: pairs }),
        ...(form.trustRoot !== '' && { trustRootRef: { name: form.trustRoot } }),
      };
    }
  }
}

/** What is no mapping is shown as it stands there, and is then no line of `name=value` either. */
function extensionsIn(spec: Json): string {
  const extensions = valueAt(spec, 'extensions');
  return extensions === undefined || isRecord(extensions)
    ? formatPairs(pairsAt(spec, 'extensions'))
    : shownAt(spec, 'extensions');
}

function kindOf(spec: Json): SignerKind {
  if (isRecord(spec['publicKey'])) return 'publicKey';
  return isRecord(spec['keyRef']) ? 'keyRef' : 'keyless';
}

function matcherAt(spec: Json, field: 'issuer' | 'subject'): Matcher {
  return valueAt(spec, `${field}RegExp`) === undefined
    ? { how: 'exact', text: shownAt(spec, field) }
    : { how: 'pattern', text: shownAt(spec, `${field}RegExp`) };
}

function fieldOf(field: 'issuer' | 'subject', { how, text }: Matcher): Json {
  return text === '' ? {} : { [how === 'exact' ? field : `${field}RegExp`]: text.trim() };
}

function given(field: string, value: string): Json {
  return value === '' ? {} : { [field]: value };
}
