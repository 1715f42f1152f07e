import { parse } from '@bufbuild/cel';
import { asError, Refusal } from '../errors.ts';
import { quote } from '../image/quote.ts';
import { LIMITS } from '../limits.ts';
import { checkConditionPattern } from './condition-pattern.ts';
import { childrenOf, type Expr, type ExprOf } from './condition-tree.ts';
import { canBeBoolean, FUNCTIONS, OPERATORS, usageOf } from './condition-vocabulary.ts';

/** What an expression is about. */
export const VARIABLES = ['predicate', 'predicateType', 'subject'] as const;

/** Names of types, for `type(x) == string`. */
const TYPES: ReadonlySet<string> = new Set([
  'bool',
  'double',
  'int',
  'list',
  'map',
  'null_type',
  'string',
  'type',
]);

/** Beyond these, CEL's int is none. */
const MAX_INT = 2n ** 63n;

/** An expression whose every name, function and size is in order. */
export interface Syntax {
  readonly expr: Expr;
  /** Position of a part by its id, counted from 1. */
  readonly characterOf: (id: bigint) => number | undefined;
}

/**
 * CEL (https://github.com/google/cel-spec) over `predicate`, `predicateType` and `subject`.
 * @throws Refusal MALFORMED for what is no CEL or names what is not there, LIMIT for what is too long, deep or costly
 */
export function parseExpression(source: string): Syntax {
  if (source.length > LIMITS.conditionChars) {
    throw new Refusal('LIMIT', `an expression has at most ${LIMITS.conditionChars} characters`);
  }
  // Before parsing: for a bracket that is not closed the parser takes a second at 250 levels, and its stack ends at 500.
  if (bracketDepth(source) > LIMITS.conditionDepth) refuseDepth();
  const { expr, sourceInfo } = parsed(source);
  const characterOf = (id: bigint): number | undefined => {
    const offset = sourceInfo?.positions[id.toString()];
    return offset === undefined ? undefined : offset + 1;
  };
  const check = new SyntaxCheck(characterOf);
  check.part(expr, { depth: 1, loops: 0, names: new Set() });
  if (!canBeBoolean(expr)) throw new Refusal('MALFORMED', 'the expression is never true or false');
  if (!check.readsStatement) {
    throw new Refusal('MALFORMED', `the expression reads nothing of the statement: ${known()}`);
  }
  return { expr, characterOf };
}

function parsed(source: string): ReturnType<typeof parse> {
  try {
    return parse(source);
  } catch (cause) {
    const { location } = cause as { location?: { start?: { line?: number; column?: number } } };
    const { line, column } = location?.start ?? {};
    const place = line === undefined ? '' : `from line ${line}, character ${column} on `;
    const reason = 'rawMessage' in asError(cause) ? '' : `: ${quote(asError(cause).message)}`;
    throw new Refusal('MALFORMED', `${place}the expression is not CEL${reason}`, { cause });
  }
}

/** Brackets in texts are counted too: more than there are is refused, never fewer. */
function bracketDepth(source: string): number {
  let depth = 0;
  let deepest = 0;
  for (const sign of source) {
    if ('([{'.includes(sign)) deepest = Math.max(deepest, ++depth);
    else if (')]}'.includes(sign)) depth--;
  }
  return deepest;
}

interface Scope {
  readonly depth: number;
  /** Comprehensions round it. */
  readonly loops: number;
  /** Their variables. */
  readonly names: ReadonlySet<string>;
}

class SyntaxCheck {
  readonly #characterOf: (id: bigint) => number | undefined;
  #parts = 0;
  #readsStatement = false;

  constructor(characterOf: (id: bigint) => number | undefined) {
    this.#characterOf = characterOf;
  }

  get readsStatement(): boolean {
    return this.#readsStatement;
  }

