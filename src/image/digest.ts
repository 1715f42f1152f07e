/** Lower-case hex only, as go-digest wants it; these two are what the OCI image specification registers. */
const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

/** Whether a text is a digest that content can be asked for by: nothing else may become part of a request's path. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}
