/**
 * `make bench`: what a decision costs. It only reports. Warm admissions are ratios to a floor measured in the same run, a bare
 * node:https server that parses the same body and answers a constant; the two take turns, so that a noisy machine hits both.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import autocannon from 'autocannon';
import { stringify } from 'yaml';
import { freePort } from '../support/ports.ts';
import { measureLargeStatement } from './large-statement.ts';
import { startLayoutRegistry } from './layout-registry.ts';
import { provenancePolicy, writeProvenanceLayouts } from './provenance-layout.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
const EXAMPLES = join(PROJECT, 'examples');
const ROUNDS = 3;
const SECONDS = 4;
const REGISTRY_DELAY_MILLISECONDS = 25;

const work = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
const children: ChildProcess[] = [];

interface Server {
  readonly url: string;
  readonly ca: string;
}

/** Without the API and a history unless told. */
async function startWebhook(
  name: string,
  registries: object[],
  policies: string,
  more: object = {},
): Promise<Server> {
  const [port, operations] = [await freePort(), await freePort()];
  const certificates = join(work, `${name}-certs`);
  const file = join(work, `${name}.yaml`);
  const settings = {
    webhook: { host: '127.0.0.1', port },
    operations: { host: '127.0.0.1', port: operations },
    admin: { enabled: false },
    history: { enabled: false },
    dataDirectory: join(work, `${name}-data`),
    certificate: { directory: certificates },
    policies,
    registries,
    log: { level: 'error' },
    ...more,
  };
  writeFileSync(file, stringify(settings));
  start(name, [join(PROJECT, 'dist/cli/main.js'), 'serve', '--config', file]);
  await untilReady(`http://127.0.0.1:${operations}/readyz`);
  return { url: `https://127.0.0.1:${port}`, ca: readFileSync(join(certificates, 'ca.crt'), 'utf8') };
}

/** The floor: the same certificate, the same body parsed, a constant answer. */
async function startFloor(certificates: string): Promise<string> {
  const port = await freePort();
  start('floor', [join(import.meta.dirname, 'floor.ts'), certificates, String(port)]);
  await sleep(500);
  return `https://127.0.0.1:${port}`;
}

function start(name: string, args: readonly string[]): void {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', openSync(join(work, `${name}.log`), 'a'), 'inherit'],
  });
  child.on('exit', (code) => {
    if (code !== null && code !== 0) console.error(`${name} ended with ${code}`);
  });
  children.push(child);
}

async function untilReady(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const status = await new Promise<number>((done) => {
      httpRequest(url, (response) => {
        response.resume();
        done(response.statusCode ?? 0);
      })
        .on('error', () => done(0))
        .end();
    });
    if (status === 200) return;
    await sleep(100);
  }
  throw new Error(`${url} is not ready`);
}

function review(kind: 'Pod' | 'Deployment', images: readonly string[]): string {
  const spec = {
    containers: images.map((image, index) => ({
      name: `c${index}`,
      image,
      ports: [{ containerPort: 8080 }],
    })),
  };
  const metadata = { name: 'server', namespace: 'mcp', labels: { app: 'server' } };
  const object =
    kind === 'Pod'
      ? { apiVersion: 'v1', kind, metadata, spec }
      : {
          apiVersion: 'apps/v1',
          kind,
          metadata,
          spec: {
            replicas: 1,
            selector: { matchLabels: { app: 'server' } },
            template: { metadata: { labels: { app: 'server' } }, spec },
          },
        };
  const group = kind === 'Pod' ? '' : 'apps';
  const resource = { group, version: 'v1', resource: kind === 'Pod' ? 'pods' : 'deployments' };
  const gvk = { group, version: 'v1', kind };
  const request = {
    uid: '3c1f4f0e-5b7c-4d7e-9a53-6f0a3a1f9a10',
    kind: gvk,
    resource,
    requestKind: gvk,
    requestResource: resource,
    name: 'server',
    namespace: 'mcp',
    operation: 'CREATE',
    userInfo: { username: 'bench', groups: ['system:authenticated'] },
    object,
    oldObject: null,
    dryRun: false,
  };
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
}

