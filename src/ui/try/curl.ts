export interface VerifyInput {
  readonly image: string;
  /** Empty = none. */
  readonly namespace: string;
  /** Empty = every one. */
  readonly policy: string;
}

/** What is sent to `POST /verify`. */
export function verifyBody({ image, namespace, policy }: VerifyInput): Readonly<Record<string, string>> {
  return {
    image: image.trim(),
    ...(namespace.trim() !== '' && { namespace: namespace.trim() }),
    ...(policy !== '' && { policy }),
  };
}

/** The same call for a shell. @param origin of this page @param mode says what the caller signs in with */
export function curlCommand(input: VerifyInput, origin: string, mode: 'cluster' | 'standalone'): string {
  const credential =
    mode === 'cluster' ? `--header "Authorization: Bearer $TOKEN"` : `--user "admin:$PASSWORD"`;
  return [
    `curl ${quoted(`${origin}/api/v1/verify`)}`,
    credential,
    `--header 'Content-Type: application/json'`,
    `--data ${quoted(JSON.stringify(verifyBody(input)))}`,
  ].join(' \\\n  ');
}

/** One word for a POSIX shell, whatever it holds. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
