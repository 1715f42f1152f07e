import { afterAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSelfSigned } from '../../src/tls/self-signed.ts';
import { parseServingCertificate } from '../../src/tls/serving-certificate.ts';
import { handshake, scratchDirectory, startTlsServer } from './tls-client.ts';

const scratch = scratchDirectory();
const hour = 3_600_000;
const validity = { notBefore: Date.now() - hour, notAfter: Date.now() + 24 * hour };

afterAll(() => scratch.remove());

describe('a certificate of our own making', () => {
  test('verifies with openssl, strictly, as a TLS server', () => {
    const set = createSelfSigned({ names: ['countersign.system.svc', '127.0.0.1'], ...validity });
    const [ca, leaf] = [join(scratch.path, 'ca.pem'), join(scratch.path, 'leaf.pem')];
    writeFileSync(ca, set.caPem);
    writeFileSync(leaf, set.certPem);
    const strictly = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca];
    expect(
      execFileSync('openssl', [...strictly, '-verify_hostname', 'countersign.system.svc', leaf], {
        encoding: 'utf8',
      }),
    ).toContain('OK');
    expect(
      execFileSync('openssl', [...strictly, '-verify_ip', '127.0.0.1', leaf], { encoding: 'utf8' }),
    ).toContain('OK');
    expect(() =>
      execFileSync('openssl', [...strictly, '-verify_hostname', 'other.svc', leaf], { stdio: 'pipe' }),
    ).toThrow(/verify/);
  });

  test('serves TLS to a client that trusts its authority, and to no other', async () => {
    const set = createSelfSigned({ names: ['localhost', '127.0.0.1'], ...validity });
    const other = createSelfSigned({ names: ['localhost'], ...validity });
    const { port, stop } = await startTlsServer(parseServingCertificate(set));
    expect(await handshake(port, set.caPem)).toBe(new X509Certificate(set.certPem).fingerprint256);
    await expect(handshake(port, other.caPem)).rejects.toThrow(/certificate/);
    await expect(handshake(port, set.caPem, 'elsewhere')).rejects.toThrow(/altnames/);
    await stop();
  });

  test('the leaf is for servers only, and cannot issue', () => {
    const { certPem, caPem } = createSelfSigned({ names: ['a.svc'], ...validity });
    const [leaf, ca] = [new X509Certificate(certPem), new X509Certificate(caPem)];
    expect(leaf.ca).toBe(false);
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(ca.ca).toBe(true);
    expect(leaf.checkIssued(ca)).toBe(true);
    expect(leaf.verify(ca.publicKey)).toBe(true);
    expect(leaf.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  });

  test('IPv6, wildcards, and dates beyond 2049', () => {
    const names = ['::1', 'fe80::1:2', '2001:db8::', '::ffff:10.0.0.1', '*.mcp.svc'] as const;
    const notAfter = Date.UTC(2061, 1, 2, 3, 4, 5);
    const leaf = new X509Certificate(
      createSelfSigned({ names: [...names], notBefore: validity.notBefore, notAfter }).certPem,
    );
    for (const address of names.slice(0, 4)) expect(leaf.checkIP(address)).toBe(address);
    expect(leaf.checkHost('a.mcp.svc')).toBe('*.mcp.svc');
    expect(Date.parse(leaf.validTo)).toBe(notAfter);
  });

  test.each(['', 'a b', 'a..b', '-a', 'a\0b', 'a,DNS:b', 'ä.svc', 'x'.repeat(254)])(
    'the name %j is refused',
    (name) => {
      expect(() => createSelfSigned({ names: [name], ...validity })).toThrow(TypeError);
    },
  );

  test('H7: a key of another certificate is no pair', () => {
    const [one, two] = [
      createSelfSigned({ names: ['a'], ...validity }),
      createSelfSigned({ names: ['a'], ...validity }),
    ];
    expect(() => parseServingCertificate({ ...one, keyPem: two.keyPem })).toThrow(/does not belong/);
    expect(parseServingCertificate(one).notAfter).toBe(Math.floor(validity.notAfter / 1000) * 1000);
  });
});
