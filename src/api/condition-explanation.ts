import { celType, type CelValue } from '@bufbuild/cel';
import { quote } from '../image/quote.ts';
import { sentenceOf } from './condition-meter.ts';
import type { Syntax } from './condition-syntax.ts';
import { childrenOf, type Expr } from './condition-tree.ts';
import { shownName } from './condition-vocabulary.ts';

/** An error of the library: its message may repeat what the statement says. */
export interface EvaluationError {
  readonly message: string;
  readonly exprId: bigint | undefined;
}

/** Why an expression is not true: its own names and places, and kinds of values, never what the statement says. */
export class Explanation {
  readonly #syntax: Syntax;
  readonly #parts = new Map<bigint, Expr>();

  constructor(syntax: Syntax) {
    this.#syntax = syntax;
    this.#remember(syntax.expr);
  }

  ofError(error: EvaluationError): string {
    const part = error.exprId === undefined ? undefined : this.#parts.get(error.exprId);
    const character = part === undefined ? undefined : this.#syntax.characterOf(part.id);
    return `${reasonOf(error, part)}${character === undefined ? '' : ` (character ${character} of the expression)`}`;
  }

  ofValue(value: CelValue): string {
    return value === false
      ? 'the expression is false'
      : `the expression gives ${kindOf(value)}, not true or false`;
  }

  #remember(expr: Expr): void {
    this.#parts.set(expr.id, expr);
    for (const child of childrenOf(expr)) this.#remember(child);
  }
}

function reasonOf({ message }: EvaluationError, part: Expr | undefined): string {
  const ours = sentenceOf({ message });
  if (ours !== undefined) return ours;
  const member = missingMember(message, part);
  if (member !== undefined) return `the statement has no ${quote(member)} here`;
  if (/^(?:field not found:|index) /.test(message)) return 'the statement has no such element';
  const kinds = /^found no matching overload for '?[^' ]+'? applied to '(?:[\w.]+\.)?\(([\w., ]*)\)'$/.exec(
    message,
  );
  if (kinds !== null) return `${operationOf(part)} does not take ${kinds[1]}`;
  if (message.startsWith('type mismatch: expected bool')) {
    return `${operationOf(part)} takes only true and false`;
  }
  if (message.startsWith('type mismatch: iterable')) return 'only a list or a map has elements';
  return 'it cannot be evaluated on this statement';
}

/** The name of a member as the expression writes it: an index is told of the part before it, and may come from the statement. */
function missingMember(message: string, part: Expr | undefined): string | undefined {
  const { exprKind } = part ?? {};
  if (exprKind?.case === 'selectExpr' && message === `field not found: ${exprKind.value.field}`) {
    return exprKind.value.field;
  }
  if (exprKind?.case === 'identExpr' && message === 'unresolved attribute') return exprKind.value.name;
  return undefined;
}

function operationOf(part: Expr | undefined): string {
  return part?.exprKind.case === 'callExpr'
    ? quote(shownName(part.exprKind.value.function))
    : 'the operation';
}

function kindOf(value: CelValue): string {
  return value === null ? 'null' : `a value of type ${celType(value).name}`;
}
