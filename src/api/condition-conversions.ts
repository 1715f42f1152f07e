import { celFunc, CelScalar, isCelError, type CelFunc, type CelInput, type CelValue } from '@bufbuild/cel';
import { quote } from '../image/quote.ts';
import { EvaluationProblem, type Meter } from './condition-meter.ts';
import { shownName } from './condition-vocabulary.ts';

const { DOUBLE, INT, STRING } = CelScalar;

/** Runs one of the library's functions; its messages repeat what the statement says, so they are not passed on. */
export function standardResult(
  func: CelFunc,
  target: CelValue | undefined,
  args: readonly CelValue[],
  problem = `${quote(shownName(func.name))} cannot be computed of what it is given`,
): CelValue {
  const result = func.call(0, target, [...args]);
  if (result !== undefined && !isCelError(result)) return result;
  throw new EvaluationProblem(problem);
}

/** Longer than any number, timestamp or duration. */
const MAX_CONVERTED_CHARS = 64;

/** The library parses a timestamp twice, as text and as JSON, in 2 µs. */
const CONVERSION_STEPS = 10;

/** The library makes 0 of an empty text and NaN of "abc". */
const CONVERSIONS: readonly (readonly [name: string, text: RegExp, takes: string])[] = [
  ['int', /^[+-]?\d{1,19}$/, 'the text of a whole number'],
  ['double', /^[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?$/, 'the text of a number'],
  ['timestamp', /^\d{4}-/, 'a time as RFC 3339 writes it'],
  ['duration', /^[+-]?[\d.]/, 'a duration such as 1h30m'],
];

/** Conversions of text that take what CEL says and nothing else. */
export function strictConversions(standard: readonly CelFunc[], meter: Meter): readonly CelFunc[] {
  const ofText = CONVERSIONS.map(([name, isOne, takes]) => {
    const func = standard.find((each) => each.name === name && each.arguments[0] === STRING);
    if (func === undefined) throw new TypeError(`the library has no ${name}(string)`);
    const problem = `${name}() takes ${takes}`;
    return celFunc(name, [STRING], func.result, (text): CelInput => {
      meter.spend(CONVERSION_STEPS);
      if (text.length > MAX_CONVERTED_CHARS || !isOne.test(text)) throw new EvaluationProblem(problem);
      return standardResult(func, undefined, [text], problem);
    });
  });
  return [...ofText, textOnly('timestamp'), textOnly('duration')];
}

/** Where CEL has seconds the library has milliseconds, and a statement's numbers are doubles anyway. */
function textOnly(name: string): CelFunc {
  return celFunc(name, [INT], INT, () => {
    throw new EvaluationProblem(`${name}() takes text`);
  });
}

/** So that `predicate.passed + 1` and `size(predicate.results) / predicate.total` mean what they say: JSON's numbers are doubles. */
export function mixedArithmetic(): readonly CelFunc[] {
  const operators: readonly (readonly [string, (left: number, right: number) => number])[] = [
    ['_+_', (left, right) => left + right],
    ['_-_', (left, right) => left - right],
    ['_*_', (left, right) => left * right],
    ['_/_', (left, right) => left / right],
  ];
  return operators.flatMap(([name, compute]) => [
    celFunc(name, [DOUBLE, INT], DOUBLE, (left, right) => compute(left, Number(right))),
    celFunc(name, [INT, DOUBLE], DOUBLE, (left, right) => compute(Number(left), right)),
  ]);
}
