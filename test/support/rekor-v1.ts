import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { inclusionProof, leafHash, rootHash } from './merkle.ts';
import { freePort } from './ports.ts';

/**
 * A stand-in for Rekor v1, whose real server needs Trillian and MySQL: it takes the entries that cosign
 * uploads (`hashedrekord` and `dsse`, 0.0.1) and answers with a signed entry timestamp, an inclusion proof
 * and a checkpoint over a real tree. It believes what it is sent and checks no signature.
 */
export interface RekorV1 {
  readonly url: string;
  /** The name in its checkpoints' signatures. */
  readonly signerName: string;
  readonly publicKeyPem: string;
  /** Entries from now on are logged at this time, in milliseconds since the epoch; the real time otherwise. */
  setTime(time: number | undefined): void;
  stop(): Promise<void>;
}

const treeId = '1193050959916656506';

export async function startRekorV1(): Promise<RekorV1> {
  const port = await freePort();
  // Clients expect the host in the log's URL.
  const signerName = '127.0.0.1';
  const keys = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const spki = createPublicKey(keys.publicKey).export({ type: 'spki', format: 'der' });
  const logId = createHash('sha256').update(spki).digest();
  const leaves: Buffer[] = [];
  let fixedTime: number | undefined;

  const append = (proposed: ProposedEntry) => {
    const body = Buffer.from(canonicalJson(canonicalEntry(proposed)));
    const logIndex = leaves.push(body) - 1;
    const payload = {
      body: body.toString('base64'),
      integratedTime: Math.floor((fixedTime ?? Date.now()) / 1000),
      logID: logId.toString('hex'),
      logIndex,
    };
    const root = rootHash(leaves);
    // A signed note: text, then a line with the key's hint and the signature over the text.
    const note = `${signerName} - ${treeId}\n${leaves.length}\n${root.toString('base64')}\n`;
    const noteSignature = Buffer.concat([
      logId.subarray(0, 4),
      sign('sha256', Buffer.from(note), keys.privateKey),
    ]);
    const verification = {
      inclusionProof: {
        checkpoint: `${note}\n— ${signerName} ${noteSignature.toString('base64')}\n`,
        hashes: inclusionProof(leaves, logIndex).map((hash) => hash.toString('hex')),
        logIndex,
        rootHash: root.toString('hex'),
        treeSize: leaves.length,
      },
      signedEntryTimestamp: sign('sha256', Buffer.from(canonicalJson(payload)), keys.privateKey).toString(
        'base64',
      ),
    };
    const id = BigInt(treeId).toString(16).padStart(16, '0') + leafHash(body).toString('hex');
    return { id, entry: { ...payload, verification } };
  };

  const server = createServer((request, response) => {
    handle(request, response, append).catch((error: unknown) => {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ code: 400, message: String(error) }));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    signerName,
    publicKeyPem: keys.publicKey,
    setTime: (time) => {
      fixedTime = time;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface ProposedEntry {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: {
    readonly proposedContent?: { readonly envelope: string; readonly verifiers: readonly string[] };
  };
}

type Append = (proposed: ProposedEntry) => { readonly id: string; readonly entry: unknown };

async function handle(request: IncomingMessage, response: ServerResponse, append: Append): Promise<void> {
  if (request.method !== 'POST' || request.url !== '/api/v1/log/entries') {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ code: 404, message: 'not found' }));
    return;
  }
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const { id, entry } = append(JSON.parse(text) as ProposedEntry);
  const location = `/api/v1/log/entries/${id}`;
  response.writeHead(201, { 'content-type': 'application/json', etag: id, location });
  response.end(JSON.stringify({ [id]: entry }));
}

/** What the log keeps of an upload: of a DSSE envelope only digests, signatures and keys. */
function canonicalEntry(proposed: ProposedEntry): unknown {
  const { apiVersion, kind, spec } = proposed;
  if (apiVersion !== '0.0.1') throw new Error(`this log does not take ${kind} ${apiVersion}`);
  if (kind === 'hashedrekord') return { apiVersion, kind, spec };
  if (kind !== 'dsse' || spec.proposedContent === undefined)
    throw new Error(`this log does not take ${kind}`);
  const { envelope, verifiers } = spec.proposedContent;
  const { payload, signatures } = JSON.parse(envelope) as { payload: string; signatures: { sig: string }[] };
  return {
    apiVersion,
    kind,
    spec: {
      envelopeHash: { algorithm: 'sha256', value: hexSha256(Buffer.from(envelope)) },
      payloadHash: { algorithm: 'sha256', value: hexSha256(Buffer.from(payload, 'base64')) },
      signatures: signatures.map(({ sig }, index) => ({ signature: sig, verifier: verifiers[index] })),
    },
  };
}

function hexSha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** RFC 8785 for what occurs here: ASCII strings and whole numbers. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}
