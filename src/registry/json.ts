import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { isJsonObject, parseStrictJson, type JsonObject } from '../strict-json.ts';

/**
 * Parses JSON that a registry sent. Its containers are counted before anything is allocated for them.
 * @throws Refusal MALFORMED or LIMIT
 */
export function parseJsonObject(bytes: Uint8Array, what: string): JsonObject {
  refuseManyContainers(bytes, what);
  const value = parseStrictJson(bytes, what);
  if (!isJsonObject(value)) throw new Refusal('MALFORMED', `${what} is not a JSON object`);
  return value;
}

// Bytes, not parsed structure: a bracket inside a text counts too, which no manifest comes near.
function refuseManyContainers(bytes: Uint8Array, what: string): void {
  let containers = 0;
  for (const byte of bytes) {
    if (byte === 0x7b || byte === 0x5b) containers += 1;
  }
  if (containers > LIMITS.jsonContainers) {
    throw new Refusal('LIMIT', `${what} holds more than ${LIMITS.jsonContainers} objects and lists`);
  }
}
