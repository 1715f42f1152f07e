const whole = new Intl.NumberFormat();
const percentage = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 });
const milliseconds = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export function formatCount(count: number): string {
  return whole.format(count);
}

export function formatShare(part: number, all: number): string {
  return percentage.format(all === 0 ? 0 : part / all);
}

export function formatMilliseconds(value: number): string {
  return `${milliseconds.format(value)} ms`;
}