async function post({ url, ca }: Server, body: string): Promise<{ allowed: boolean; milliseconds: number }> {
  const started = performance.now();
  const text = await new Promise<string>((done, fail) => {
    const call = httpsRequest(
      `${url}/validate?timeout=10s`,
      { method: 'POST', ca, agent: false, headers: { 'content-type': 'application/json' } },
      (response) => {
        let answer = '';
        response.on('data', (chunk: Buffer) => (answer += chunk.toString()));
        response.on('end', () => done(answer));
      },
    );
    call.on('error', fail);
    call.end(body);
  });
  const { response } = JSON.parse(text) as { response: { allowed: boolean; status?: { message?: string } } };
  if (!response.allowed) throw new Error(`not admitted: ${response.status?.message ?? text}`);
  return { allowed: response.allowed, milliseconds: performance.now() - started };
}

interface Load {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

async function load(url: string, body: string, connections: number): Promise<Load> {
  const result = await autocannon({
    url: `${url}/validate?timeout=10s`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    connections,
    duration: SECONDS,
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} bad answers, ${result.errors} errors`);
  return { rate: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** The digest that a tag names in an example layout. */
function pinned(name: string): string {
  const index = JSON.parse(readFileSync(join(EXAMPLES, 'images/mcp', name, 'index.json'), 'utf8')) as {
    manifests: { digest: string; annotations?: Record<string, string> }[];
  };
  const found = index.manifests.find(
    ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === 'v1',
  );
  if (found === undefined) throw new Error(`examples/images/mcp/${name} has no tag v1`);
  return `registry.example/mcp/${name}:v1@${found.digest}`;
}

async function warm(): Promise<void> {
  const webhook = await startWebhook(
    'warm',
    [{ host: 'registry.example', layout: join(EXAMPLES, 'images') }],
    join(EXAMPLES, 'policies'),
  );
  const floor = await startFloor(join(work, 'warm-certs'));
  const bodies = [
    ['Pod, 1 image', review('Pod', [pinned('weather')])],
    ['Deployment, 3 images', review('Deployment', [pinned('weather'), pinned('files'), pinned('calendar')])],
  ] as const;
  console.log(
    `Warm admissions, ${ROUNDS} rounds of ${SECONDS} s each, webhook and floor in turn (load generator on the same machine)`,
  );
  console.log(
    'case                      c   webhook/s    floor/s   ratio (min–max)        p99 ms webhook / floor',
  );
  for (const [name, body] of bodies) {
    await post(webhook, body);
    for (const connections of [1, 16]) {
      const rounds = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        rounds.push({
          ours: await load(webhook.url, body, connections),
          base: await load(floor, body, connections),
        });
      }
      const ratios = rounds.map(({ ours, base }) => ours.rate / base.rate);
      console.log(
        [
          name.padEnd(23),
          String(connections).padStart(4),
          median(rounds.map(({ ours }) => ours.rate))
            .toFixed(0)
            .padStart(11),
          median(rounds.map(({ base }) => base.rate))
            .toFixed(0)
            .padStart(10),
          `   ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`.padEnd(
            24,
          ),
          `${median(rounds.map(({ ours }) => ours.p99)).toFixed(0)} / ${median(rounds.map(({ base }) => base.p99)).toFixed(0)}`,
        ].join(' '),
      );
    }
  }
}

/** The example policies, over another registry. */
function policiesFor(host: string): string {
  const folder = mkdtempSync(join(work, 'policies-'));
  for (const file of readdirSync(join(EXAMPLES, 'policies'))) {
    const text = readFileSync(join(EXAMPLES, 'policies', file), 'utf8');
    writeFileSync(join(folder, file), text.replaceAll('registry.example/', `${host}/`));
  }
  return folder;
}

interface ColdCase {
  readonly name: string;
  readonly folder: string;
  readonly image: string;
  /** Policies over a registry. */
  readonly policies: (host: string) => string;
}

async function cold(): Promise<void> {
  for (const [name, form] of [
    ['weather', 'keyless bundle (referrers)'],
    ['calendar', 'cosign 2 .sig tag, key'],
  ] as const) {
    await coldCase({
      name: form,
      folder: join(EXAMPLES, 'images'),
      image: pinned(name),
      policies: policiesFor,
    });
  }
}

async function coldCase({ name, folder, image, policies }: ColdCase): Promise<void> {
  const registry = await startLayoutRegistry(folder, REGISTRY_DELAY_MILLISECONDS);
  const host = `127.0.0.1:${registry.port}`;
  const settings = [{ host, plainHttp: true, allowLoopback: true }];
  const webhook = await startWebhook(`cold-${registry.port}`, settings, policies(host));
  const body = review('Pod', [image.replace('registry.example', host)]);
  const { milliseconds } = await post(webhook, body);
  console.log(
    `\nCold, ${name}: ${milliseconds.toFixed(0)} ms with ${REGISTRY_DELAY_MILLISECONDS} ms added to each registry request`,
  );
  for (const { at, method, path, status } of registry.requests) {
    const first = registry.requests[0]?.at ?? at;
    console.log(
      `  +${(at - first).toFixed(0).padStart(4)} ms  ${method} ${path.replace(/([0-9a-f]{12})[0-9a-f]{52}/g, '$1…')}  ${status}`,
    );
  }
  await registry.stop();
}

/** The same images under a policy that asks for a signature, and under one that asks for SLSA level 3 as well; in turn. */
async function provenance(): Promise<void> {
  const layouts = writeProvenanceLayouts(join(work, 'layouts'));
  const images = { bundle: ['bundled', layouts.bundled], '.att': ['layered', layouts.layered] } as const;
  const slsa = { requiredLevel: 3, sources: [{ uri: 'https://github.com/acme/*' }] };
  const policies = (host: string, more: object): string => {
    const file = join(mkdtempSync(join(work, 'slsa-')), 'policies.yaml');
    writeFileSync(file, provenancePolicy(layouts, host, more));
    return file;
  };
  const registry = [{ host: 'registry.example', layout: layouts.folder }];
  const without = await startWebhook('without-slsa', registry, policies('registry.example', {}));
  const withSlsa = await startWebhook('with-slsa', registry, policies('registry.example', { slsa }));
  const floor = await startFloor(join(work, 'without-slsa-certs'));
  console.log(
    `\nWarm admissions of a Pod with 1 image, ratio to the floor, without and with slsa in the policy, in turn`,
  );
  for (const [form, [name, digest]] of Object.entries(images)) {
    const body = review('Pod', [`registry.example/mcp/${name}:v1@${digest}`]);
    await post(without, body);
    await post(withSlsa, body);
    for (const connections of [1, 16]) {
      const rounds: { readonly plain: number; readonly more: number; readonly p99: readonly number[] }[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const [plain, more] = [
          await load(without.url, body, connections),
          await load(withSlsa.url, body, connections),
        ];
        const base = await load(floor, body, connections);
        rounds.push({
          plain: plain.rate / base.rate,
          more: more.rate / base.rate,
          p99: [plain.p99, more.p99],
        });
      }
      const of = (pick: (round: (typeof rounds)[number]) => number): string => {
        const values = rounds.map(pick);
        return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`;
      };
      const p99 = [0, 1]
        .map((at) => median(rounds.map((round) => round.p99[at] ?? 0)).toFixed(0))
        .join(' / ');
      console.log(
        `${form.padEnd(8)} c ${String(connections).padStart(2)}   without ${of(({ plain }) => plain)}   with ${of(({ more }) => more)}   p99 ms ${p99}`,
      );
    }
  }
  for (const [form, [name, digest]] of Object.entries(images)) {
    const image = `registry.example/mcp/${name}:v1@${digest}`;
    for (const [what, more] of [
      ['signature only', {}],
      ['signature and slsa', { slsa }],
    ] as const) {
      const own = (host: string) => policies(host, more);
      await coldCase({
        name: `provenance as ${form}, ${what}`,
        folder: layouts.folder,
        image,
        policies: own,
      });
    }
  }
}

