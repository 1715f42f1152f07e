import type { Expr } from './condition-tree.ts';

/** How a function is called. */
export interface Form {
  readonly kind: 'function' | 'method' | 'both';
  /** How many arguments it takes, the target of a method included. */
  readonly args: 1 | 2;
  /** Whether it can give true or false at all. */
  readonly boolean: boolean;
}

const value = { kind: 'function', args: 1, boolean: false } as const;
const test = { kind: 'method', args: 2, boolean: true } as const;

/**
 * What an expression may call. Left out of CEL's: what makes bytes and unsigned numbers, which JSON has not, and the
 * parts of a timestamp (`getHours`), because the library computes them in the machine's own time zone.
 */
export const FUNCTIONS: Readonly<Record<string, Form>> = {
  size: { kind: 'both', args: 1, boolean: false },
  int: value,
  double: value,
  string: value,
  bool: { ...value, boolean: true },
  timestamp: value,
  duration: value,
  type: value,
  contains: test,
  startsWith: test,
  endsWith: test,
  matches: test,
};

/** Names that the parser gives to operators, and whether they can give true or false. */
export const OPERATORS: Readonly<Record<string, boolean>> = {
  '_&&_': true,
  '_||_': true,
  '!_': true,
  '_==_': true,
  '_!=_': true,
  '_<_': true,
  '_<=_': true,
  '_>_': true,
  '_>=_': true,
  '@in': true,
  '_[_]': true,
  '_?_:_': true,
  '@not_strictly_false': true,
  '_+_': false,
  '_-_': false,
  '_*_': false,
  '_/_': false,
  '_%_': false,
  '-_': false,
};

/** Called by what `condition-rewrite.ts` makes of a comprehension; no expression can spell these names. */
export const OWN = { range: '@range', loop: '@loop', list: '@list', append: '@append' } as const;

/** The name of a function or the sign of an operator. */
export function shownName(name: string): string {
  return Object.hasOwn(OPERATORS, name) ? name.replaceAll(/[_@]/g, '') : `${name}()`;
}

/** How a function is written. */
export function usageOf(name: string, { kind, args }: Form): string {
  const asFunction = `${name}(value)`;
  const asMethod = `text.${name}(${args === 2 ? 'text' : ''})`;
  if (kind === 'both') return `${asFunction} or value.${name}()`;
  return kind === 'function' ? asFunction : asMethod;
}

/** False for what is a number, a text or a list whatever the statement says. */
export function canBeBoolean({ exprKind }: Expr): boolean {
  switch (exprKind.case) {
    case 'constExpr':
      return exprKind.value.constantKind.case === 'boolValue';
    case 'selectExpr':
      return true;
    case 'comprehensionExpr':
      return exprKind.value.accuInit?.exprKind.case !== 'listExpr';
    case 'callExpr': {
      const { function: name, args } = exprKind.value;
      if (name === '_?_:_') return args.slice(1).some(canBeBoolean);
      return OPERATORS[name] ?? FUNCTIONS[name]?.boolean ?? false;
    }
    // A variable, a list or a map.
    default:
      return false;
  }
}
