import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { inclusionProof, leafHash, rootHash } from './merkle.ts';
import { freePort } from './ports.ts';

/**
 * A stand-in for Rekor v1, whose real server needs Trillian and MySQL: it takes the entries that cosign
 * uploads (`hashedrekord` and `dsse` 0.0.1, `intoto` 0.0.1 and 0.0.2) and answers with a signed entry timestamp, an inclusion proof
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
    readonly content?: {
      readonly envelope: unknown;
      readonly hash?: unknown;
      readonly payloadHash?: unknown;
    };
    readonly publicKey?: string;
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
  switch (`${kind}/${apiVersion}`) {
    case 'hashedrekord/0.0.1':
      return { apiVersion, kind, spec };
    case 'dsse/0.0.1':
      return { apiVersion, kind, spec: dsseSpec(spec) };
    case 'intoto/0.0.1':
      return { apiVersion, kind, spec: oldInTotoSpec(spec) };
    case 'intoto/0.0.2':
      return { apiVersion, kind, spec: inTotoSpec(spec) };
    default:
      throw new Error(`this log does not take ${kind} ${apiVersion}`);
  }
}

function dsseSpec({ proposedContent }: ProposedEntry['spec']): unknown {
  if (proposedContent === undefined) throw new Error('nothing was proposed');
  const { envelope, verifiers } = proposedContent;
  const { payload, signatures } = JSON.parse(envelope) as { payload: string; signatures: { sig: string }[] };
  return {
    envelopeHash: hashOf(Buffer.from(envelope)),
    payloadHash: hashOf(Buffer.from(payload, 'base64')),
    signatures: signatures.map(({ sig }, index) => ({ signature: sig, verifier: verifiers[index] })),
  };
}

/** The envelope is uploaded as text, and its digest is all that binds the signature (rekor, pkg/types/intoto/v0.0.1). */
function oldInTotoSpec({ content, publicKey }: ProposedEntry['spec']): unknown {
  const text = String(content?.envelope);
  const { payload } = JSON.parse(text) as { payload: string };
  return {
    content: { hash: hashOf(Buffer.from(text)), payloadHash: hashOf(Buffer.from(payload, 'base64')) },
    publicKey,
  };
}

/** The envelope is uploaded as an object, with payload and signature in base64 twice. */
function inTotoSpec({ content }: ProposedEntry['spec']): unknown {
  if (content === undefined) throw new Error('nothing was proposed');
  const { payloadType, signatures } = content.envelope as { payloadType: string; signatures: unknown };
  return {
    content: {
      envelope: { payloadType, signatures },
      hash: content.hash,
      payloadHash: content.payloadHash,
    },
  };
}

function hashOf(bytes: Buffer): { readonly algorithm: string; readonly value: string } {
  return { algorithm: 'sha256', value: hexSha256(bytes) };
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
