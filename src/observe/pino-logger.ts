import { destination, pino, type Level } from 'pino';
import type { Logger } from '../log.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface PinoLoggerOptions {
  readonly level?: LogLevel;
  /** Takes whole lines; standard output otherwise. */
  readonly write?: (line: string) => void;
}

export interface PinoLogger extends Logger {
  /** Before the process ends: what is logged is written without waiting. */
  flush(): void;
}

/** Keys whose values are secrets, at the top and one level down. */
const secretKeys = [
  'authorization',
  'token',
  'password',
  'secret',
  'auth',
  'keyPem',
  'cookie',
  'identitytoken',
];

/** One JSON object per line, with the time in ISO 8601 and the level by name. */
export function createPinoLogger({ level = 'info', write }: PinoLoggerOptions = {}): PinoLogger {
  const output = write === undefined ? destination({ dest: 1, sync: false }) : undefined;
  const lines = {
    write: (line: string) => (write ?? ((text: string) => output?.write(text)))(safeLine(line)),
  };
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`]), censor: '[redacted]' },
    },
    lines,
  );
  const at = (name: Level) => (fields: object, message: string) => logger[name](fields, message);
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    flush: () => output?.flushSync(),
  };
}

/**
 * What a terminal or a log viewer would act upon and JSON leaves as it is: DEL and C1 controls, line and paragraph separators,
 * and characters that reorder or hide text. Such characters stand inside strings only, where an escape means the same.
 */
// eslint-disable-next-line no-control-regex
const unsafeCharacters = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const credentials = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi;
const privateKeys = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[^"]*/g;
const userInfo = /\b(https?:\/\/)[^\s/@"\\]{1,512}@/g;

function safeLine(line: string): string {
  return line
    .replace(credentials, '$1 [redacted]')
    .replace(privateKeys, '[redacted private key]')
    .replace(userInfo, '$1[redacted]@')
    .replace(unsafeCharacters, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
