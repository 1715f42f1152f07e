import { expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Artifacts } from './artifacts.ts';
import type { EvilRegistry } from './evil-registry.ts';
import { atEnd, evilRegistry, imageSource, lookAtAll, summary } from './sources.ts';

function asksWho(registry: EvilRegistry): void {
  registry.script((request, response) => {
    if (request.headers.authorization !== undefined) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    return true;
  });
}

function authorizations(registry: EvilRegistry): readonly (string | undefined)[] {
  return [...new Set(registry.seen.map(({ headers }) => headers.authorization))];
}

async function look(accounts: readonly ('registry' | 'mirror')[]) {
  const hosts = { registry: await evilRegistry(), mirror: await evilRegistry() };
  const { registry, mirror } = hosts;
  for (const each of [registry, mirror]) asksWho(each);
  const folder = mkdtempSync(join(tmpdir(), 'countersign-mirror-'));
  atEnd(async () => rmSync(folder, { recursive: true }));
  const dockerConfigFile = join(folder, 'config.json');
  const auths = Object.fromEntries(
    accounts.map((name) => [hosts[name].host, { username: name, password: 'secret' }]),
  );
  writeFileSync(dockerConfigFile, JSON.stringify({ auths }));
  const mirrors = [{ url: `http://${mirror.host}` }];
  const registries = [{ host: registry.host, plainHttp: true, mirrors }];
  const source = imageSource([], { registries, dockerConfigFile });
  const origin = new Artifacts(registry);
  const digest = origin.image();
  origin.simpleSigned(digest, [origin.simpleLayer('good')]);
  const found = summary(await lookAtAll(source, registry, digest));
  return { found, registry: authorizations(registry), mirror: authorizations(mirror) };
}

const basic = (name: string) => `Basic ${Buffer.from(`${name}:secret`).toString('base64')}`;

test("D5: a registry's credential never goes to its mirror", async () => {
  expect(await look(['registry'])).toEqual({
    found: { evidence: ['good'], refused: [], faults: [] },
    registry: [undefined, basic('registry')],
    mirror: [undefined],
  });
});

test("D5: nor a mirror's to the registry", async () => {
  expect(await look(['mirror'])).toMatchObject({
    found: { evidence: [] },
    registry: [undefined],
    mirror: [undefined, basic('mirror')],
  });
});

test('D5: each is shown its own', async () => {
  expect(await look(['mirror', 'registry'])).toEqual({
    found: { evidence: ['good'], refused: [], faults: [] },
    registry: [undefined, basic('registry')],
    mirror: [undefined, basic('mirror')],
  });
});
