import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { CertificateAuthority, KeyPairPem } from './certificates.ts';

/** Somebody who calls the API server, known by a client certificate. */
export interface User {
  readonly name: string;
  readonly kubeconfig: string;
  readonly credentials: KeyPairPem;
}

export interface UserStart {
  readonly folder: string;
  readonly url: string;
  readonly authority: CertificateAuthority;
  readonly name: string;
  readonly groups: readonly string[];
}

export function createUser({ folder, url, authority, name, groups }: UserStart): User {
  const credentials = authority.issue({ commonName: name, organizations: groups });
  const kubeconfig = join(folder, `${name.replaceAll(/[^\w.-]/g, '_')}.kubeconfig`);
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'tests',
    contexts: [{ name: 'tests', context: { cluster: 'tests', user: name } }],
    clusters: [
      { name: 'tests', cluster: { server: url, 'certificate-authority-data': base64(authority.certPem) } },
    ],
    users: [
      {
        name,
        user: {
          'client-certificate-data': base64(credentials.certPem),
          'client-key-data': base64(credentials.keyPem),
        },
      },
    ],
  };
  writeFileSync(kubeconfig, stringify(content), { mode: 0o600 });
  return { name, kubeconfig, credentials };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
