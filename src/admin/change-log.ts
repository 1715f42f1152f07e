import type { History } from '../history/history.ts';
import type { Logger } from '../log.ts';
import type { DocumentName, StoredDocument } from '../store/resource-desk.ts';
import { redacted, withoutSecrets } from './redaction.ts';

/** What somebody does with a document. */
export interface Act {
  readonly actor: string;
  /** `create`, `update`, `delete`, `enable`, `disable`, `retire`, `mode`. */
  readonly action: string;
  readonly name: DocumentName;
}

export interface Outcome {
  readonly before: StoredDocument | undefined;
  readonly after: StoredDocument | undefined;
  readonly inForce: boolean;
}

/** Who changed what: a line in the log, and a row in the history where one is kept. */
export class ChangeLog {
  readonly #history: Pick<History, 'changed'> | undefined;
  readonly #logger: Logger;

  constructor(history: Pick<History, 'changed'> | undefined, logger: Logger) {
    this.#history = history;
    this.#logger = logger;
  }

  /** @param isWeaker it admits what was refused before: an alarm rather than a note */
  changed(act: Act, { before, after, inForce }: Outcome, isWeaker: boolean): void {
    const { actor, action, name } = act;
    const { kind, namespace = '' } = name;
    this.#history?.changed({
      actor,
      action,
      kind,
      namespace,
      name: name.name,
      before: before && contentOf(before),
      after: after && contentOf(after),
    });
    const fields = { ...fieldsOf(act), inForce };
    if (isWeaker) this.#logger.warn(fields, 'a policy was made weaker');
    else this.#logger.info(fields, 'a resource was changed');
  }
}

/** Longest name of a resource; what is refused may have any. */
const MAX_NAME_CHARS = 253;

/** An act as a line of the log has it. */
export function fieldsOf({ actor, action, name: { kind, namespace, name } }: Act): object {
  return {
    actor,
    action,
    kind,
    ...(namespace !== undefined && { namespace: bounded(namespace) }),
    name: bounded(name),
  };
}

/** A text that somebody else wrote, for a line of the log. */
export function bounded(text: string): string {
  return withoutSecrets(text.slice(0, MAX_NAME_CHARS));
}

function contentOf({ metadata: { labels }, spec }: StoredDocument): string {
  return JSON.stringify(redacted({ ...(labels !== undefined && { metadata: { labels } }), spec }));
}
