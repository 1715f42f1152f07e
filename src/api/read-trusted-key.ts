import type * as z from 'zod';
import { Refusal } from '../errors.ts';
import { parsePublicKey } from '../sigstore/public-key.ts';
import { readValue, type Read } from './field-problems.ts';
import { labelSelector, labelsOf, type LabelSelector, type SelectorShape } from './label-selector.ts';
import { parseKeyReference, secretKeyReference } from './key-reference.ts';
import type { clusterTrustedKey } from './trusted-key-schema.ts';
import type {
  BrokenEntry,
  KeylessIdentity,
  KeyRefIdentity,
  Problem,
  PublicKeyIdentity,
  TrustedKey,
} from './resources.ts';
import { exactText, matchesAnyone, textPattern, type TextMatcher } from './text-matcher.ts';

/** An entry, and all that is wrong with it: a broken entry names only the first. */
export interface ReadEntry<E extends TrustedKey = TrustedKey> {
  readonly entry: E;
  readonly problems: readonly Problem[];
}

type EntryShape = z.output<typeof clusterTrustedKey>;
/** The part that a `trustedKeys` entry and a `TrustedSigner` have in common. */
export type IdentityShape = Pick<
  EntryShape,
  | 'keyless'
  | 'issuer'
  | 'issuerRegExp'
  | 'subject'
  | 'subjectRegExp'
  | 'extensions'
  | 'trustRootRef'
  | 'publicKey'
  | 'keyRef'
>;

/** Reads one entry of `trustedKeys`. Whatever is wrong with it makes this entry unusable, and only this one. */
export function readTrustedKey(schema: z.ZodType, json: unknown, field: string): ReadEntry {
  const { value, problems } = readValue(schema, json, field);
  if (value === undefined) return broken(field, problems);
  const shape = value as EntryShape;
  if (shape.signerRef !== undefined) {
    return { entry: { kind: 'signerRef', field, name: shape.signerRef.name }, problems: [] };
  }
  if (shape.signerSelector !== undefined)
    return readSignerSelector(shape.signerSelector as SelectorShape, field);
  return readIdentity(shape, field);
}

/** Reads who signs: patterns and keys are compiled here, once. */
export function readIdentity(
  shape: IdentityShape,
  field: string,
): ReadEntry<KeylessIdentity | PublicKeyIdentity | KeyRefIdentity | BrokenEntry> {
  const { keyRef, publicKey } = shape;
  if (keyRef !== undefined) {
    const read = attempt(() => parseKeyReference(keyRef.uri), `${field}.keyRef.uri`);
    if (read.value === undefined) return broken(field, read.problems);
    return { entry: { kind: 'keyRef', field, reference: read.value }, problems: [] };
  }
  if (publicKey?.secretRef !== undefined) {
    const { namespace, name, key } = publicKey.secretRef;
    return {
      entry: { kind: 'keyRef', field, reference: secretKeyReference(namespace, name, key) },
      problems: [],
    };
  }
  if (publicKey?.pem !== undefined) {
    const { pem } = publicKey;
    const key = attempt(() => parsePublicKey(pem), `${field}.publicKey.pem`);
    if (key.value === undefined) return broken(field, key.problems);
    return { entry: { kind: 'publicKey', field, key: key.value }, problems: [] };
  }
  const issuer = readMatcher(shape, 'issuer', field);
  const subject = readMatcher(shape, 'subject', field);
  if (issuer.value === undefined || subject.value === undefined) {
    return broken(field, [...issuer.problems, ...subject.problems]);
  }
  const extensions = Object.entries(shape.extensions ?? {}).filter(
    (extension): extension is [string, string] => extension[1] !== undefined,
  );
  const entry: KeylessIdentity = {
    kind: 'keyless',
    field,
    issuer: issuer.value,
    subject: subject.value,
    extensions: labelsOf(extensions),
    trustRoot: shape.trustRootRef?.name,
  };
  return { entry, problems: [] };
}

function readMatcher(shape: IdentityShape, part: 'issuer' | 'subject', at: string): Read<TextMatcher> {
  const exact = shape[part];
  if (exact !== undefined) return { value: exactText(exact), problems: [] };
  const field = `${at}.${part}RegExp`;
  const read = attempt(() => textPattern(shape[`${part}RegExp`] ?? ''), field);
  if (read.value === undefined || !matchesAnyone(read.value, part)) return read;
  const message = `matches anyone: it lets in a ${part} that nobody can have meant, expected a pattern that names whom you trust`;
  return { value: undefined, problems: [{ field, message }] };
}

function readSignerSelector(shape: SelectorShape, at: string): ReadEntry {
  const { value, problems } = readSelector(shape, `${at}.signerSelector`);
  if (value === undefined) return broken(at, problems);
  return { entry: { kind: 'signerSelector', field: at, selector: value }, problems: [] };
}

export function readSelector(shape: SelectorShape, field: string): Read<LabelSelector> {
  return attempt(() => labelSelector(shape), field);
}

/** What a parser makes of a text, with its refusal as a problem of the field. */
export function attempt<T>(parse: () => T, field: string): Read<T> {
  try {
    return { value: parse(), problems: [] };
  } catch (error) {
    if (error instanceof Refusal) return { value: undefined, problems: [{ field, message: error.message }] };
    throw error;
  }
}

export function broken(
  field: string,
  problems: readonly Problem[],
): { readonly entry: BrokenEntry; readonly problems: readonly Problem[] } {
  const problem = problems[0] ?? { field, message: 'cannot be read' };
  return {
    entry: { kind: 'broken', field, problem },
    problems: problems.length === 0 ? [problem] : problems,
  };
}

/** Each field and message once. */
export function unique(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Map(problems.map((problem) => [`${problem.field} ${problem.message}`, problem]));
  return [...seen.values()];
}
