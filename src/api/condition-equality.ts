import {
  celFunc,
  CelScalar,
  isCelList,
  isCelMap,
  listType,
  type CelFunc,
  type CelList,
  type CelMap,
  type CelValue,
} from '@bufbuild/cel';
import { standardResult } from './condition-conversions.ts';
import type { Meter } from './condition-meter.ts';

const { BOOL, DYN } = CelScalar;

/** The library's compares deeply without an end to what that may cost. */
export function equality(standard: readonly CelFunc[], meter: Meter): readonly CelFunc[] {
  const ofScalars = standard.find(({ name }) => name === '_==_');
  if (ofScalars === undefined) throw new TypeError('the library has no equality');
  const equal = (left: CelValue, right: CelValue): boolean => {
    meter.spend(2);
    if (isCelList(left) && isCelList(right)) return equalLists(left, right, equal);
    if (isCelMap(left) && isCelMap(right)) return equalMaps(left, right, equal);
    if (typeof left === 'string' && typeof right === 'string') meter.spend(left.length / 8);
    if (typeof left === typeof right && typeof left !== 'object') return left === right;
    // Numbers of two types, times and null: ten times slower.
    meter.spend(4);
    return standardResult(ofScalars, undefined, [left, right]) === true;
  };
  const contains = (item: CelValue, list: CelList): boolean => {
    for (const each of list) if (equal(each, item)) return true;
    return false;
  };
  return [
    celFunc('_==_', [DYN, DYN], BOOL, equal),
    celFunc('_!=_', [DYN, DYN], BOOL, (left, right) => !equal(left, right)),
    celFunc('@in', [DYN, listType(DYN)], BOOL, contains),
  ];
}

type Equal = (left: CelValue, right: CelValue) => boolean;

function equalLists(left: CelList, right: CelList, equal: Equal): boolean {
  if (left.size !== right.size) return false;
  const others = right.values();
  for (const item of left) {
    const other = others.next();
    if (other.done === true || !equal(item, other.value)) return false;
  }
  return true;
}

function equalMaps(left: CelMap, right: CelMap, equal: Equal): boolean {
  if (left.size !== right.size) return false;
  for (const [key, item] of left) {
    const other = right.get(key);
    if (other === undefined || !equal(item, other)) return false;
  }
  return true;
}
