import { describe, expect, test } from '@jest/globals';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { examineImage } from '../../src/admission/judge-image.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import { parseSourcePattern } from '../../src/slsa/source-uri.ts';
import type { PolicyRules } from '../../src/api/resources.ts';
import { exactText } from '../../src/api/text-matcher.ts';
import { compileSnapshot } from '../../src/policy/snapshot.ts';
import { parseTrustRoot, PUBLIC_GOOD } from '../../src/sigstore/trust-root.ts';
import { measureLargeStatement } from '../bench/large-statement.ts';
import { codeOf, keyless, policy } from '../policy/builders.ts';
import { nobody, setup, soon } from '../registry/sources.ts';
import { generatorStatement, githubSigner, NOW, policy as slsaPolicy, RELEASED } from '../slsa/statements.ts';
import { createSigstore, GOLD_ISSUER, GOLD_SUBJECT } from '../support/fixtures.ts';
import { certificateFor, layerOf } from '../support/provenance.ts';
import { staticTrust } from '../support/trust.ts';
import { largeEvidence } from '../support/large-evidence.ts';

/** What provenance costs: no round trip of its own, nothing when everything is remembered, and a bound on large statements. */

const sigstore = createSigstore();
const root = parseTrustRoot(JSON.parse(sigstore.trustedRootJson), PUBLIC_GOOD);
const trustedKeys = [keyless({ issuer: exactText(GOLD_ISSUER), subject: exactText(GOLD_SUBJECT) })];
const sources = [
  { uri: parseSourcePattern('https://github.com/acme/*'), ownerID: undefined, repositoryID: undefined },
];
const slsa = { policy: slsaPolicy({ requiredLevel: 3, sources }), trustRoot: undefined };
const by = { by: certificateFor(githubSigner(RELEASED)) };

type Kind = 'bundles' | 'tags';

/** One image, signed and with provenance of level 3, and who asks for it. */
async function world(kind: Kind) {
  const { registry, artifacts, source } = await setup();
  const digest = artifacts.image();
  const subject = [{ digest: { sha256: digest.replace('sha256:', '') } }];
  const json = { ...generatorStatement(), subject };
  if (kind === 'bundles') {
    const bundles = [
      sigstore.signStatement({ digests: [digest] }),
      sigstore.signStatement({ digests: [], statement: json, ...by }),
    ];
    artifacts.referrers(
      digest,
      bundles.map((bundle) => artifacts.bundle(digest, JSON.stringify(bundle))),
    );
  } else {
    const { payload, annotations } = sigstore.signSimple({ digest });
    artifacts.simpleSigned(digest, [artifacts.simpleLayer(Buffer.from(payload).toString(), { annotations })]);
    const layer = layerOf(sigstore, { json, by });
    artifacts.tagged(digest, 'att', [
      artifacts.envelopeLayer(layer.bytes.toString(), { annotations: layer.annotations }),
    ]);
  }
  const memory = {
    images: source,
    facts: new FactCache(),
    statements: new StatementCache(),
    large: largeEvidence(),
  };
  const admit = async (rules: Partial<PolicyRules>): Promise<readonly string[]> => {
    const material = staticTrust(new Map([['public-good', root]])).material();
    const { policies } = compileSnapshot({
      number: 1,
      resources: [policy({}, { trustedKeys, ...rules })],
      material,
    });
    registry.forget();
    const { examined } = await examineImage(`${registry.host}/org/app@${digest}`, policies, {
      sources: memory,
      circumstances: { now: NOW, isPod: true },
      puller: nobody,
      signal: soon(),
    });
    return examined.map(({ verdict }) => codeOf(verdict.outcome));
  };
  return { registry, admit };
}

describe('round trips', () => {
  test.each([
    ['bundles', 3],
    ['tags', 2],
  ] as const)('%s: %i one after the other, with and without slsa in the policy', async (kind, trips) => {
    const without = await world(kind);
    without.registry.delay = 400;
    expect(await without.admit({})).toEqual(['verified']);
    expect(without.registry.trips).toBe(trips);
    const withSlsa = await world(kind);
    withSlsa.registry.delay = 400;
    expect(await withSlsa.admit({ slsa })).toEqual(['verified']);
    expect(withSlsa.registry.trips).toBe(trips);
    // The two wave patterns differ by what only attestations are kept as: its tag and its blob.
    const more = withSlsa.registry.seen.length - without.registry.seen.length;
    expect(more).toBe(kind === 'bundles' ? 1 : 2);
  });

  test.each(['bundles', 'tags'] as const)(
    '%s: no policy wants attestations: nothing is asked for them',
    async (kind) => {
      const { registry, admit } = await world(kind);
      expect(await admit({})).toEqual(['verified']);
      expect(registry.asked.filter((line) => line.endsWith('.att'))).toEqual([]);
      // A policy that does finds what the other one did not look for.
      expect(await admit({ slsa })).toEqual(['verified']);
      expect(registry.asked.filter((line) => line.endsWith('.att'))).toHaveLength(1);
    },
  );

  test.each(['bundles', 'tags'] as const)('%s: a warm admission asks nothing', async (kind) => {
    const { registry, admit } = await world(kind);
    expect(await admit({ slsa })).toEqual(['verified']);
    expect(registry.seen.length).toBeGreaterThan(0);
    for (const rules of [{ slsa }, { requireSignature: false, trustedKeys: [], slsa }, { slsa }]) {
      expect(await admit(rules)).toEqual(['verified']);
      expect(registry.asked).toEqual([]);
    }
  });
});

/** What is measured is about a tenth of these: they catch what grows with the square. */
const MAX_CPU_MILLISECONDS = 6_000;
const MAX_RESIDENT_MEBIBYTES = 256;

test.each(['bundled', 'layered'] as const)(
  'F2: a statement of 5 MB with 1,000 subjects, %s: within its time and memory, and the second time nothing',
  async (form) => {
    const cost = await measureLargeStatement(form);
    expect(cost.outcome).toMatchObject({ kind: 'verified', provenance: { level: 3 } });
    expect(cost.statementBytes).toBeGreaterThan(5_000_000);
    expect(cost.cpuMilliseconds).toBeLessThan(MAX_CPU_MILLISECONDS);
    expect(cost.residentMebibytes).toBeLessThan(MAX_RESIDENT_MEBIBYTES);
    expect(cost.warmRequests).toBe(0);
    expect(cost.warmCpuMilliseconds).toBeLessThan(cost.cpuMilliseconds / 10);
  },
);
