import { useMemo } from 'react';
import type { Stats } from '../../admin/schemas/history.ts';
import { formatBucket } from '../format/time.ts';
import { strings } from '../strings.ts';
import { filledBuckets, totalsOf } from './buckets.ts';
import { ChartCard } from './chart-card.tsx';

const text = strings.overview;
const { verdicts } = strings;
/** Bars of one chart; what is left is small. */
const MAX_BARS = 8;

export function DecisionsChart({ stats }: { readonly stats: Stats }) {
  const { spec, label } = useMemo(() => {
    const buckets = filledBuckets(stats);
    const { verified, violated, faulted } = totalsOf(buckets);
    return {
      label: text.decisionsSummary(verified, violated, faulted),
      spec: {
        labels: buckets.map(({ start }) => formatBucket(start, stats.bucketSeconds)),
        series: (['verified', 'violated', 'faulted'] as const).map((verdict) => ({
          name: verdicts[verdict],
          colors: `--cs-${verdict}`,
          values: buckets.map((bucket) => bucket[verdict]),
        })),
      },
    };
  }, [stats]);
  return (
    <ChartCard
      title={text.decisions}
      rowName={text.columns.time}
      spec={spec}
      label={label}
      height="tall"
      empty={text.emptyBody}
      className="cs-two-thirds"
    />
  );
}

export function CodesChart({ stats }: { readonly stats: Stats }) {
  const spec = useMemo(() => {
    const codes = stats.codes.slice(0, MAX_BARS);
    return {
      labels: codes.map(({ code }) => code),
      series: [
        {
          name: text.columns.verifications,
          colors: codes.map(({ verdict }) => `--cs-${verdict}`),
          values: codes.map(({ verifications }) => verifications),
        },
      ],
      isHorizontal: true,
    };
  }, [stats]);
  return (
    <ChartCard
      title={text.codes}
      rowName={text.columns.code}
      spec={spec}
      label={inWords(spec)}
      empty={text.noCodes}
      className="cs-third"
    />
  );
}

export function LevelsChart({ stats }: { readonly stats: Stats }) {
  const spec = useMemo(
    () => ({
      labels: [0, 1, 2, 3].map((level) => text.level(level)),
      series: [
        {
          name: text.columns.verifications,
          colors: '--cs-chart',
          values: [0, 1, 2, 3].map(
            (level) => stats.slsaLevels.find((each) => each.level === level)?.verifications ?? 0,
          ),
        },
      ],
    }),
    [stats],
  );
  return (
    <ChartCard
      title={text.slsa}
      rowName={text.columns.level}
      spec={spec}
      label={inWords(spec)}
      empty={text.noSlsa}
      className="cs-third"
    />
  );
}

export function RegistriesChart({ stats }: { readonly stats: Stats }) {
  const spec = useMemo(() => {
    const registries = stats.faultsByRegistry.slice(0, MAX_BARS);
    return {
      labels: registries.map(({ registry }) => registry),
      series: [
        {
          name: text.columns.faults,
          colors: '--cs-faulted',
          values: registries.map(({ faults }) => faults),
        },
      ],
      isHorizontal: true,
    };
  }, [stats]);
  return (
    <ChartCard
      title={text.registries}
      rowName={text.columns.registry}
      spec={spec}
      label={inWords(spec)}
      empty={text.noRegistries}
      className="cs-third"
    />
  );
}

function inWords({
  labels,
  series,
}: {
  readonly labels: readonly string[];
  readonly series: readonly { readonly values: readonly number[] }[];
}): string {
  return labels.map((label, index) => `${label}: ${series[0]?.values[index] ?? 0}`).join(', ');
}
