import { isRecord, type KubeObject } from '../kube/object.ts';
import type { CertificateSet } from './self-signed.ts';
import { parseServingCertificate, type ServingCertificate } from './serving-certificate.ts';

/**
 * What the Secret of the serving certificate holds. Beside the pair in use: the next one, whose authority is published before
 * it is used, and the authority of the one before, for replicas that have not noticed yet.
 */
export interface CertificateState {
  /** Undefined when the Secret has none, or one that cannot be used. */
  readonly current: ServingCertificate | undefined;
  readonly next: ServingCertificate | undefined;
  /** Milliseconds since the epoch: when `next` was written. */
  readonly nextSince: number;
  /** Empty = none. */
  readonly previousCa: string;
  readonly promotedAt: number;
}

const annotation = { nextSince: 'countersign.dev/next-since', promotedAt: 'countersign.dev/promoted-at' };

/** Nothing of the Secret can make this throw: what is unusable is not there. */
export function readState(secret: KubeObject): CertificateState {
  const data = isRecord(secret['data']) ? secret['data'] : {};
  const annotations = secret.metadata.annotations ?? {};
  const text = (key: string) => {
    const value = data[key];
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';
  };
  const pair = (prefix: string) =>
    usable({
      caPem: text(`${prefix}ca.crt`),
      certPem: text(`${prefix}tls.crt`),
      keyPem: text(`${prefix}tls.key`),
    });
  return {
    current: pair(''),
    next: pair('next-'),
    nextSince: Date.parse(annotations[annotation.nextSince] ?? '') || 0,
    previousCa: text('previous-ca.crt'),
    promotedAt: Date.parse(annotations[annotation.promotedAt] ?? '') || 0,
  };
}

/** The whole Secret, ready to be written over the one that was read (its resourceVersion makes a race a conflict). */
export function secretOf(secret: KubeObject, state: CertificateState): KubeObject {
  const data = {
    'tls.crt': state.current?.certPem,
    'tls.key': state.current?.keyPem,
    'ca.crt': state.current?.caPem,
    'next-tls.crt': state.next?.certPem,
    'next-tls.key': state.next?.keyPem,
    'next-ca.crt': state.next?.caPem,
    'previous-ca.crt': state.previousCa === '' ? undefined : state.previousCa,
  };
  const encoded = Object.entries(data).flatMap(([key, text]) =>
    text === undefined ? [] : [[key, Buffer.from(text).toString('base64')] as const],
  );
  const annotations = {
    ...secret.metadata.annotations,
    [annotation.nextSince]: new Date(state.nextSince).toISOString(),
    [annotation.promotedAt]: new Date(state.promotedAt).toISOString(),
  };
  return { ...secret, metadata: { ...secret.metadata, annotations }, data: Object.fromEntries(encoded) };
}

function usable(set: CertificateSet): ServingCertificate | undefined {
  if (set.caPem === '' || set.certPem === '' || set.keyPem === '') return undefined;
  try {
    return parseServingCertificate(set);
  } catch {
    return undefined;
  }
}
