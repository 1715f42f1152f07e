import { TRUSTED_ROOT, type Json } from './documents.ts';

/** Specs of TrustRoots by where they come from. The reader and the CRD must say the same (`test/cluster/crds.test.ts`). */

const TUF = { root: '{"signed":{}}', mirror: 'https://tuf.example.com' };
const ARCHIVED = { root: '{"signed":{}}', archive: Buffer.from('an archive').toString('base64') };
const { mirror, ...UNPLACED } = TUF;
const INLINE = { trustedRoot: TRUSTED_ROOT, proofs: { preset: 'Private' } };

const withMirror = (url: string): Json => ({ publicGood: { mirror: url } });
const withTuf = (changes: Json): Json => ({ tuf: { ...TUF, ...changes } });

export const GOOD_TRUST_SOURCES: readonly (readonly [string, Json])[] = [
  ['a root in the resource', INLINE],
  ['the public good instance', { publicGood: {} }],
  ['a mirror of the public good instance', withMirror(mirror)],
  ['a mirror with a port and a path', withMirror('https://tuf.example.com:8443/mirrors/sigstore')],
  ['a mirror on the loopback interface', withMirror('http://127.0.0.1:8080')],
  ['a TUF repository', { tuf: TUF }],
  ['a TUF repository in an archive', { tuf: ARCHIVED }],
  ['another target', withTuf({ target: 'corp_root-v2.json' })],
  ['an archive with one equals sign', { tuf: { ...ARCHIVED, archive: 'H4sIAAA=' } }],
];

const URL_RULE = /must be (an https URL|a URL)|should match/;
const ONE_SOURCE = /must have exactly one of trustedRoot, publicGood and tuf/;
const ONE_PLACE = /must have exactly one of mirror and archive/;

/** Name, spec, the field of the reader's problem, the words of the API server. */
export const BAD_TRUST_SOURCES: readonly (readonly [string, Json, string, RegExp])[] = [
  ['a root in the resource and the public good instance', { ...INLINE, publicGood: {} }, 'spec', ONE_SOURCE],
  ['a root in the resource and a repository', { ...INLINE, tuf: TUF }, 'spec', ONE_SOURCE],
  ['the public good instance and a repository', { publicGood: {}, tuf: TUF }, 'spec', ONE_SOURCE],
  ['nothing', {}, 'spec', ONE_SOURCE],
  ['a repository that is nowhere', { tuf: UNPLACED }, 'spec.tuf', ONE_PLACE],
  ['a repository in two places', { tuf: { ...TUF, ...ARCHIVED } }, 'spec.tuf', ONE_PLACE],
  ['a repository without a root', { tuf: { mirror } }, 'spec.tuf.root', /spec\.tuf\.root: Required value/],
  ...(
    [
      ['no URL', 'tuf'],
      ['another scheme', 'ftp://tuf.example.com'],
      ['a file', 'file:///etc/tuf'],
      ['a space in front', ' https://tuf.example.com'],
      ['another scheme round it', 'git+https://tuf.example.com'],
      ['an upper-case scheme', 'HTTPS://tuf.example.com'],
      ['a user', 'https://me:secret@tuf.example.com'],
      ['a query', 'https://tuf.example.com/?x=1'],
      ['a fragment', 'https://tuf.example.com/#x'],
      ['a space', 'https://tuf.example.com/a b'],
      ['a line break', 'https://tuf.example.com\n'],
      ['a backslash', 'https://tuf.example.com\\@evil.example'],
      ['no host', 'https:///tuf'],
      ['a port that is none', 'https://tuf.example.com:x'],
      ['too many characters', `https://tuf.example.com/${'a'.repeat(2048)}`],
    ] as const
  ).flatMap(([name, url]): (readonly [string, Json, string, RegExp])[] => [
    [`a mirror with ${name}`, withTuf({ mirror: url }), 'spec.tuf.mirror', /spec\.tuf\.mirror/],
    [
      `a mirror of the public good instance with ${name}`,
      withMirror(url),
      'spec.publicGood.mirror',
      url.length > 2048 ? /Too long/ : URL_RULE,
    ],
  ]),
  ...(['!!!!', 'H4sIAAA', 'H4sI AAAA', 'H4sI\nAAAA', 'H4sI====', '=', '-_-_'] as const).map(
    (archive): readonly [string, Json, string, RegExp] => [
      `an archive that is no base64: ${JSON.stringify(archive)}`,
      { tuf: { ...ARCHIVED, archive } },
      'spec.tuf.archive',
      /spec\.tuf\.archive/,
    ],
  ),
  ...(['', '..', '.', '../x', 'a/b', '/x', 'a b', 'x\n', '.hidden', 'a\\b', '%2e%2e'] as const).map(
    (target): readonly [string, Json, string, RegExp] => [
      `a target named ${JSON.stringify(target)}`,
      withTuf({ target }),
      'spec.tuf.target',
      /spec\.tuf\.target/,
    ],
  ),
];
