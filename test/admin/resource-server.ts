import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Access } from '../../src/admin/access.ts';
import { AdminServer } from '../../src/admin/admin-server.ts';
import { Authenticator } from '../../src/admin/authentication.ts';
import { ChangeLog } from '../../src/admin/change-log.ts';
import { Inspections } from '../../src/admin/inspections.ts';
import { LastUse } from '../../src/admin/last-use.ts';
import { FAILURE_RATES, FailureGuard } from '../../src/admin/rate-limits.ts';
import { ResourceOffice } from '../../src/admin/resource-office.ts';
import type { ApiAnswer, Route } from '../../src/admin/route.ts';
import { changeRoutes } from '../../src/admin/routes/changes.ts';
import { exceptionRoutes } from '../../src/admin/routes/exceptions.ts';
import { keyRoutes, type KeyReader } from '../../src/admin/routes/keys.ts';
import { policyRoutes } from '../../src/admin/routes/policies.ts';
import { signerRoutes } from '../../src/admin/routes/signers.ts';
import { trustRootRoutes } from '../../src/admin/routes/trust-roots.ts';
import { Sessions } from '../../src/admin/sessions.ts';
import { SignerUse } from '../../src/admin/signer-use.ts';
import { readValue } from '../../src/api/field-problems.ts';
import type { History } from '../../src/history/history.ts';
import { createPinoLogger } from '../../src/observe/pino-logger.ts';
import type { KeyState } from '../../src/policy/trust-material.ts';
import { FileDesk } from '../../src/store/file-desk.ts';
import { FileStore } from '../../src/store/file-store.ts';
import { createSelfSigned } from '../../src/tls/self-signed.ts';
import { builtinRoots } from '../../src/trust/builtin-roots.ts';
import { http, type HttpResponse } from '../support/http-client.ts';
import { staticTrust } from '../support/trust.ts';
import { UNHURRIED } from './door.ts';
import type { ShownJson } from './shown.ts';

const HOUR = 3_600_000;

/** The token is the name; only who is called admin may do everything. */
const ACCESS: Access = {
  mode: 'standalone',
  methods: ['token'],
  identify: async (credentials) => {
    const name = credentials.method === 'token' ? credentials.token : '';
    return { name, groups: [], token: undefined, tokenExpiresAt: undefined };
  },
  isStillGood: async () => true,
  may: async ({ name }) => name === 'admin',
};

export interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  /** A text is sent as it is; anything else as JSON. */
  readonly body?: unknown;
  readonly type?: string;
  /** `admin` unless told. */
  readonly as?: string;
}

export interface Answered extends HttpResponse {
  readonly json: ShownJson;
}

/** The API of the resources over HTTPS, standalone, on a directory of policy files. */
export class ResourceServer {
  readonly folder: string;
  /** Lines of the log. */
  readonly log: string[] = [];
  readonly use: SignerUse;
  readonly keys = new Map<string, KeyState>();
  now = Date.parse('2026-11-29T12:00:00.500Z');
  #store: FileStore | undefined;
  #server: AdminServer | undefined;
  #sessions: Sessions | undefined;
  #ca = '';

  constructor(folder: string) {
    this.folder = folder;
    this.use = new SignerUse(() => this.now);
  }

  get store(): FileStore {
    if (this.#store === undefined) throw new Error('not started');
    return this.#store;
  }

  async start(history: History | undefined, keys: KeyReader): Promise<void> {
    const logger = createPinoLogger({ level: 'info', write: (line) => void this.log.push(line) });
    const trust = staticTrust(builtinRoots(), this.keys);
    this.#store = new FileStore({ path: this.folder, trust, logger, pollInterval: 600_000 });
    await this.#store.start();
    const store = this.#store;
    const office = new ResourceOffice({
      desk: new FileDesk({ path: this.folder, store }),
      snapshot: () => store.current(),
      builtinRoots: () => trust.material().builtin,
      lastUse: new LastUse({ use: this.use, history: history?.reader }),
      changes: new ChangeLog(history, logger),
      inspections: new Inspections(),
      now: () => this.now,
    });
    const routes = [
      ...signerRoutes(office),
      ...policyRoutes(office),
      ...trustRootRoutes(office),
      ...exceptionRoutes(office),
      ...keyRoutes(keys),
      ...changeRoutes(history?.reader),
    ];
    this.#sessions = new Sessions();
    const failures = new FailureGuard(FAILURE_RATES.standalone);
    const validity = { notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR };
    const { certPem: cert, keyPem: key, caPem } = createSelfSigned({ names: ['127.0.0.1'], ...validity });
    this.#ca = caPem;
    this.#server = new AdminServer({
      host: '127.0.0.1',
      port: 0,
      keyPair: { cert, key },
      mode: 'standalone',
      version: '0.0.0',
      routes,
      authenticator: new Authenticator({ access: ACCESS, sessions: this.#sessions, failures, logger }),
      logger,
      checkAnswer,
      rates: UNHURRIED,
    });
    await this.#server.start();
  }

  async stop(): Promise<void> {
    await this.#server?.stop(1_000);
    this.#sessions?.stop();
    await this.#store?.stop();
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  async ask(
    method: string,
    path: string,
    { headers = {}, body, type = 'application/json', as = 'admin' }: Asked = {},
  ): Promise<Answered> {
    const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await http(`https://127.0.0.1:${this.#server?.port}/api/v1${path}`, {
      method,
      ca: this.#ca,
      headers: {
        authorization: `Bearer ${as}`,
        ...(sent !== undefined && { 'content-type': type }),
        ...headers,
      },
      ...(sent !== undefined && { body: sent }),
    });
    return { ...answer, json: jsonOf(answer) as ShownJson };
  }
}

function jsonOf({ body, headers }: HttpResponse): unknown {
  return /json/.test(headers['content-type'] ?? '') ? JSON.parse(body.toString()) : undefined;
}

/** What a route answers is what its description says. */
function checkAnswer(route: Route, answer: ApiAnswer): void {
  const described = route.answers[answer.status];
  if (described === undefined) throw new Error(`${route.operationId}: ${answer.status} is not described`);
  if ('stream' in answer || described.schema === undefined) return;
  // As it is sent: what is undefined is not.
  const { problems } = readValue(described.schema, JSON.parse(JSON.stringify(answer.body)), '');
  if (problems.length > 0) throw new Error(`${route.operationId}: ${JSON.stringify(problems)}`);
}
