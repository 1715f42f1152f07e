import { describe, expect, test } from '@jest/globals';
import { directOrigins } from '../../src/registry/no-proxy.ts';
import { threadMilliseconds } from '../support/cpu-time.ts';

describe('NO_PROXY', () => {
  test.each([
    ['', 'https://ghcr.io', false],
    ['*', 'https://ghcr.io', true],
    ['ghcr.io', 'https://ghcr.io', true],
    ['GHCR.io', 'https://ghcr.io', true],
    ['ghcr.io', 'https://sub.ghcr.io', true],
    ['ghcr.io', 'https://evilghcr.io', false],
    ['ghcr.io', 'https://ghcr.io.evil', false],
    ['.internal', 'https://registry.internal', true],
    ['.internal', 'https://internal', false],
    ['*.internal', 'https://a.b.internal', true],
    ['*.internal', 'https://internal', false],
    ['a.example, b.example', 'https://b.example', true],
    [' a.example\tb.example ,', 'https://b.example', true],
    ['host:5000', 'https://host:5000', true],
    ['host:5000', 'https://host', false],
    ['host:443', 'https://host', true],
    ['host:80', 'http://host', true],
    ['10.0.0.0/8', 'https://10.1.2.3:5000', true],
    ['10.0.0.0/8', 'https://11.1.2.3', false],
    ['10.0.0.0/8', 'https://ten.example', false],
    ['10.1.2.3', 'https://10.1.2.3', true],
    ['10.1.2.3', 'https://10.1.2.30', false],
    ['10.1.2.3:5000', 'https://10.1.2.3:5000', true],
    ['10.1.2.3:5000', 'https://10.1.2.3', false],
    ['fd00::/8', 'https://[fd00::1]', true],
    ['fd00::1', 'https://[fd00:0::1]', true],
    ['[fd00::1]:5000', 'https://[fd00::1]:5000', true],
    ['[fd00::1]:5000', 'https://[fd00::1]', false],
    ['10.0.0.0/99', 'https://10.0.0.1', false],
    ['.', 'https://ghcr.io', false],
    ['*.', 'https://ghcr.io', false],
    [':5000', 'https://ghcr.io:5000', false],
    ['', 'https://localhost:5000', true],
    ['', 'http://127.0.0.1:5000', true],
    ['', 'http://[::1]:5000', true],
    ['', 'https://localhost.evil.example', false],
  ])('%j: %s is direct: %s', (noProxy, origin, expected) => {
    expect(directOrigins(noProxy)(new URL(origin))).toBe(expected);
  });

  test('F6: a long list costs nothing', () => {
    const list = Array.from({ length: 5000 }, (_, index) => `a${'-'.repeat(50)}${index}.example:1`).join();
    const took = threadMilliseconds(() =>
      expect(directOrigins(list)(new URL('https://ghcr.io'))).toBe(false),
    );
    expect(took).toBeLessThan(500);
  });
});
