import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import { asError } from '../errors.ts';
import { EXIT } from './exit-codes.ts';

/** What a running service can be told. */
export interface Stoppable {
  /** Not ready from now on. */
  drain(): void;
  /** Finishes what is under way. */
  stop(): Promise<void>;
}

export interface Lifecycle {
  /** Between "not ready" and "no new connections": until the endpoints of the Service have heard of it. Seconds. */
  readonly drainSeconds: number;
  readonly logger: Logger;
  /** Writes what was logged and ends the process. */
  readonly exit: (code: number) => void;
}

/**
 * From now on a first SIGTERM or SIGINT ends the service in order, and a second one at once. What nobody caught ends it too: in
 * an unknown state it must not answer, and while it does not answer the API server denies.
 */
export function superviseService(service: Stoppable, lifecycle: Lifecycle): void {
  const { logger, exit } = lifecycle;
  let ending = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (ending) {
      logger.warn({ signal }, 'stopped at once');
      exit(EXIT.cutOff);
      return;
    }
    ending = true;
    logger.info({ signal, drainSeconds: lifecycle.drainSeconds }, 'stopping');
    void endInOrder(service, lifecycle);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** From the start of the process: a defect is told and ends it. */
export function exitOnDefects(logger: Logger, exit: (code: number) => void): void {
  const onDefect = (what: string) => (thrown: unknown) => {
    logger.error({ err: asError(thrown) }, what);
    exit(EXIT.failed);
  };
  process.on('uncaughtException', onDefect('an exception that nobody caught'));
  process.on('unhandledRejection', onDefect('a rejection that nobody handled'));
}

async function endInOrder(service: Stoppable, { drainSeconds, logger, exit }: Lifecycle): Promise<void> {
  try {
    service.drain();
    await sleep(drainSeconds * 1000);
    await service.stop();
    logger.info({}, 'stopped');
    exit(EXIT.ok);
  } catch (error) {
    logger.error({ err: asError(error) }, 'stopping failed');
    exit(EXIT.failed);
  }
}
