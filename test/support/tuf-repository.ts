import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { canonicalize } from '@tufjs/canonical-json';

export type TufRole = 'root' | 'targets' | 'snapshot' | 'timestamp';

export interface TufKey {
  readonly id: string;
  readonly private: KeyObject;
  readonly json: {
    readonly keytype: string;
    readonly scheme: string;
    readonly keyval: { readonly public: string };
  };
}

/** The signed part of a metadata file; a test may change all of it. */
export type Signed = Record<string, unknown> & { version: number; expires: string };
type RoleJson = { keyids: string[]; threshold: number };

export interface Publication {
  /** Content of `trusted_root.json`; the one before unless told. */
  readonly content?: string;
  /** Milliseconds since the epoch at which each role expires, in place of the repository's own. */
  readonly expires?: Partial<Record<TufRole, number>>;
  /** Changes what a role says, before it is signed and before anything hashes it. */
  readonly change?: Partial<Record<TufRole, (signed: Signed) => void>>;
  /** Who signs instead of the role's keys. */
  readonly signers?: Partial<Record<TufRole, readonly TufKey[]>>;
  /** Targets beside `trusted_root.json`, by name. */
  readonly others?: Readonly<Record<string, string>>;
}

export interface RepositoryOptions {
  /** Whose keys: two repositories of one name are the same. */
  readonly name: string;
  readonly content: string;
  /** Milliseconds since the epoch at which everything expires. */
  readonly expires: number;
  /** Name of the target; `trusted_root.json` unless told. */
  readonly target?: string;
  /** Hash in front of the target's file name, and in its metadata; `sha256` unless told. */
  readonly hash?: 'sha256' | 'sha512';
}

const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The same key for the same name, in every run. */
export function tufKey(name: string): TufKey {
  const seed = createHash('sha256').update(name).digest();
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const json = {
    keytype: 'ed25519',
    scheme: 'ed25519',
    keyval: { public: spki.subarray(-32).toString('hex') },
  };
  return { id: createHash('sha256').update(canonicalize(json)).digest('hex'), private: key, json };
}

/** A TUF repository that signs what it is told to, by the specification or with one thing wrong. */
export class TufRepository {
  readonly #options: RepositoryOptions;
  readonly #versions: Record<TufRole, number> = { root: 0, targets: 0, snapshot: 0, timestamp: 0 };
  #keys: Record<TufRole, readonly TufKey[]>;
  #content: string;
  /** All files that it serves, by path. */
  readonly files = new Map<string, Buffer>();
  /** Text of its first root.json, which trust begins with. */
  readonly root: string;

  constructor(options: RepositoryOptions) {
    this.#options = options;
    this.#content = options.content;
    this.#keys = keysOf(options.name, 1);
    this.rotate({ keys: this.#keys, signers: this.#keys.root });
    this.root = this.files.get('1.root.json')?.toString() ?? '';
    this.publish();
  }

  get keys(): Readonly<Record<TufRole, readonly TufKey[]>> {
    return this.#keys;
  }

  /** The next root: other keys for every role unless told, signed by the old root's keys and the new one's. */
  rotate({
    keys = keysOf(this.#options.name, this.#versions.root + 1),
    signers,
    expires = this.#options.expires,
    change = () => {},
  }: {
    readonly keys?: Record<TufRole, readonly TufKey[]>;
    readonly signers?: readonly TufKey[];
    readonly expires?: number;
    readonly change?: (signed: Signed) => void;
  } = {}): void {
    const all = Object.values(keys).flat();
    const role = (of: readonly TufKey[]): RoleJson => ({
      keyids: of.map(({ id }) => id),
      threshold: of.length,
    });
    const signed = this.#signed('root', expires, {
      consistent_snapshot: true,
      keys: Object.fromEntries(all.map(({ id, json }) => [id, json])),
      roles: {
        root: role(keys.root),
        targets: role(keys.targets),
        snapshot: role(keys.snapshot),
        timestamp: role(keys.timestamp),
      },
    });
    change(signed);
    this.#file(`${signed.version}.root.json`, signed, signers ?? [...this.#keys.root, ...keys.root]);
    this.#keys = keys;
  }

  /** New targets, snapshot and timestamp, each a version further. */
  publish({
    content = this.#content,
    expires = {},
    change = {},
    signers = {},
    others = {},
  }: Publication = {}): void {
    this.#content = content;
    const { expires: end, target = 'trusted_root.json', hash = 'sha256' } = this.#options;
    const by = (role: TufRole) => signers[role] ?? this.#keys[role];
    const entries = Object.entries({ [target]: content, ...others });
    const targets = this.#signed('targets', expires.targets ?? end, {
      targets: Object.fromEntries(
        entries.map(([name, text]) => [
          name,
          { length: Buffer.byteLength(text), hashes: { [hash]: digest(text, hash) } },
        ]),
      ),
    });
    change.targets?.(targets);
    this.#file(`${this.#versions.targets}.targets.json`, targets, by('targets'));
    for (const [name, text] of entries) {
      this.files.set(`targets/${digest(text, hash)}.${name}`, Buffer.from(text));
    }
    const snapshot = this.#signed('snapshot', expires.snapshot ?? end, {
      meta: { 'targets.json': { version: this.#versions.targets } },
    });
    change.snapshot?.(snapshot);
    this.#file(`${this.#versions.snapshot}.snapshot.json`, snapshot, by('snapshot'));
    const timestamp = this.#signed('timestamp', expires.timestamp ?? end, {
      meta: { 'snapshot.json': { version: this.#versions.snapshot } },
    });
    change.timestamp?.(timestamp);
    this.#file('timestamp.json', timestamp, by('timestamp'));
  }

  /** What it serves now, to be served again later. */
  copy(): Map<string, Buffer> {
    return new Map(this.files);
  }

  /** The path of the target's file. */
  get targetPath(): string {
    const { target = 'trusted_root.json', hash = 'sha256' } = this.#options;
    return `targets/${digest(this.#content, hash)}.${target}`;
  }

  #signed(role: TufRole, expires: number, rest: object): Signed {
    this.#versions[role] += 1;
    return {
      _type: role,
      spec_version: '1.0.31',
      version: this.#versions[role],
      expires: new Date(expires).toISOString(),
      ...rest,
    };
  }

  #file(name: string, signed: Signed, signers: readonly TufKey[]): void {
    const bytes = Buffer.from(canonicalize(signed));
    const signatures = new Map(
      signers.map((key) => [key.id, { keyid: key.id, sig: sign(null, bytes, key.private).toString('hex') }]),
    );
    this.files.set(name, Buffer.from(JSON.stringify({ signatures: [...signatures.values()], signed })));
  }
}

function keysOf(name: string, generation: number): Record<TufRole, readonly TufKey[]> {
  const key = (role: string): TufKey => tufKey(`${name} ${role} ${generation}`);
  return {
    root: [key('root a'), key('root b')],
    targets: [key('targets a'), key('targets b')],
    snapshot: [key('snapshot')],
    timestamp: [key('timestamp')],
  };
}

function digest(text: string, hash: 'sha256' | 'sha512'): string {
  return createHash(hash).update(text).digest('hex');
}
