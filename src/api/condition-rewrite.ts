import { callAt, partsIn, withChildren, wholeNumberAt, type Expr } from './condition-tree.ts';
import { OWN } from './condition-vocabulary.ts';

/**
 * The same expression with the cost of each comprehension counted: what it walks over, and each turn by the parts that
 * are evaluated in it. Lists that comprehensions make are appended to.
 */
export function withMeteredLoops(expr: Expr): Expr {
  const inner = withChildren(expr, withMeteredLoops);
  if (inner.exprKind.case !== 'comprehensionExpr') return inner;
  const loop = inner.exprKind.value;
  const { iterRange, loopCondition, loopStep, accuInit } = loop;
  if (!iterRange || !loopCondition || !loopStep || !accuInit) return inner;
  const parts = wholeNumberAt(loopCondition, partsIn(loopStep) + partsIn(loopCondition));
  const metered = {
    ...loop,
    iterRange: callAt(iterRange, OWN.range, [iterRange]),
    loopCondition: callAt(loopCondition, OWN.loop, [loopCondition, parts]),
  };
  const value =
    accuInit.exprKind.case === 'listExpr'
      ? {
          ...metered,
          accuInit: callAt(accuInit, OWN.list, []),
          loopStep: appending(loopStep, loop.accuVar),
        }
      : metered;
  return { ...inner, exprKind: { case: 'comprehensionExpr', value } };
}

/** `map` and `filter` add a list of one element in each turn (`@result + [x]`), `filter` under a condition. */
function appending(step: Expr, list: string): Expr {
  if (step.exprKind.case !== 'callExpr') return step;
  const { value } = step.exprKind;
  const [first, second, third] = value.args;
  if (value.function === '_?_:_' && first && second && third) {
    const args = [first, appending(second, list), third];
    return { ...step, exprKind: { case: 'callExpr', value: { ...value, args } } };
  }
  if (value.function !== '_+_' || second?.exprKind.case !== 'listExpr') return step;
  if (first?.exprKind.case !== 'identExpr' || first.exprKind.value.name !== list) return step;
  return callAt(step, OWN.append, [first, ...second.exprKind.value.elements]);
}
