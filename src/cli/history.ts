import { hostname } from 'node:os';
import { SettingsError, type Settings } from '../config.ts';
import { asError } from '../errors.ts';
import { History, type HistorySettings } from '../history/history.ts';
import type { Logger } from '../log.ts';
import { historyMeter } from '../observe/history-metrics.ts';
import type { Metrics } from '../observe/metrics.ts';

/** The history that the settings ask for; undefined = none. @throws SettingsError */
export function historyFor(settings: Settings, metrics: Metrics, logger: Logger): History | undefined {
  const { enabled, path, url, caFile, maxMegabytes, retention, bufferRows } = settings.history;
  const place = enabled ? placeOf(path, url, caFile, maxMegabytes) : undefined;
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

function placeOf(
  path: string | undefined,
  url: string | undefined,
  caFile: string | undefined,
  maxMegabytes: number,
): HistorySettings['place'] | undefined {
  if (path !== undefined) return { path, maxMegabytes };
  return url === undefined ? undefined : { url, caFile };
}
