import { afterAll, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readClientCa } from '../../src/cli/client-ca.ts';
import { openDatabase } from '../../src/history/open-database.ts';
import { closeConnections, mirrorConnections } from '../../src/trust/roots/mirror.ts';
import { KeyConnections } from '../../src/trust/keys/connections.ts';
import { createAuthority } from '../support/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-authorities-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Every reader of a file of authorities outside the registries; those are in test/registry/containerd-hosts.test.ts. */
const readers: readonly (readonly [string, (caFile: string) => unknown])[] = [
  ['clients of the webhook', readClientCa],
  ['the history', (caFile) => openDatabase({ url: 'postgres://u@127.0.0.1:1/h', caFile }, () => {})],
  ['mirrors of trust roots', (caFile) => closeConnections(mirrorConnections({ caFile }))],
  ['key stores', (caFile) => new KeyConnections(undefined).trusting(new URL('https://a.example'), caFile)],
];

test.each(readers)('authorities of %s: a file without a readable certificate is an error', (_who, read) => {
  const { certPem } = createAuthority('tests');
  const given = (text: string) => {
    const file = join(folder, 'ca.pem');
    writeFileSync(file, text);
    return () => read(file);
  };
  expect(given(`# ours\n${certPem}`)).not.toThrow();
  for (const broken of ['', certPem.replace('BEGIN', 'START'), certPem.replace(/\nM/, '\nN')])
    expect(given(broken)).toThrow(/ca\.pem/);
});
