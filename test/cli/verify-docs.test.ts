import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { verifyHere } from './countersign.ts';
import { readExplanation } from './explanation-shape.ts';

/** docs/cli.md shows what the program really prints. */
const PROJECT = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(PROJECT, 'docs/cli.md'), 'utf8');

/** Command line and output of every example. */
const examples = [...page.matchAll(/^```\n\$ countersign verify (.+)\n([^]*?)^```$/gm)].map(
  ([, line = '', output = '']) => [line, output] as const,
);

async function run(line: string): Promise<string> {
  const args = line.split(' ').map((word) => (word.startsWith('examples/') ? join(PROJECT, word) : word));
  return (await verifyHere(args)).stdout;
}

describe('docs/cli.md', () => {
  test('has examples of all kinds', () => {
    expect(examples).toHaveLength(5);
    for (const words of ['✔', '✘', '? Image', '"verdict": "verified"'])
      expect(examples.some(([, output]) => output.includes(words))).toBe(true);
  });

  test.each(examples)('%s', async (line, output) => {
    expect(await run(line)).toBe(output);
  });

  test('names every key of the JSON form', async () => {
    const [line = ''] = examples.find(([each]) => each.includes('--output json')) ?? [];
    const keys = new Set<string>();
    JSON.parse(JSON.stringify(readExplanation(await run(line))), (key, value: unknown) => {
      if (/^[a-z]/i.test(key)) keys.add(key);
      return value;
    });
    expect(keys.size).toBeGreaterThan(20);
    const table = page.slice(page.indexOf('| Key | Meaning |'));
    const named = (key: string) => new RegExp(`\`[….]*${key}(?:\\[\\])?\``).test(table);
    expect([...keys].filter((key) => !named(key))).toEqual([]);
  });
});
