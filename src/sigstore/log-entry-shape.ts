import type { TransparencyLogEntry } from '@sigstore/bundle';
import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { MAX_SIGNATURE_BYTES } from './dsse-envelope.ts';
import { checkShape, objectShape, type ObjectShape, type Shape } from './json-shape.ts';
import { isJsonObject, type JsonValue } from '../strict-json.ts';

const TEXT: Shape = { kind: 'text', maxChars: 4 * LIMITS.certificateBytes };
const base64 = (maxBytes: number): Shape => ({ kind: 'base64', maxBytes });

/** An object whose fields, all of which are named, must be there. */
function whole(fields: Readonly<Record<string, Shape>>): ObjectShape {
  return objectShape(fields, { required: Object.keys(fields) });
}

function list(of: Shape): Shape {
  return { kind: 'list', of, max: LIMITS.logEntries };
}

const HASH = whole({ algorithm: TEXT, value: TEXT });
/** `HashOutput` and `Verifier` of sigstore/protobuf-specs and rekor-tiles: Rekor v2. */
const HASH_V2 = whole({ algorithm: { kind: 'enum' }, digest: base64(64) });
const RAW = whole({ rawBytes: base64(LIMITS.certificateBytes) });
const SIGNATURE_V2 = whole({
  content: base64(MAX_SIGNATURE_BYTES),
  verifier: objectShape(
    { keyDetails: { kind: 'enum' }, publicKey: RAW, x509Certificate: RAW },
    { oneOf: [['publicKey', 'x509Certificate']] },
  ),
});

/** What is read of a body, by kind and version. `intoto` 0.0.1 is read by `log-promise.ts`, field by field. */
const SPECS: Readonly<Record<string, ObjectShape | undefined>> = {
  'hashedrekord/0.0.1': whole({
    data: whole({ hash: HASH }),
    signature: whole({ content: TEXT, publicKey: whole({ content: TEXT }) }),
  }),
  'dsse/0.0.1': whole({ payloadHash: HASH, signatures: list(whole({ signature: TEXT, verifier: TEXT })) }),
  'intoto/0.0.1': undefined,
  'intoto/0.0.2': whole({
    content: whole({
      envelope: whole({ signatures: list(whole({ sig: TEXT, publicKey: TEXT })) }),
      payloadHash: HASH,
    }),
  }),
  'hashedrekord/0.0.2': whole({ hashedRekordV002: whole({ data: HASH_V2, signature: SIGNATURE_V2 }) }),
  'dsse/0.0.2': whole({ dsseV002: whole({ payloadHash: HASH_V2, signatures: list(SIGNATURE_V2) }) }),
};

/**
 * The library takes the shape of a body in good faith.
 * @throws Refusal UNSUPPORTED for a kind and version that is not verified here, TLOG_MISMATCH for a body of another kind, MALFORMED
 * or LIMIT.
 */
export function checkEntryShape({ kindVersion }: TransparencyLogEntry, body: JsonValue): void {
  const name = `${kindVersion.kind}/${kindVersion.version}`;
  if (!Object.hasOwn(SPECS, name)) {
    throw new Refusal('UNSUPPORTED', `log entries of kind ${name} are not supported`);
  }
  if (
    !isJsonObject(body) ||
    body['kind'] !== kindVersion.kind ||
    body['apiVersion'] !== kindVersion.version
  ) {
    throw new Refusal('TLOG_MISMATCH', 'the log entry is of another kind than it is said to be');
  }
  const spec = SPECS[name];
  if (spec !== undefined) checkShape(body, whole({ spec }), 'the log entry');
}
