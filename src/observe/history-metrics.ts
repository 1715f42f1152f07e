import { Counter, Gauge, Histogram } from 'prom-client';
import type { Metrics } from './metrics.ts';

/** Why a row of the history is lost: labels of a metric, a closed set. */
type Loss = 'overflow' | 'review' | 'refused' | 'shutdown';

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];

/** What becomes of the history's rows, as metrics. Only for a program that keeps one. */
export function historyMeter({ registry }: Metrics) {
  const registers = [registry];
  const counter = (name: string, help: string) =>
    new Counter({ name: `countersign_history_${name}`, help, registers });
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `countersign_history_${name}`, help, registers });
  const written = counter('rows_written_total', 'Rows of the history that were written');
  const expired = counter('rows_expired_total', 'Rows of the history that were kept for long enough');
  const setAside = counter('set_aside_total', 'Damaged files of the history that were set aside');
  const available = gauge('available', 'Whether the history could be written last time (1) or not (0)');
  const waiting = gauge('waiting_rows', 'Rows of the history that wait to be written');
  const lost = new Counter({
    name: 'countersign_history_rows_lost_total',
    help: 'Rows of the history that were not written',
    labelNames: ['reason'],
    registers,
  });
  const duration = new Histogram({
    name: 'countersign_history_write_duration_seconds',
    help: 'Time to write a batch of the history',
    buckets,
    registers,
  });
  return {
    written(rows: number, milliseconds: number): void {
      written.inc(rows);
      duration.observe(milliseconds / 1000);
    },
    lost: (reason: Loss, rows: number): void => lost.inc({ reason }, rows),
    available: (isAvailable: boolean): void => available.set(isAvailable ? 1 : 0),
    waiting: (rows: number): void => waiting.set(rows),
    setAside: (): void => setAside.inc(),
    expired: (rows: number): void => expired.inc(rows),
  };
}
