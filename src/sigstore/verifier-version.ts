/**
 * Part of every fact's key: raise it whenever the same bytes could be judged otherwise than before (a rule added or
 * mended here, or an update of `@sigstore/*`), so that no remembered verdict outlives the code that made it.
 */
export const VERIFIER_VERSION = '5';
