import type { Explanation } from '../policy/explanation.ts';

/**
 * One JSON document: of one image its explanation, of several a list of them. Values are exact; what a terminal would act upon stands
 * as an escape, which means the same to a program.
 */
export function renderJson(explanations: readonly Explanation[]): string {
  const [only] = explanations;
  const document = explanations.length === 1 ? only : explanations;
  return `${JSON.stringify(document, undefined, 2).replace(UNSAFE, escapeUnits)}\n`;
}

/** Beyond the controls that JSON escapes itself: DEL and C1, and what reorders, hides or ends text. The indentation's line feeds stay. */
const UNSAFE = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

function escapeUnits(character: string): string {
  return Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
}
