import { CHANGES } from './changes.ts';
import {
  MATRIX,
  MATRIX_PROOFS,
  nameOf,
  PLACES,
  SIGNER_KINDS,
  TOOLS,
  type Row,
  type Tool,
} from './dimensions.ts';
import { CODES, type Result } from './result.ts';

/** Tables of docs/compatibility.md between their marks, out of what was seen. */

export type Results = ReadonlyMap<string, Result>;

const MARKS = /(<!-- seen: ([a-z]+) -->\n)([^]*?)(<!-- end -->)/g;

/** The page with these tables as they were seen, and the others as they are. */
export function withTables(page: string, tables: Readonly<Record<string, string>>): string {
  return page.replace(
    MARKS,
    (_, begin: string, name: string, before: string, end: string) =>
      `${begin}${tables[name] ?? before}${end}`,
  );
}

/** The tables about signatures. */
export function signatureTables(results: Results): Readonly<Record<string, string>> {
  const notes = new Notes();
  return {
    matrix: matrix(results, notes),
    places: places(results, notes),
    changes: changes(),
    notes: notes.text(),
  };
}

/** What tools say, numbered as it is first met. */
class Notes {
  readonly #known: string[] = [];

  numberOf(said: string): string {
    if (!this.#known.includes(said)) this.#known.push(said);
    return `[${this.#known.indexOf(said) + 1}]`;
  }

  text(): string {
    return this.#known.map((said, index) => `${index + 1}. \`${said}\`\n`).join('');
  }
}

function matrix(results: Results, notes: Notes): string {
  const kinds = Object.values(SIGNER_KINDS);
  const rows = Object.values<Tool>(TOOLS).flatMap((tool) =>
    MATRIX_PROOFS.map((proof) => {
      const own = MATRIX.filter((row) => row.tool === tool && row.proof === proof);
      const first = own[0];
      const cells = Object.keys(SIGNER_KINDS).map((kind) =>
        cell(results, notes, own.find(({ signer }) => signer === kind) ?? first),
      );
      return [tool.name, proof.name, ...cells];
    }),
  );
  return table(['signed with', 'proof', ...kinds], rows);
}

function places(results: Results, notes: Notes): string {
  const rows = PLACES.filter(({ signer }) => signer === 'keyless').map((row) => {
    const twin = PLACES.find(
      ({ tool, storage, signer }) => tool === row.tool && storage === row.storage && signer !== 'keyless',
    );
    const beside = results.get(nameOf(row))?.isBeside === true ? ' (written beside the image)' : '';
    return [
      row.tool.name,
      `${row.storage.name}${beside}`,
      cell(results, notes, row),
      cell(results, notes, twin),
    ];
  });
  return table(['signed with', 'kept in', 'keyless', 'P-256'], rows);
}

function changes(): string {
  return table(
    ['one byte changed in the', 'Countersign says'],
    CHANGES.map((change) => [change, `\`${CODES[change]}\``]),
  );
}

function cell(results: Results, notes: Notes, row: Row | undefined): string {
  const result = row === undefined ? undefined : results.get(nameOf(row));
  const note = result?.said === undefined ? '' : ` ${notes.numberOf(result.said)}`;
  switch (result?.kind) {
    case undefined:
      throw new Error(`nothing was seen of ${row === undefined ? 'a row' : nameOf(row)}`);
    case 'both':
      return '✔';
    case 'own only':
      return `✔${note}`;
    case 'impossible':
      return `–${note}`;
    case 'tool only':
    case 'neither':
      return `\`${result?.code}\`${note}`;
  }
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('');
}
