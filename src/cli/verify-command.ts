import { styleText } from 'node:util';
import { silentLogger } from '../log.ts';
import { createPinoLogger } from '../observe/pino-logger.ts';
import { renderJson } from './verify-json.ts';
import type { VerifyOptions } from './verify-options.ts';
import type { Paint } from './tree.ts';
import { renderTree } from './verify-tree.ts';
import { exitCodeOf, verifyImages } from './verify.ts';

/** What the command has of its process. */
export interface VerifyProcess {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/**
 * Runs `countersign verify`: the result goes to standard output, and nothing else does.
 * @returns the exit code
 * @throws SettingsError
 */
export async function runVerify(
  images: readonly string[],
  options: VerifyOptions,
  { env, cwd, stdout, stderr }: VerifyProcess,
): Promise<number> {
  const { logLevel, output, color } = options;
  const logger =
    logLevel === undefined
      ? silentLogger
      : createPinoLogger({ level: logLevel, write: (line) => void stderr.write(line) });
  const explanations = await verifyImages(images, options, { env, cwd, logger });
  // Where the stream is no terminal, or NO_COLOR is set, Node leaves the text as it is.
  const paint: Paint = color
    ? (style, text) => styleText(style, text, { stream: stdout })
    : (_, text) => text;
  stdout.write(output === 'json' ? renderJson(explanations) : renderTree(explanations, paint));
  return exitCodeOf(explanations);
}