  part(expr: Expr, scope: Scope): void {
    if (scope.depth > LIMITS.conditionDepth) refuseDepth();
    if (++this.#parts > LIMITS.conditionParts) {
      throw new Refusal('LIMIT', `an expression has at most ${LIMITS.conditionParts} parts`);
    }
    const inner = { ...scope, depth: scope.depth + 1 };
    const { exprKind } = expr;
    switch (exprKind.case) {
      case 'constExpr':
        this.#constant(expr, exprKind.value);
        break;
      case 'identExpr':
        this.#name(expr, exprKind.value.name, scope);
        break;
      case 'comprehensionExpr':
        this.#comprehension(expr, exprKind.value, inner);
        return;
      case 'callExpr':
        this.#call(expr, exprKind.value);
        break;
      case 'structExpr':
        if (exprKind.value.messageName !== '') {
          throw this.#refusal(expr, `${quote(exprKind.value.messageName)} is not known here`);
        }
        break;
      default:
    }
    for (const child of childrenOf(expr)) this.part(child, inner);
  }

  #constant(expr: Expr, { constantKind }: ExprOf<'constExpr'>): void {
    if (constantKind.case === 'bytesValue' || constantKind.case === 'uint64Value') {
      throw this.#refusal(expr, 'a statement has no bytes and no unsigned numbers to compare with');
    }
    if (constantKind.case !== 'int64Value') return;
    if (constantKind.value >= MAX_INT || constantKind.value < -MAX_INT) {
      throw this.#refusal(expr, 'the number does not fit into 64 bits');
    }
  }

  #name(expr: Expr, name: string, { names }: Scope): void {
    // The parser's own for what a comprehension has found so far: nobody else can write it.
    if (names.has(name) || TYPES.has(name) || name === '@result') return;
    if (!isVariable(name)) throw this.#refusal(expr, `${quote(name)} is not known here: ${known()}`);
    this.#readsStatement = true;
  }

  #comprehension(expr: Expr, loop: ExprOf<'comprehensionExpr'>, scope: Scope): void {
    const { iterVar, iterRange, accuInit, loopCondition, loopStep, result } = loop;
    if (scope.loops >= LIMITS.conditionLoops) {
      throw new Refusal('LIMIT', `at most ${LIMITS.conditionLoops} comprehensions stand in one another`);
    }
    if (!/^\w+$/.test(iterVar) || isVariable(iterVar) || TYPES.has(iterVar) || scope.names.has(iterVar)) {
      throw this.#refusal(
        expr,
        `${quote(iterVar)} cannot name the element of a list: it has a meaning already`,
      );
    }
    const inside = { ...scope, loops: scope.loops + 1, names: new Set([...scope.names, iterVar]) };
    for (const child of [iterRange, accuInit]) if (child) this.part(child, scope);
    for (const child of [loopCondition, loopStep, result]) if (child) this.part(child, inside);
  }

  #call(expr: Expr, call: ExprOf<'callExpr'>): void {
    const name = call.function;
    if (Object.hasOwn(OPERATORS, name)) return;
    const form = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (form === undefined) throw this.#refusal(expr, `the function ${quote(name)} is not known here`);
    const asMethod = call.target !== undefined;
    const given = call.args.length + (asMethod ? 1 : 0);
    if (given !== form.args || (form.kind !== 'both' && asMethod !== (form.kind === 'method'))) {
      throw this.#refusal(expr, `${name} is called as ${usageOf(name, form)}`);
    }
    if (name === 'matches') this.#pattern(expr, call.args[0]);
  }

  /** Written down, so that it is checked once, by whoever writes the policy; a statement cannot bring one. */
  #pattern(expr: Expr, pattern: Expr | undefined): void {
    const constant = pattern?.exprKind.case === 'constExpr' ? pattern.exprKind.value.constantKind : undefined;
    if (constant?.case !== 'stringValue') {
      throw this.#refusal(expr, 'the pattern of matches() must be written down as one text');
    }
    checkConditionPattern(constant.value);
  }

  #refusal(expr: Expr, what: string): Refusal {
    const character = this.#characterOf(expr.id);
    return new Refusal('MALFORMED', `${what}${character === undefined ? '' : ` (character ${character})`}`);
  }
}

function isVariable(name: string): boolean {
  return VARIABLES.some((variable) => variable === name);
}

function known(): string {
  return `an expression is about ${VARIABLES.join(', ')}`;
}

function refuseDepth(): never {
  throw new Refusal('LIMIT', `an expression is nested at most ${LIMITS.conditionDepth} levels deep`);
}
