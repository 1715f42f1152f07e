import { beforeEach, describe, expect, test } from '@jest/globals';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { examineImage, judgeImage, type Judged } from '../../src/admission/judge-image.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import { parseCondition, type Condition } from '../../src/api/condition.ts';
import type { AttestationDemand, PolicyRules, SigningPolicy } from '../../src/api/resources.ts';
import { exactText } from '../../src/api/text-matcher.ts';
import { Fault } from '../../src/errors.ts';
import { compileSnapshot, type CompiledPolicy } from '../../src/policy/snapshot.ts';
import type { Evidence } from '../../src/sigstore/evidence.ts';
import { parseTrustRoot, PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import { codeOf, keyless, policy } from '../policy/builders.ts';
import { attestationDemand, slsaDemand } from '../policy/statement-facts.ts';
import {
  attestStatement,
  changed,
  generatorStatement,
  githubSigner,
  OWN_WORKFLOW,
  RELEASED,
  type Json,
} from '../slsa/statements.ts';
import { bundleEvidence, createSigstore, GOLD_ISSUER, GOLD_SUBJECT } from '../support/fixtures.ts';
import { staticTrust } from '../support/trust.ts';
import { ScriptedImages } from './scripted-images.ts';
import { largeEvidence } from '../support/large-evidence.ts';

/** Images under policies that ask for statements, over real signatures by certificates with real extensions. */

const D = `sha256:${'a'.repeat(64)}`;
const E = `sha256:${'b'.repeat(64)}`;
const NOW = Date.parse('2026-11-22T12:00:00Z');
const SBOM = 'https://spdx.dev/Document';
const at = (digest: string): string => `ghcr.io/org/server@${digest}`;

const sigstore = createSigstore();
const root = parseTrustRoot(JSON.parse(sigstore.trustedRootJson), PUBLIC_GOOD);
const other = createSigstore({ name: 'fs2' });
const otherRoot = parseTrustRoot(JSON.parse(other.trustedRootJson), PUBLIC_GOOD);

let count = 0;
/** A statement about an image, by a workflow on GitHub. */
function built(json: Json, workflow: string, digest = D, by = sigstore): Evidence {
  count += 1;
  const statement = changed(json, 'subject', [{ name: 'x', digest: { sha256: digest.slice(7) } }]);
  const { extensions } = githubSigner(workflow);
  return bundleEvidence(
    by.signStatement({ digests: [], statement, by: { uri: workflow, extensions } }),
    `referrer ${count}`,
  );
}
const l3 = (digest = D): Evidence => built(generatorStatement(), RELEASED, digest);
const l2 = (digest = D): Evidence => built(attestStatement(), OWN_WORKFLOW, digest);

/** An SBOM by the signer of `trustedKeys`, or by somebody else. */
function sbom(predicate: unknown, digest = D, uri = GOLD_SUBJECT, predicateType = SBOM): Evidence {
  count += 1;
  return bundleEvidence(
    sigstore.signStatement({ digests: [digest], predicateType, predicate, by: { uri } }),
    `referrer ${count}`,
  );
}
const signature = bundleEvidence(sigstore.signStatement({ digests: [D] }), 'referrer signature');

const OWNER = keyless({
  issuer: exactText(GOLD_ISSUER),
  subject: exactText(GOLD_SUBJECT),
  field: 'spec.trustedKeys[0]',
});
const NOTHING: Partial<PolicyRules> = { requireSignature: false, trustedKeys: [] };
const slsa = (
  name: string,
  changes: Parameters<typeof slsaDemand>[0] = {},
  trustRoot?: string,
): SigningPolicy => policy({ name }, { ...NOTHING, slsa: slsaDemand(changes, trustRoot) });
const attested = (name: string, changes: Partial<AttestationDemand> = {}): SigningPolicy =>
  policy({ name }, { ...NOTHING, attestations: [attestationDemand({ signers: [OWNER], ...changes })] });
const saying = (cel: string): Partial<AttestationDemand> => ({ conditions: [parseCondition(cel, cel)] });

class RecordingImages extends ScriptedImages {
  readonly asked: (boolean | undefined)[] = [];
  override discover(...[image, digest, options]: Parameters<ScriptedImages['discover']>) {
    this.asked.push(options.attestations);
    return super.discover(image, digest, options);
  }
}

let images: RecordingImages;
let facts: FactCache;
let verified: number;
let statements: StatementCache;

beforeEach(() => {
  images = new RecordingImages();
  verified = 0;
  facts = new FactCache((hit) => {
    if (!hit) verified += 1;
  });
  statements = new StatementCache();
});

function policies(...all: readonly SigningPolicy[]): readonly CompiledPolicy[] {
  const material = staticTrust(
    new Map([
      ['public-good', root],
      ['other', otherRoot],
    ]),
  ).material();
  return compileSnapshot({ number: 1, resources: all, material }).policies;
}

const surroundings = () => ({
  sources: { images, facts, statements, large: largeEvidence() },
  circumstances: { now: NOW, isPod: true },
  puller: { namespace: 'mcp', pullSecrets: [], serviceAccount: 'default' },
  signal: new AbortController().signal,
});

async function judge(image: string, ...all: readonly SigningPolicy[]): Promise<Record<string, string>> {
  const { verdicts }: Judged = await judgeImage(image, policies(...all), surroundings());
  return Object.fromEntries(verdicts.map(({ policy: of, outcome }) => [of?.name ?? '', codeOf(outcome)]));
}

describe('provenance', () => {
  test('of level 3 is admitted; of level 2, by a stranger, of another source and none at all are refused', async () => {
    const levels = [slsa('two', { requiredLevel: 2, builders: [] }), slsa('three', { builders: [] })];
    images.evidence.set(D, [l3()]);
    expect(await judge(at(D), ...levels)).toEqual({ two: 'verified', three: 'verified' });
    images.evidence.set(D, [l2()]);
    expect(await judge(at(D), ...levels)).toEqual({ two: 'verified', three: 'SLSA_LEVEL' });
    images.evidence.set(D, [built(generatorStatement(), OWN_WORKFLOW)]);
    expect(await judge(at(D), ...levels)).toEqual({ two: 'SLSA_BUILDER', three: 'SLSA_BUILDER' });
    images.evidence.set(D, [l3()]);
    const evil = slsaDemand().policy.sources.map((rule) => ({ ...rule, ownerID: '1' }));
    expect(await judge(at(D), slsa('foreign', { sources: evil }))).toEqual({ foreign: 'SLSA_SOURCE' });
    images.evidence.set(D, [signature]);
    expect(await judge(at(D), ...levels)).toEqual({ two: 'ATT_MISSING', three: 'ATT_MISSING' });
  });

  test('A20: by another Sigstore instance is none, with every extension right; for whom trusts that one it is', async () => {
    images.evidence.set(D, [built(generatorStatement(), RELEASED, D, other)]);
    const all = [slsa('own'), slsa('other', {}, 'other')];
    for (const order of [all, all.toReversed()]) {
      expect(await judge(at(D), ...order)).toEqual({ own: 'ATT_MISSING', other: 'verified' });
    }
  });

  test('B3: of one image never counts for another, with warm caches and in one review', async () => {
    const good = l3();
    images.evidence.set(D, [good]);
    images.evidence.set(E, [good]);
    for (let round = 0; round < 2; round++) {
      expect(await judge(at(D), slsa('p'))).toEqual({ p: 'verified' });
      expect(await judge(at(E), slsa('p'))).toEqual({ p: 'DIGEST_MISMATCH' });
    }
  });

  test('B15: beside all sorts of others, in any order', async () => {
    const others = [l2(), l3(E), built(generatorStatement(), OWN_WORKFLOW), signature, sbom({})];
    const good = l3();
    for (let place = 0; place <= others.length; place++) {
      images.evidence.set(D, others.toSpliced(place, 0, good));
      expect(await judge(at(D), slsa('p'))).toEqual({ p: 'verified' });
    }
    images.evidence.set(D, others);
    expect(Object.values(await judge(at(D), slsa('p')))).not.toContain('verified');
  });
});

describe('B18: what is warm', () => {
  test('a condition that changes between two admissions counts at once, and back again', async () => {
    images.evidence.set(D, [sbom({ licence: 'MIT' })]);
    for (let round = 0; round < 2; round++) {
      expect(await judge(at(D), attested('p', saying("predicate.licence == 'MIT'")))).toEqual({
        p: 'verified',
      });
      expect(await judge(at(D), attested('p', saying("predicate.licence == 'GPL'")))).toEqual({
        p: 'ATT_CONDITION',
      });
      expect(await judge(at(D), attested('p', saying('predicate.absent == 1')))).toEqual({
        p: 'ATT_CONDITION',
      });
    }
  });

  test('a level and a source that change between two admissions count at once', async () => {
    images.evidence.set(D, [l2()]);
    for (let round = 0; round < 2; round++) {
      expect(await judge(at(D), slsa('p', { requiredLevel: 2, builders: [] }))).toEqual({ p: 'verified' });
      expect(await judge(at(D), slsa('p', { requiredLevel: 3, builders: [] }))).toEqual({ p: 'SLSA_LEVEL' });
    }
  });

  test('an attestation that is deleted between two admissions is no revocation: what is remembered counts', async () => {
    const found = [sbom({ n: 1 }), l3()];
    images.evidence.set(D, found);
    const all = [attested('att', saying('predicate.n == 1')), slsa('slsa')];
    expect(await judge(at(D), ...all)).toEqual({ att: 'verified', slsa: 'verified' });
    images.evidence.set(D, []);
    images.remembered = new Map([[D, found]]);
    expect(await judge(at(D), ...all)).toEqual({ att: 'verified', slsa: 'verified' });
    // What the remembered evidence does not meet is looked up once more, and is gone.
    expect(await judge(at(D), attested('att', saying('predicate.n == 2')))).toEqual({ att: 'ATT_MISSING' });
  });

  test('a statement that was added since counts at once', async () => {
    images.remembered = new Map([[D, [sbom({ n: 1 })]]]);
    images.evidence.set(D, [sbom({ n: 2 })]);
    expect(await judge(at(D), attested('p', saying('predicate.n == 2')))).toEqual({ p: 'verified' });
    expect(images.calls).toEqual(['discover org/server aa', 'discover org/server aa fresh']);
  });

  test('a second admission verifies, reads and evaluates nothing again', async () => {
    let evaluated = 0;
    const counting: Condition = {
      source: 'x',
      message: 'x',
      evaluate: () => {
        evaluated += 1;
        return { holds: true };
      },
    };
    const found = [sbom({ n: 1 }), l3()];
    images.evidence.set(D, found);
    const all = [
      attested('a', { conditions: [counting] }),
      attested('b', { conditions: [counting] }),
      slsa('c'),
    ];
    for (let round = 0; round < 3; round++) {
      expect(await judge(at(D), ...all)).toEqual({ a: 'verified', b: 'verified', c: 'verified' });
    }
    expect(evaluated).toBe(1);
    expect(verified).toBe(2);
  });
});

describe('F17: conditions are held against nothing but what could count', () => {
  test.each<[string, () => Evidence, number]>([
    ['the right signer, this image', () => sbom({}), 1],
    ['another signer', () => sbom({}, D, GOLD_SUBJECT.replace('release', 'evil')), 0],
    ['another image', () => sbom({}, E), 0],
    ['another type', () => sbom({}, D, GOLD_SUBJECT, `${SBOM}/2`), 0],
  ])('%s', async (_, make, times) => {
    let evaluated = 0;
    const evaluate = () => {
      evaluated += 1;
      return { holds: true } as const;
    };
    images.evidence.set(D, [make()]);
    await judge(at(D), attested('p', { conditions: [{ source: 'x', message: 'x', evaluate }] }));
    expect(evaluated).toBe(times);
  });
});

describe('several policies', () => {
  test('B2, C9: each has its own verdict, whatever stands beside it', async () => {
    images.evidence.set(D, [sbom({ n: 1 }), l2()]);
    const all = [
      attested('right', saying('predicate.n == 1')),
      attested('wrong', saying('predicate.n == 2')),
      attested('type', { predicateType: 'https://cyclonedx.org/bom' }),
      slsa('level', { builders: [] }),
      policy({ name: 'signed' }, { trustedKeys: [OWNER] }),
    ];
    for (const order of [all, all.toReversed()]) {
      expect(await judge(at(D), ...order)).toEqual({
        right: 'verified',
        wrong: 'ATT_CONDITION',
        type: 'ATT_MISSING',
        level: 'SLSA_LEVEL',
        signed: 'SIGNATURE_MISSING',
      });
    }
  });

  test('attestations are asked of the registry only where a policy wants them', async () => {
    images.evidence.set(D, [signature]);
    await judge(at(D), policy({ name: 'signed' }, { trustedKeys: [OWNER] }));
    await judge(at(D), slsa('p'));
    await judge(at(D), attested('p'), policy({ name: 'signed' }, { trustedKeys: [OWNER] }));
    // Nothing was found: each asked once.
    expect(images.asked).toEqual([false, true, true]);
  });

  test('a registry that cannot be reached is nobody\'s "no"', async () => {
    images.failing = new Fault('REGISTRY_UNREACHABLE', 'down');
    expect(await judge(at(D), slsa('a'), attested('b'))).toEqual({
      a: 'fault REGISTRY_UNREACHABLE',
      b: 'fault REGISTRY_UNREACHABLE',
    });
  });

  test('what is verified tells level, builder, source and commit', async () => {
    images.evidence.set(D, [l3()]);
    const { examined } = await examineImage(at(D), policies(slsa('p')), surroundings());
    expect(examined[0]?.verdict.outcome).toMatchObject({
      kind: 'verified',
      provenance: {
        level: 3,
        builder: RELEASED,
        source: 'https://github.com/acme/app',
        ref: 'refs/heads/main',
      },
    });
  });
});
