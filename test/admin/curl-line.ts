/** Commands of curl as documentation shows them. */

export interface CurlCommand {
  readonly method: string;
  /** With its query, below the host. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** `-N`: the answer is a stream. */
  readonly isStream: boolean;
}

export interface ShellWorld {
  readonly variables: Readonly<Record<string, string>>;
  /** Of `--data-binary @file`. */
  readonly files: Readonly<Record<string, string>>;
  /** What `$(…)` comes to, by how it begins. */
  readonly commands: Readonly<Record<string, string>>;
}

/** The commands of a block, one after the other. A line that begins with `…` goes on as the command before it began. */
export function curlCommands(block: string, world: ShellWorld): readonly CurlCommand[] {
  const commands: CurlCommand[] = [];
  for (const line of linesOf(block)) {
    const [first, ...words] = wordsOf(line, world);
    if (first === 'curl') commands.push(commandOf(words, world, undefined));
    else if (first === '…') commands.push(commandOf(words, world, commands.at(-1)));
    else throw new Error(`no curl: ${line}`);
  }
  return commands;
}

/** Whole commands: a quote or a backslash at the end goes on in the next line. Without comments, and without what a pipe leads to. */
function linesOf(block: string): readonly string[] {
  const lines: string[] = [];
  let open = '';
  for (const line of block.replaceAll('\\\n', ' ').split('\n')) {
    if (open === '' && (line.trim() === '' || line.startsWith('#'))) continue;
    open = open === '' ? line : `${open}\n${line}`;
    if ((open.match(/'/g) ?? []).length % 2 !== 0) continue;
    lines.push(open);
    open = '';
  }
  return lines;
}

const WORD = /\s*(?:'([^']*)'|"((?:[^"\\$]|\\[^]|\$\([^)]*\)|\$[A-Z]+)*)"|([^\s'"]+))/y;

function wordsOf(line: string, world: ShellWorld): readonly string[] {
  const words: string[] = [];
  WORD.lastIndex = 0;
  for (;;) {
    const match = WORD.exec(line);
    if (match === null) return words;
    const [, single, double, plain] = match;
    if (plain === '|') return words;
    words.push(single ?? plain ?? expanded(double ?? '', world));
  }
}

function expanded(text: string, { variables, commands }: ShellWorld): string {
  return text
    .replaceAll(/\$\(([^)]*)\)/g, (_, command: string) => {
      const found = Object.entries(commands).find(([begin]) => command.startsWith(begin));
      if (found === undefined) throw new Error(`what is $(${command})?`);
      return found[1];
    })
    .replaceAll(/\$([A-Z]+)/g, (_, name: string) => variables[name] ?? '')
    .replaceAll(/\\(["\\])/g, '$1');
}

function commandOf(
  words: readonly string[],
  { files }: ShellWorld,
  before: CurlCommand | undefined,
): CurlCommand {
  const { headers: shared = {}, path: same = '' } = before ?? {};
  const headers: Record<string, string> = { ...shared };
  let [method, path, body, isStream]: [string | undefined, string, string | undefined, boolean] = [
    undefined,
    same,
    undefined,
    false,
  ];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const next = (): string => words[(at += 1)] ?? '';
    if (word === '-X') method = next();
    else if (word === '-H') {
      const [name = '', value = ''] = next().split(/: (.*)/s);
      headers[name.toLowerCase()] = value;
    } else if (word === '-d') body = next();
    else if (word === '--data-binary') body = files[next().slice(1)] ?? '';
    else if (/^-s[fN]?$/.test(word)) isStream = word.includes('N');
    else if (word.startsWith('https:')) path = word.replace(/^https:\/\/[^/]+/, '');
    else if (word !== '…') throw new Error(`what is ${word}?`);
  }
  return { method: method ?? (body === undefined ? 'GET' : 'POST'), path, headers, body, isStream };
}
