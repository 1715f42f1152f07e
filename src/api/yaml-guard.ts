import { CST, isAlias, isMap, isScalar, Lexer, visit, type Document, type Node } from 'yaml';
import { LIMITS } from '../limits.ts';
import { quote } from '../image/quote.ts';

/** Something about a YAML text that is not accepted, and where (an offset in characters). */
export interface Objection {
  readonly message: string;
  readonly offset: number;
}

/** How `yaml` reads what somebody else wrote; the guard checks the rest. */
export const GUARDED_YAML = {
  schema: 'core',
  version: '1.2',
  merge: false,
  // Checked below, in linear time.
  uniqueKeys: false,
  stringKeys: true,
  prettyErrors: false,
  logLevel: 'silent',
} as const;

/** Indentation of block style: eight for each level that JSON may have. */
const MAX_INDENTATION = LIMITS.jsonDepth * 8;

/** What the lexer says between the words of the text. */
const MARKS: ReadonlySet<string> = new Set([CST.DOCUMENT, CST.FLOW_END, CST.SCALAR]);

/**
 * Looks at the words of a text before anything recurses into it or remembers it: how many there are, and how deep they
 * nest. Linear, and stops at the first objection.
 */
export function objectToSize(
  text: string,
  maxTokens: number = LIMITS.policyFileTokens,
): Objection | undefined {
  let offset = 0;
  let tokens = 0;
  let flowDepth = 0;
  let signsOnLine = 0;
  let lineStart = true;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    if (type === 'flow-seq-start' || type === 'flow-map-start') flowDepth++;
    else if (type === 'flow-seq-end' || type === 'flow-map-end') flowDepth--;
    else if (type === 'newline') signsOnLine = 0;
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind' || type === 'map-value-ind')
      signsOnLine++;
    const indentation = lineStart && type === 'space' ? token.length : 0;
    if (++tokens > maxTokens) {
      return { message: `has more than ${maxTokens} words and signs`, offset };
    }
    if (
      flowDepth > LIMITS.jsonDepth ||
      tooDeepInBlock(signsOnLine, flowDepth) ||
      indentation > MAX_INDENTATION
    ) {
      return { message: `is nested more than ${LIMITS.jsonDepth} deep`, offset };
    }
    lineStart = type === 'newline';
    if (!MARKS.has(token)) offset += token.length;
  }
  return undefined;
}

/** `- - - -` and `? ? ? ?` nest on one line; inside brackets a line may hold any number of pairs. */
function tooDeepInBlock(signsOnLine: number, flowDepth: number): boolean {
  return flowDepth === 0 && signsOnLine > LIMITS.jsonDepth;
}

/** What this project does not take in one parsed document: aliases, tags, keys that are there twice. */
export function objectToContent(document: Document.Parsed): Objection | undefined {
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake !== undefined) return { message: inOneLine(mistake.message), offset: mistake.pos[0] };
  const { explicit, version } = document.directives.yaml;
  if (explicit === true && version !== '1.2') {
    return { message: `YAML ${version} reads some words differently, use 1.2`, offset: document.range[0] };
  }
  let objection: Objection | undefined;
  visit(document, {
    Node: (_, node) => {
      objection = objectToNode(node, document.range[0]);
      return objection && visit.BREAK;
    },
  });
  return objection;
}

function objectToNode(node: Node, start: number): Objection | undefined {
  const offset = node.range?.[0] ?? start;
  // An alias can stand for itself, or for a thousand others.
  if (isAlias(node)) return { message: 'aliases are not accepted, write the value out', offset };
  if (node.tag !== undefined) return { message: `the tag ${quote(node.tag)} is not accepted`, offset };
  if (!isMap(node)) return undefined;
  const repeated = repeatedKey(node.items);
  return (
    repeated && {
      message: `the key ${quote(repeated.name)} is there twice`,
      offset: repeated.range?.[0] ?? offset,
    }
  );
}

/** yaml's own check compares each key with each. */
function repeatedKey(pairs: readonly { readonly key: unknown }[]) {
  const seen = new Set<string>();
  for (const { key } of pairs) {
    if (!isScalar(key)) continue;
    const name = String(key.value);
    if (seen.has(name)) return { name, range: key.range };
    seen.add(name);
  }
  return undefined;
}

const SHOWN_CHARS = 160;

/** The parser's words, which hold the document's. */
export function inOneLine(message: string): string {
  return message.slice(0, SHOWN_CHARS).replace(/[^ -~]/g, '?');
}
