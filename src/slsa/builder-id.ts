/** A builder's id: what it is called, and behind the first `@` which version of it. */
export interface BuilderId {
  /** Compared byte for byte. */
  readonly name: string;
  readonly ref: string | undefined;
}

/** The first `@` ends the name: a second one belongs to the ref, because git refs may hold one and names do not (attack B9). */
export function splitBuilderId(id: string): BuilderId {
  const at = id.indexOf('@');
  return at < 0 ? { name: id, ref: undefined } : { name: id.slice(0, at), ref: id.slice(at + 1) };
}