/** Calls of the API each second: what one caller is let, and ten times as many, of which most are refused. */
const API_RATES = [20, 200];

/** Milliseconds. */
interface Waits {
  readonly p50: number;
  readonly p99: number;
}

/**
 * How long admissions take while nobody and while somebody asks the API, in turn; one replica with a history in SQLite. The floor, a
 * process that has no API, is asked in the same way beside it: what it loses under the same load is the machine's, not ours.
 */
async function api(): Promise<void> {
  const port = await freePort();
  process.env['COUNTERSIGN_ADMIN_PASSWORD'] = 'bench-bench-bench-bench';
  const webhook = await startWebhook(
    'api',
    [{ host: 'registry.example', layout: join(EXAMPLES, 'images') }],
    join(EXAMPLES, 'policies'),
    { admin: { host: '127.0.0.1', port }, history: {} },
  );
  const floor = await startFloor(join(work, 'api-certs'));
  const body = join(work, 'review.json');
  writeFileSync(body, review('Pod', [pinned('weather')]));
  for (const url of [webhook.url, floor]) await paced(url, body);
  console.log(
    '\nAdmissions of a warm Pod, 100 a second, alone and with load on the API, in turn (milliseconds)',
  );
  for (const perSecond of API_RATES) {
    const rounds: {
      readonly alone: Waits;
      readonly loaded: Waits;
      readonly floors: readonly [Waits, Waits];
    }[] = [];
    let said = '';
    for (let round = 0; round < ROUNDS; round += 1) {
      const [alone, floorAlone] = [await paced(webhook.url, body), await paced(floor, body)];
      const asking = await startApiLoad(`https://127.0.0.1:${port}`, perSecond);
      const [loaded, floorLoaded] = [await paced(webhook.url, body), await paced(floor, body)];
      said = await asking();
      rounds.push({ alone, loaded, floors: [floorAlone, floorLoaded] });
    }
    for (const what of ['p50', 'p99'] as const) {
      const of = (pick: (round: (typeof rounds)[number]) => number) => median(rounds.map(pick)).toFixed(2);
      console.log(
        `  ${String(perSecond).padStart(4)} calls/s  ${what}  ${of(({ alone }) => alone[what])} → ${of(({ loaded }) => loaded[what])}, ` +
          `ratio ${of(({ alone, loaded }) => loaded[what] / alone[what])}; ` +
          `floor ${of(({ floors: [alone] }) => alone[what])} → ${of(({ floors: [, loaded] }) => loaded[what])}, ` +
          `ratio ${of(({ floors: [alone, loaded] }) => loaded[what] / alone[what])}`,
      );
    }
    console.log(`        the API answered ${said}`);
  }
}

