import { sortedYamlOf } from '../shared/yaml-text.ts';

/** A document of the audit trail, as people compare it. @param json as it was kept; a text that is none stays as it is */
export function changeText(json: string | undefined): string {
  if (json === undefined) return '';
  try {
    return sortedYamlOf(JSON.parse(json));
  } catch {
    return json;
  }
}
