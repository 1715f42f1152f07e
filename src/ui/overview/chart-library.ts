import { BarController, BarElement, CategoryScale, Chart, Legend, LinearScale, Tooltip } from 'chart.js';
import type { BarSpec } from './bar-spec.ts';

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip, Legend);

/** @param theme classes of the document, whose colours are used @returns what takes it away again */
export function drawBars(canvas: HTMLCanvasElement, spec: BarSpec, theme: string): () => void {
  canvas.dataset['theme'] = theme;
  const style = getComputedStyle(canvas);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const text = token('--pf-t--global--text--color--subtle');
  const grid = token('--pf-t--global--border--color--default');
  const isHorizontal = spec.isHorizontal === true;
  const categories = {
    stacked: true,
    grid: { display: false },
    border: { color: grid },
    ticks: { color: text, maxRotation: 0, autoSkipPadding: 16 },
  };
  const values = {
    stacked: true,
    beginAtZero: true,
    grid: { color: grid },
    border: { display: false },
    ticks: { color: text, precision: 0, maxTicksLimit: 6 },
  };
  const chart = new Chart(canvas, {
    type: 'bar',
    data: {
      labels: spec.labels.map((label) => (isHorizontal ? lines(label) : label)),
      datasets: spec.series.map(({ name, colors, values: data }) => ({
        label: name,
        data: [...data],
        backgroundColor: Array.isArray(colors) ? colors.map(token) : token(colors),
        borderRadius: 3,
        maxBarThickness: isHorizontal ? 22 : 40,
      })),
    },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      indexAxis: isHorizontal ? 'y' : 'x',
      font: { family: style.fontFamily },
      interaction: { mode: 'index', intersect: false, axis: isHorizontal ? 'y' : 'x' },
      scales: isHorizontal ? { x: values, y: categories } : { x: categories, y: values },
      plugins: {
        legend: {
          display: spec.series.length > 1,
          position: 'bottom',
          labels: { color: text, boxWidth: 12, boxHeight: 12, padding: 16 },
        },
      },
    },
  });
  return () => chart.destroy();
}

/** Characters of a line beside a bar. */
const LINE = 14;

/** A code in two lines where it is too long for one. */
function lines(label: string): string | string[] {
  const middle = label.indexOf('_', label.length / 2 - 4);
  if (label.length <= LINE || middle === -1) return label;
  return [label.slice(0, middle + 1), label.slice(middle + 1)];
}
