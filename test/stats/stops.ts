import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { startLayoutRegistry } from '../bench/layout-registry.ts';
import { freePort } from '../support/ports.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
const EXAMPLES = join(PROJECT, 'examples');

/** What one admission runs through. */
export interface Stops {
  /** Distinct functions of `src/`, without those of the process's own start. */
  readonly functions: number;
  readonly files: number;
  /** Functions by file, most first. */
  readonly byFile: readonly (readonly [string, number])[];
}

interface FunctionCoverage {
  readonly functionName: string;
  readonly ranges: readonly { readonly startOffset: number; readonly count: number }[];
}
interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly FunctionCoverage[];
}

/**
 * One cold keyless admission of a Pod by digest, from the bytes of the review to those of the answer, counted by V8's precise coverage in a
 * process of its own that runs `dist/` with minimal settings. Needs `make build`.
 */
export async function countStops(): Promise<Stops> {
  const work = mkdtempSync(join(tmpdir(), 'countersign-stops-'));
  const registry = await startLayoutRegistry(join(EXAMPLES, 'images'), 0);
  const [port, operations, inspector] = [await freePort(), await freePort(), await freePort()];
  const settings = join(work, 'settings.yaml');
  const host = `127.0.0.1:${registry.port}`;
  writeFileSync(settings, settingsFor({ work, host, port, operations }));
  const child = spawn(
    process.execPath,
    [`--inspect=127.0.0.1:${inspector}`, join(PROJECT, 'dist/cli/main.js'), 'serve', '--config', settings],
    { stdio: 'ignore' },
  );
  try {
    await untilReady(`http://127.0.0.1:${operations}/readyz`);
    const profiler = await Profiler.connect(inspector);
    await profiler.call('Profiler.enable');
    await profiler.call('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    await profiler.call('Profiler.takePreciseCoverage');
    await admit(`https://127.0.0.1:${port}`, join(work, 'certs/ca.crt'), host);
    const { result } = (await profiler.call('Profiler.takePreciseCoverage')) as { result: ScriptCoverage[] };
    profiler.close();
    return stopsIn(result);
  } finally {
    child.kill('SIGTERM');
    await registry.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

function stopsIn(scripts: readonly ScriptCoverage[]): Stops {
  const dist = `file://${join(PROJECT, 'dist')}/`;
  const byFile = scripts
    .filter(({ url }) => url.startsWith(dist))
    .map(({ url, functions }) => {
      const called = functions.filter(
        ({ functionName, ranges }) => functionName !== '' && (ranges[0]?.count ?? 0) > 0,
      );
      return [relative(dist, url), called.length] as const;
    })
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a);
  return { functions: byFile.reduce((sum, [, count]) => sum + count, 0), files: byFile.length, byFile };
}

function settingsFor(place: { work: string; host: string; port: number; operations: number }): string {
  const { work, host, port, operations } = place;
  const policies = mkdtempSync(join(work, 'policies-'));
  for (const file of readdirSync(join(EXAMPLES, 'policies'))) {
    const text = readFileSync(join(EXAMPLES, 'policies', file), 'utf8');
    writeFileSync(join(policies, file), text.replaceAll('registry.example/', `${host}/`));
  }
  return stringify({
    webhook: { host: '127.0.0.1', port },
    operations: { host: '127.0.0.1', port: operations },
    admin: { enabled: false },
    history: { enabled: false },
    dataDirectory: join(work, 'data'),
    certificate: { directory: join(work, 'certs') },
    policies,
    registries: [{ host, plainHttp: true, allowLoopback: true }],
    log: { level: 'error' },
  });
}

async function untilReady(url: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const status = await new Promise<number>((done) => {
      get(url, (response) => {
        response.resume();
        done(response.statusCode ?? 0);
      }).on('error', () => done(0));
    });
    if (status === 200) return;
    await sleep(100);
  }
  throw new Error(`${url} is not ready`);
}

async function admit(url: string, caFile: string, host: string): Promise<void> {
  const layout = join(EXAMPLES, 'images/mcp/weather/index.json');
  const index = JSON.parse(readFileSync(layout, 'utf8')) as {
    manifests: { digest: string; annotations?: Record<string, string> }[];
  };
  const signed = index.manifests.find(
    ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === 'v1',
  );
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const resource = { group: '', version: 'v1', resource: 'pods' };
  const image = `${host}/mcp/weather:v1@${signed?.digest ?? ''}`;
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '3c1f4f0e-5b7c-4d7e-9a53-6f0a3a1f9a10',
      kind,
      resource,
      requestKind: kind,
      requestResource: resource,
      name: 'server',
      namespace: 'mcp',
      operation: 'CREATE',
      oldObject: null,
      dryRun: false,
      userInfo: { username: 'stats', groups: ['system:authenticated'] },
      object: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'server', namespace: 'mcp' },
        spec: { containers: [{ name: 'server', image }] },
      },
    },
  };
  const answer = await new Promise<string>((done, fail) => {
    const call = request(
      `${url}/validate?timeout=10s`,
      {
        method: 'POST',
        ca: readFileSync(caFile),
        agent: false,
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => done(text));
      },
    );
    call.on('error', fail);
    call.end(JSON.stringify(review));
  });
  if (!(JSON.parse(answer) as { response: { allowed: boolean } }).response.allowed)
    throw new Error(`the example was not admitted: ${answer}`);
}

/** As much of the inspector's protocol as is needed here. */
class Profiler {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: unknown) => void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
      if (id !== undefined) this.#waiting.get(id)?.(result);
    });
  }

  static async connect(port: number): Promise<Profiler> {
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
      webSocketDebuggerUrl: string;
    }[];
    const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? '');
    await new Promise((done, fail) => {
      socket.addEventListener('open', done);
      socket.addEventListener('error', fail);
    });
    return new Profiler(socket);
  }

  call(method: string, params: object = {}): Promise<unknown> {
    const id = this.#waiting.size + 1;
    const answer = new Promise<unknown>((done) => this.#waiting.set(id, done));
    this.#socket.send(JSON.stringify({ id, method, params }));
    return answer;
  }

  close(): void {
    this.#socket.close();
  }
}
