import {
  celEnv,
  celFunc,
  celList,
  celMethod,
  CelScalar,
  isCelList,
  isCelMap,
  listType,
  type CelEnv,
  type CelFunc,
  type CelInput,
  type CelList,
  type CelValue,
} from '@bufbuild/cel';
import { LIMITS } from '../limits.ts';
import { mixedArithmetic, standardResult, strictConversions } from './condition-conversions.ts';
import { equality } from './condition-equality.ts';
import { EvaluationProblem, type Meter } from './condition-meter.ts';
import { conditionPattern } from './condition-pattern.ts';
import { FUNCTIONS, OPERATORS, OWN } from './condition-vocabulary.ts';

const { BOOL, DYN, INT, STRING } = CelScalar;
const LIST = listType(DYN);

/** CEL's functions with their cost counted, our own where the library's are unbounded or take too much. */
export function conditionEnv(meter: Meter): CelEnv {
  const standard = [...celEnv().funcs].filter(
    ({ name }) => Object.hasOwn(FUNCTIONS, name) || Object.hasOwn(OPERATORS, name),
  );
  return celEnv({
    funcs: [
      ...standard.map((func) => metered(func, meter)),
      ...equality(standard, meter),
      ...strictConversions(standard, meter),
      ...mixedArithmetic(),
      ...texts(meter),
      ...lists(meter),
      ...loops(meter),
    ],
  });
}

function metered(func: CelFunc, meter: Meter): CelFunc {
  function run(this: CelValue | undefined, ...args: readonly CelValue[]): CelInput {
    for (const arg of [this, ...args]) if (typeof arg === 'string') meter.spend(arg.length / 8);
    return standardResult(func, this, args);
  }
  return func.target === undefined
    ? celFunc(func.name, func.arguments, func.result, run)
    : celMethod(func.name, func.target, func.arguments, func.result, run);
}

function texts(meter: Meter): readonly CelFunc[] {
  const characters = (text: string): bigint => {
    meter.spend(text.length / 8);
    let count = 0;
    for (let at = 0; at < text.length; count++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
    return BigInt(count);
  };
  return [
    celFunc('size', [STRING], INT, characters),
    celMethod('size', STRING, [], INT, function () {
      return characters(this);
    }),
    celFunc('_+_', [STRING, STRING], STRING, (left, right) => {
      // Each character made is a step, so that doubling again and again makes at most as many as there are.
      meter.spend(left.length + right.length);
      return left + right;
    }),
    celMethod('contains', STRING, [STRING], BOOL, function (part) {
      // The search of long texts is quadratic at worst.
      meter.spend((this.length / 8) * Math.max(1, part.length / 8));
      return this.includes(part);
    }),
    celMethod('matches', STRING, [STRING], BOOL, function (source) {
      if (this.length > LIMITS.patternTextChars) {
        throw new EvaluationProblem(
          `matches() takes a text of at most ${LIMITS.patternTextChars} characters`,
        );
      }
      const pattern = conditionPattern(source);
      meter.spend(1 + (pattern.programSize() * this.length) / 16);
      return pattern.test(this);
    }),
  ];
}

/** The library joins lists without copying; those that a comprehension grows that way take quadratic time to walk. */
function lists(meter: Meter): readonly CelFunc[] {
  const growing = new WeakMap<CelList, CelInput[]>();
  return [
    celFunc('_+_', [LIST, LIST], LIST, (left, right) => {
      meter.spend(left.size + right.size);
      return celList([...left, ...right]);
    }),
    celFunc(OWN.list, [], LIST, () => {
      const items: CelInput[] = [];
      const list = celList(items);
      growing.set(list, items);
      return list;
    }),
    celFunc(OWN.append, [LIST, DYN], LIST, (list, item) => {
      // Nobody else holds it yet: an expression cannot name a list before it is complete.
      growing.get(list)?.push(item);
      return list;
    }),
  ];
}

function loops(meter: Meter): readonly CelFunc[] {
  return [
    celFunc(OWN.range, [DYN], DYN, (range) => {
      // The library copies all of it, also where the loop ends at the first.
      if (isCelList(range) || isCelMap(range)) meter.spend(range.size);
      return range;
    }),
    celFunc(OWN.loop, [BOOL, INT], BOOL, (goesOn, parts) => {
      meter.spend(Number(parts));
      return goesOn;
    }),
  ];
}
