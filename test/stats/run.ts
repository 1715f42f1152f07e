/** `make stats`: the size and shape of the source, and what one cold keyless admission runs through. It only reports. */
import { cyclesOf, importLevels, measureSource, repeatedExports, type FileStats } from './code.ts';
import { countStops } from './stops.ts';

const files = measureSource();
const folderOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] ?? '') : '(root)');
const folders = Map.groupBy(files, ({ path }) => folderOf(path));
const sum = (some: readonly FileStats[], pick: (file: FileStats) => number): number =>
  some.reduce((total, file) => total + pick(file), 0);
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

function row(name: string, some: readonly FileStats[]): string {
  const functions = some.flatMap((file) => file.functions);
  return [
    name.padEnd(12),
    String(some.length).padStart(5),
    String(sum(some, ({ lines }) => lines)).padStart(7),
    String(median(some.map(({ lines }) => lines))).padStart(7),
    String(Math.max(...some.map(({ lines }) => lines))).padStart(7),
    String(functions.length).padStart(10),
    String(Math.max(0, ...functions)).padStart(8),
    `${((100 * sum(some, ({ commentLines }) => commentLines)) / sum(some, ({ lines }) => lines)).toFixed(0)} %`.padStart(
      9,
    ),
    String(importLevels(files, name)).padStart(7),
  ].join(' ');
}

console.log('folder       files   lines  median longest  functions longest  comments levels');
for (const [folder, some] of [...folders].toSorted(([, a], [, b]) => b.length - a.length))
  console.log(row(folder, some));
console.log(row('all', files));

const cycles = cyclesOf(files);
console.log(`\nimport cycles: ${cycles.length}`);
for (const cycle of cycles) console.log(`  ${cycle.join(' ⇄ ')}`);
console.log(`exported names that occur in several files: ${repeatedExports(files).length}`);
console.log(`files above 250 lines: ${files.filter(({ lines }) => lines > 250).length}`);
console.log(
  `functions above 60 lines: ${files.flatMap(({ functions }) => functions).filter((lines) => lines > 60).length}`,
);

const { functions, files: passed, byFile } = await countStops();
console.log(`\none cold keyless admission: ${functions} functions in ${passed} files`);
for (const [file, count] of byFile.slice(0, 15)) console.log(`  ${String(count).padStart(3)}  ${file}`);
