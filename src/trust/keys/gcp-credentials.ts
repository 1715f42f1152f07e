import { readFile } from 'node:fs/promises';
import { IdentityPoolClient, JWT } from 'google-auth-library';
import { z } from 'zod';
import { keyFault } from './key-fault.ts';

/** Whoever can make the headers of a request to Google. */
export interface GoogleCredentials {
  getRequestHeaders(url?: string): Promise<Headers>;
}

const serviceAccount = z.object({
  type: z.literal('service_account'),
  client_email: z.string(),
  private_key: z.string(),
});
const federated = z.looseObject({
  type: z.literal('external_account'),
  credential_source: z.union([z.looseObject({ file: z.string() }), z.looseObject({ url: z.string() })]),
});

/**
 * The credentials in a file, of the two kinds that a workload has: a service account's key, and a configuration of workload
 * identity federation (from a file or a URL). Others (a person's, a program's output) are no business of a webhook's.
 * @throws Fault KEY_UNAVAILABLE
 */
export async function credentialsIn(file: string, scope: string): Promise<GoogleCredentials> {
  const document = await read(file);
  const account = serviceAccount.safeParse(document);
  if (account.success) {
    const { client_email: email, private_key: key } = account.data;
    return new JWT({ email, key, scopes: [scope] });
  }
  if (federated.safeParse(document).success) {
    const options = document as ConstructorParameters<typeof IdentityPoolClient>[0];
    return new IdentityPoolClient({ ...options, scopes: [scope] });
  }
  throw keyFault(`${file} holds neither a service account's key nor a configuration of workload identity`);
}

async function read(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    // Without the cause: it may quote a private key.
    throw keyFault(`the Google credentials in ${file} cannot be read; check keys.gcp.credentialsFile`);
  }
}