async function paced(url: string, body: string): Promise<Waits> {
  const args = [
    join(import.meta.dirname, 'paced.ts'),
    url,
    join(work, 'api-certs/ca.crt'),
    body,
    '100',
    String(SECONDS),
  ];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Waits;
}

/** @returns how to end it, which tells what it was answered */
async function startApiLoad(url: string, perSecond: number): Promise<() => Promise<string>> {
  const args = [
    join(import.meta.dirname, 'api-load.ts'),
    url,
    join(work, 'api-certs/ca.crt'),
    'registry.example/mcp/weather:v1',
    String(perSecond),
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await sleep(1_000);
  return async () => {
    const ended = new Promise<void>((done) => child.once('exit', () => done()));
    child.kill('SIGTERM');
    await ended;
    return said.trim();
  };
}

async function large(): Promise<void> {
  console.log('\nA provenance of 5 MB with 1,000 subjects, cold, in one process with its registry');
  for (const form of ['bundled', 'layered'] as const) {
    const cost = await measureLargeStatement(form);
    const { milliseconds, cpuMilliseconds, longestPauseMilliseconds, residentMebibytes, warmMilliseconds } =
      cost;
    console.log(
      `  ${form}: ${milliseconds.toFixed(0)} ms, CPU ${cpuMilliseconds.toFixed(0)} ms, longest pause of the event loop ${longestPauseMilliseconds.toFixed(0)} ms, resident ${residentMebibytes.toFixed(0)} MiB more; again ${warmMilliseconds.toFixed(1)} ms`,
    );
  }
}

const PARTS = { warm, cold, provenance, large, api };

/** All of them, or those that are named on the command line. */
function asked(): readonly (() => Promise<void>)[] {
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !Object.hasOwn(PARTS, name));
  if (unknown.length > 0)
    throw new Error(`${unknown.join(', ')}: parts are ${Object.keys(PARTS).join(', ')}`);
  return names.length === 0 ? Object.values(PARTS) : names.map((name) => PARTS[name as keyof typeof PARTS]);
}

try {
  for (const part of asked()) await part();
} finally {
  for (const child of children) child.kill('SIGTERM');
  rmSync(work, { recursive: true, force: true });
}
