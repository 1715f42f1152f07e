import { parseAllDocuments } from 'yaml';
import { GUARDED_YAML, inOneLine, objectToContent, objectToSize } from '../api/yaml-guard.ts';
import { LIMITS } from '../limits.ts';
import { ApiProblem } from './problem.ts';

/**
 * One YAML document that somebody sent, as JSON: bounded before it is parsed, without aliases, tags and keys that are there twice.
 * @throws ApiProblem BAD_REQUEST
 */
export function parseYamlBody(text: string): unknown {
  const oversize = objectToSize(text, LIMITS.documentTokens);
  if (oversize !== undefined) throw refused(`it ${oversize.message}`, text, oversize.offset);
  const documents = parseAllDocuments(text, GUARDED_YAML);
  if ('empty' in documents) throw refused('it holds no document', text, 0);
  // What stands before the first or after the last "---" is often nothing.
  const filled = documents.filter(({ contents, errors }) => contents !== null || errors.length > 0);
  const [document, second] = filled;
  if (document === undefined) throw refused('it holds no document', text, 0);
  if (second !== undefined)
    throw refused('it holds more than one document; send them one by one', text, second.range[0]);
  const objection = objectToContent(document);
  if (objection !== undefined) throw refused(inOneLine(objection.message), text, objection.offset);
  return document.toJS({ maxAliasCount: 0 });
}

function refused(what: string, text: string, offset: number): ApiProblem {
  const line = text.slice(0, offset).split('\n').length;
  const message = `The body is not accepted as YAML (line ${line}): ${what}.`;
  return new ApiProblem('BAD_REQUEST', message, {
    errors: [{ field: '', message: `line ${line}: ${what}` }],
  });
}
