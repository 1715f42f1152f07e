import type { FieldProblem } from './problem.ts';

/** Secrets in documents that have no place for one: pasted by mistake, or written past this API. */

/** All kinds: PKCS#8, EC, RSA, encrypted, OpenSSH. The end may be missing. */
const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$)/g;
/** A user alone is none: `git+ssh://git@host`. */
const PASSWORD_IN_URL = /\b([a-zA-Z][-+.a-zA-Z0-9]{0,32}:\/\/)[^\s/@:"'\\]{0,256}:[^\s/@"'\\]{1,1024}@/g;
/** More than any schema of ours nests. */
const MAX_DEPTH = 64;
const MAX_PROBLEMS = 20;

/** A text without what nobody may see. */
export function withoutSecrets(text: string): string {
  return text.replaceAll(PRIVATE_KEY, '[redacted private key]').replaceAll(PASSWORD_IN_URL, '$1[redacted]@');
}

/** JSON without what nobody may see. Keys of objects are names, and stay. */
export function redacted<T>(json: T, depth = MAX_DEPTH): T {
  return redact(json, depth) as T;
}

function redact(json: unknown, depth: number): unknown {
  if (typeof json === 'string') return withoutSecrets(json);
  if (typeof json !== 'object' || json === null) return json;
  if (depth === 0) return '[too deep]';
  if (Array.isArray(json)) return json.map((item) => redact(item, depth - 1));
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, redact(value, depth - 1)]));
}

/** Fields that hold a secret: such a document is not stored. The secret stands in no message. */
export function secretsIn(json: unknown, field: string, depth = MAX_DEPTH): readonly FieldProblem[] {
  if (typeof json === 'string') return secretIn(json, field);
  if (typeof json !== 'object' || json === null || depth === 0) return [];
  const found = Array.isArray(json)
    ? json.flatMap((item, index) => secretsIn(item, `${field}[${index}]`, depth - 1))
    : Object.entries(json).flatMap(([key, value]) =>
        secretsIn(value, `${field}.${key.slice(0, 64)}`, depth - 1),
      );
  return found.slice(0, MAX_PROBLEMS);
}

function secretIn(text: string, field: string): readonly FieldProblem[] {
  if (text.search(PRIVATE_KEY) !== -1) {
    const message = 'holds a private key: give the public key, and treat the private one as leaked';
    return [{ field, message }];
  }
  if (text.search(PASSWORD_IN_URL) !== -1) {
    return [{ field, message: 'holds a URL with a password in it: leave it out, and change the password' }];
  }
  return [];
}
