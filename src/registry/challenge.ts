import { LIMITS } from '../limits.ts';

/** One way in which a registry lets itself be asked (RFC 9110 §11.6.1). */
export interface Challenge {
  readonly scheme: 'basic' | 'bearer';
  /** Parameters by lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
}

const SPACE = /[\s,]*/y;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const EQUALS = /[ \t]*=+[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;

/**
 * Reads WWW-Authenticate: several challenges, quoted commas. Linear, and only so much of it as a registry needs.
 * What is neither Basic nor Bearer is left out; what cannot be read ends the reading.
 */
export function parseChallenges(header: string): readonly Challenge[] {
  if (header.length > LIMITS.challengeBytes) return [];
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const reader = new Reader(header);
  for (;;) {
    reader.take(SPACE);
    const name = reader.take(TOKEN)?.[0].toLowerCase();
    if (name === undefined) break;
    const current = challenges.at(-1);
    // A token that is followed by = belongs to the challenge before it; any other begins one.
    if (current === undefined || reader.take(EQUALS) === undefined) {
      challenges.push({ scheme: name, parameters: new Map() });
      continue;
    }
    const value = reader.take(QUOTED)?.[1]?.replace(/\\(.)/g, '$1') ?? reader.take(TOKEN)?.[0];
    // Without a value it was a token68 (`Negotiate abc==`). Said twice, the first holds: nothing is slipped in behind it.
    if (value !== undefined && !current.parameters.has(name)) current.parameters.set(name, value);
  }
  return challenges.filter(isKnown);
}

function isKnown(challenge: {
  scheme: string;
  parameters: Map<string, string>;
}): challenge is Challenge & typeof challenge {
  return challenge.scheme === 'basic' || challenge.scheme === 'bearer';
}

class Reader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#position = pattern.lastIndex;
    return match;
  }
}
