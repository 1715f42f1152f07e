import { hostname } from 'node:os';
import { SettingsError, type Settings } from '../config.ts';
import { asError } from '../errors.ts';
import { History } from '../history/history.ts';
import { openDatabase, type HistoryPlace } from '../history/open-database.ts';
import { Reader } from '../history/reader.ts';
import type { Logger } from '../log.ts';
import { historyMeter } from '../observe/history-metrics.ts';
import type { Metrics } from '../observe/metrics.ts';

/** The history that the settings ask for; undefined = none. @throws SettingsError */
export function historyFor(settings: Settings, metrics: Metrics, logger: Logger): History | undefined {
  const { retention, bufferRows } = settings.history;
  const place = placeOf(settings);
  if (place === undefined) return undefined;
  try {
    return new History({
      settings: { place, retention, bufferRows },
      // In a cluster, the name of the Pod.
      replica: hostname(),
      logger,
      meter: historyMeter(metrics),
    });
  } catch (error) {
    throw new SettingsError(`history: ${asError(error).message}`, { cause: error });
  }
}

/** The same history, for a thread that only reads it; undefined = none is kept. @throws Error */
export function historyReader(
  settings: Settings,
): { readonly reader: Reader; readonly close: () => Promise<void> } | undefined {
  const place = placeOf(settings);
  if (place === undefined) return undefined;
  // What is damaged is set aside by whoever writes.
  const database = openDatabase(place, () => undefined);
  return { reader: new Reader(database), close: () => database.close() };
}

function placeOf({ history }: Settings): HistoryPlace | undefined {
  const { enabled, path, url, caFile, maxMegabytes } = history;
  if (!enabled) return undefined;
  if (path !== undefined) return { path, maxMegabytes };
  return url === undefined ? undefined : { url, caFile };
}
