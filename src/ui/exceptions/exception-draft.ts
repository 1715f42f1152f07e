import type { Draft } from '../api/written.ts';
import { parseList } from '../shared/lines.ts';

/** A SigningException as the form has it; lists are one entry a line. */
export interface ExceptionForm {
  readonly name: string;
  readonly namespaces: string;
  readonly images: string;
  readonly policies: string;
  readonly reason: string;
  /** RFC 3339; empty = not chosen yet. */
  readonly expiresAt: string;
}

export const EMPTY_EXCEPTION: ExceptionForm = {
  name: '',
  namespaces: '',
  images: '',
  policies: '',
  reason: '',
  expiresAt: '',
};

export function exceptionDraft({
  name,
  namespaces,
  images,
  policies,
  reason,
  expiresAt,
}: ExceptionForm): Draft {
  const listed = parseList(policies);
  return {
    metadata: { name: name.trim() },
    spec: {
      namespaces: parseList(namespaces),
      images: parseList(images),
      ...(listed.length > 0 && { policies: listed }),
      reason: reason.trim(),
      expiresAt,
    },
  };
}

export function isComplete({ name, namespaces, images, reason, expiresAt }: ExceptionForm): boolean {
  return [name, namespaces, images, reason, expiresAt].every((value) => value.trim() !== '');
}
