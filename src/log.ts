/** Structured logging as the code sees it; `observe/` makes one with pino. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** For tests and for callers that have nothing to say. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
