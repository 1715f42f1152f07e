import type { parse } from '@bufbuild/cel';

/** A part of a parsed expression (https://github.com/google/cel-spec/blob/master/proto/cel/expr/syntax.proto). */
export type Expr = ReturnType<typeof parse>['expr'];
export type ExprOf<Kind extends Expr['exprKind']['case']> = Extract<
  Expr['exprKind'],
  { readonly case: Kind }
>['value'];

/** The same part with others below it: `change` is called once for each, in the order in which they are written. */
export function withChildren(expr: Expr, change: (child: Expr) => Expr): Expr {
  const { exprKind } = expr;
  const changed = <Key extends string>(key: Key, child: Expr | undefined): { [K in Key]?: Expr } =>
    (child === undefined ? {} : { [key]: change(child) }) as { [K in Key]?: Expr };
  switch (exprKind.case) {
    case 'selectExpr': {
      const value = { ...exprKind.value, ...changed('operand', exprKind.value.operand) };
      return { ...expr, exprKind: { case: exprKind.case, value } };
    }
    case 'callExpr': {
      const target = changed('target', exprKind.value.target);
      const value = { ...exprKind.value, ...target, args: exprKind.value.args.map(change) };
      return { ...expr, exprKind: { case: exprKind.case, value } };
    }
    case 'listExpr': {
      const value = { ...exprKind.value, elements: exprKind.value.elements.map(change) };
      return { ...expr, exprKind: { case: exprKind.case, value } };
    }
    case 'structExpr': {
      const entries = exprKind.value.entries.map((entry) => {
        const { keyKind } = entry;
        const key =
          keyKind.case === 'mapKey' ? { case: keyKind.case, value: change(keyKind.value) } : keyKind;
        return { ...entry, keyKind: key, ...changed('value', entry.value) };
      });
      return { ...expr, exprKind: { case: exprKind.case, value: { ...exprKind.value, entries } } };
    }
    case 'comprehensionExpr': {
      const loop = exprKind.value;
      const value = {
        ...loop,
        ...changed('iterRange', loop.iterRange),
        ...changed('accuInit', loop.accuInit),
        ...changed('loopCondition', loop.loopCondition),
        ...changed('loopStep', loop.loopStep),
        ...changed('result', loop.result),
      };
      return { ...expr, exprKind: { case: exprKind.case, value } };
    }
    default:
      return expr;
  }
}

/** The parts right below one. */
export function childrenOf(expr: Expr): readonly Expr[] {
  const children: Expr[] = [];
  withChildren(expr, (child) => {
    children.push(child);
    return child;
  });
  return children;
}

/** How many parts there are, the outermost included. */
export function partsIn(expr: Expr): number {
  return childrenOf(expr).reduce((sum, child) => sum + partsIn(child), 1);
}

/** A call in the place of another part: what goes wrong in it is told of that part. */
export function callAt(place: Expr, name: string, args: readonly Expr[]): Expr {
  const value = { $typeName: 'cel.expr.Expr.Call' as const, function: name, args: [...args] };
  return { ...place, exprKind: { case: 'callExpr', value } };
}

export function wholeNumberAt(place: Expr, number: number): Expr {
  const constantKind = { case: 'int64Value' as const, value: BigInt(number) };
  const value = { $typeName: 'cel.expr.Constant' as const, constantKind };
  return { ...place, exprKind: { case: 'constExpr', value } };
}
