import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  attestStatement,
  changed,
  COMMIT,
  generatorStatement,
  githubSigner,
  OWN_WORKFLOW,
  RELEASED,
  SHARED_WORKFLOW,
  summaryStatement,
  TEKTON_BUILDER,
  tektonV1Statement,
  type Json,
} from '../slsa/statements.ts';
import { attest, generateKeyPair, signWithKey, type KeyFiles } from '../support/cosign.ts';
import { createSigstore } from '../support/fixtures.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { aboutImage, attach, attachLayers, certificateFor } from '../support/provenance.ts';
import type { RegistryMode } from '../support/registry.ts';
import { API_VERSION, clusterPolicy, pod, type Installation } from './installation.ts';
import { tenantOf, untilStatus, type Tenant } from './tenant.ts';

/** SLSA on real parts: cosign attests under a real Fulcio's certificates, kubectl applies, the API server asks. */
export function buildLevels(installed: () => Installation): void {
  let world: Installation;
  let mcp: Tenant;
  let chainsKey: KeyFiles;
  let images: Record<
    'level3' | 'level3Legacy' | 'level2' | 'level1' | 'bare' | 'unsigned' | 'untrusted' | 'foreign',
    PushedImage
  >;

  const L3 = { requiredLevel: 3, sources: [{ uri: 'https://github.com/acme/*' }] };
  const predicateOf = (json: Json): unknown => json['predicate'];

  beforeAll(async () => {
    world = installed();
    mcp = tenantOf(world, 'mcp');
    await world.cluster.createNamespace(mcp.namespace);
    chainsKey = await generateKeyPair(world.cosign, 'chains');
    const [level3, level3Legacy, level2, level1, bare, unsigned, untrusted, foreign] = await Promise.all([
      push('level-3'),
      push('level-3-legacy', 'fallback'),
      push('level-2', 'fallback'),
      push('level-1'),
      push('bare'),
      push('unsigned-provenance'),
      push('untrusted-provenance'),
      push('foreign'),
    ]);
    images = { level3, level3Legacy, level2, level1, bare, unsigned, untrusted, foreign };
    await attest(
      world.cosign,
      level3,
      { token: await workflowToken(SHARED_WORKFLOW) },
      v1(attestStatement(SHARED_WORKFLOW)),
    );
    await attest(
      world.cosign2,
      level3Legacy,
      { token: await workflowToken(RELEASED) },
      v02(generatorStatement()),
    );
    await attest(world.cosign, level2, { token: await workflowToken(OWN_WORKFLOW) }, v1(attestStatement()));
    const developer = await world.sigstore.emailToken('dev@acme.example');
    await attest(world.cosign, level1, { token: developer }, v1(attestStatement(SHARED_WORKFLOW)));
    await attest(
      world.cosign,
      foreign,
      { token: await workflowToken(RELEASED, 'evil/x') },
      v02(honestOf('evil/x')),
    );
    await attachUnsigned(unsigned);
    // Another Sigstore, with the very certificate that ours would have made.
    const json = aboutImage(attestStatement(SHARED_WORKFLOW), untrusted);
    const by = { by: certificateFor(githubSigner(SHARED_WORKFLOW)) };
    await attach(createSigstore({ name: 'strangers' }), untrusted, 'bundle', [{ json, by }]);
    await world.applied(
      {
        apiVersion: API_VERSION,
        kind: 'TrustRoot',
        metadata: { name: 'test-sigstore' },
        spec: { trustedRoot: world.sigstore.trustedRoot, proofs: { preset: 'Private' } },
      },
      signer('tekton-chains', chainsKey),
      slsaPolicy(mcp, L3),
    );
    await mcp.untilRefused(bare.reference, 'SLSA build level 0');
  }, 180_000);

  function push(name: string, mode: RegistryMode = 'referrers'): Promise<PushedImage> {
    return pushImage(world.registries[mode], `acme/${name}`, { tag: 'v1', content: name });
  }

  const v1 = (json: Json) => ({ type: 'slsaprovenance1', predicate: predicateOf(json) });
  const v02 = (json: Json) => ({ type: 'slsaprovenance02', predicate: predicateOf(json) });

  /** What GitHub tells Fulcio of a run, as the statements tell it. @param jobWorkflow the workflow that signs */
  function workflowToken(jobWorkflow: string, repository = 'acme/app'): Promise<string> {
    return world.sigstore.workflowToken({
      repository,
      workflow: 'release.yml',
      ref: 'refs/heads/main',
      jobWorkflowRef: jobWorkflow.replace('https://github.com/', ''),
      claims: {
        sha: COMMIT,
        workflow_sha: COMMIT,
        repository_id: '474793590',
        run_id: '2556669934',
        run_attempt: '1',
      },
    });
  }

  /** The generator's statement for another repository, and nothing in it that its certificate contradicts. */
  function honestOf(repository: string): Json {
    const [owner = ''] = repository.split('/');
    const source = `git+https://github.com/${repository}@refs/heads/main`;
    return [
      ['invocation.configSource.uri', source],
      ['invocation.environment.github_repository_owner', owner],
      ['materials.0.uri', source],
    ].reduce((json, [path, value]) => changed(json, `predicate.${path}`, value), generatorStatement());
  }

  /** As BuildKit would attach it: the statement in an envelope that nobody signed, and as it is. */
  async function attachUnsigned(image: PushedImage): Promise<void> {
    const payload = Buffer.from(JSON.stringify(aboutImage(attestStatement(SHARED_WORKFLOW), image)));
    const payloadType = 'application/vnd.in-toto+json';
    const envelope = { payloadType, payload: payload.toString('base64'), signatures: [] };
    await attachLayers(image, [
      { mediaType: 'application/vnd.dsse.envelope.v1+json', bytes: Buffer.from(JSON.stringify(envelope)) },
      { mediaType: payloadType, bytes: payload },
    ]);
  }

  function signer(name: string, { publicKeyPem }: KeyFiles): object {
    return {
      apiVersion: API_VERSION,
      kind: 'TrustedSigner',
      metadata: { name },
      spec: { publicKey: { pem: publicKeyPem } },
    };
  }

  function slsaPolicy({ namespace }: Tenant, slsa: object, spec: object = {}): object {
    return clusterPolicy(namespace, namespace, {
      requireSignature: false,
      trustRootRef: { name: 'test-sigstore' },
      slsa,
      ...spec,
    });
  }

  async function tenant(namespace: string): Promise<Tenant> {
    await world.cluster.createNamespace(namespace);
    return tenantOf(world, namespace);
  }

  const firstLine = (denial: string): string => denial.split('\n')[0] ?? '';

  describe('level 3 is required', () => {
    test('images of level 3 are admitted: a bundle of cosign 3, and .att of cosign 2', async () => {
      for (const { reference } of [images.level3, images.level3Legacy]) {
        await expect(mcp.admitted(reference)).resolves.toBeUndefined();
      }
    });

    test('level 2, level 1, none: each is refused with both levels in words', async () => {
      const said = async (image: PushedImage) => firstLine(await mcp.refused(image.reference));
      // A headline is cut like every verified field: what was found comes first, and "expected:" tells the rest.
      const starts = async (image: PushedImage, words: string) =>
        expect((await said(image)).slice(0, words.length)).toBe(words);
      await starts(
        images.level2,
        `Image ${images.level2.reference} has SLSA build level 2; policy "mcp" requires 3: builder ${OWN_WORKFLOW} gives level 2: a workflow of the source repository, and no reusable workflow of another one`,
      );
      await starts(
        images.level1,
        `Image ${images.level1.reference} has SLSA build level 1; policy "mcp" requires 3: builder ${SHARED_WORKFLOW} did not sign it: signed by dev@acme.example (issuer https://accounts.google.com)`,
      );
      expect(await said(images.bare)).toBe(
        `Image ${images.bare.reference} has SLSA build level 0; policy "mcp" requires 3: no SLSA provenance was found for it, and no verification summary.`,
      );
    });

    test('B19: provenance that nobody signed, and provenance that was signed under another root', async () => {
      for (const image of [images.unsigned, images.untrusted]) {
        const denial = await mcp.refused(image.reference);
        // What nobody signed was found and cannot be verified; what another root vouches for is no provenance here.
        const why =
          image === images.unsigned
            ? 'has no SLSA provenance that counts; policy "mcp" requires level 3: one that was found cannot be read.'
            : 'has SLSA build level 0; policy "mcp" requires 3: no SLSA provenance was found for it, and no verification summary.';
        expect(firstLine(denial)).toBe(`Image ${image.reference} ${why}`);
        if (image === images.untrusted) expect(denial).toContain('[CERT_INVALID]');
      }
    });

    test('B8: the trusted builder, called by a foreign repository', async () => {
      const denial = await mcp.refused(images.foreign.reference);
      expect(firstLine(denial)).toBe(
        `Image ${images.foreign.reference} has SLSA build level 3, which is enough for policy "mcp", but not what it asks for: source https://github.com/evil/x (owner 123456, repository 474793590); expected https://github.com/acme/*.`,
      );
      expect(denial).toContain('[SLSA_SOURCE]');
    });

    test('several images: each its own level in one answer', async () => {
      const { stderr } = await world.apply(
        pod(
          mcp.namespace,
          'several',
          images.level3.reference,
          images.level2.reference,
          images.bare.reference,
        ),
      );
      expect(stderr).toContain(
        `Image ${images.level2.reference} has SLSA build level 2; policy "mcp" requires 3`,
      );
      expect(stderr).toContain(
        `Image ${images.bare.reference} has SLSA build level 0; policy "mcp" requires 3`,
      );
      expect(stderr).toContain(`Verified: ${images.level3.reference}.`);
    });
  });

  test('B18: from level 2 to 3 and back: the next Pod is judged by the policy of now, with all that is remembered', async () => {
    const own = await tenant('levels');
    const policy = (requiredLevel: number) => slsaPolicy(own, { ...L3, requiredLevel });
    await world.applied(policy(2));
    await own.untilAdmitted(images.level2.reference);
    await own.untilRefused(images.level1.reference, 'requires 2');
    await own.admitted(images.level2.reference);
    await world.applied(policy(3));
    await own.untilRefused(images.level2.reference, [
      'has SLSA build level 2; policy "levels" requires 3',
      '[SLSA_LEVEL]',
    ]);
    await own.admitted(images.level3.reference);
    await world.applied(policy(1));
    await own.untilAdmitted(images.level2.reference);
    await world.applied(policy(2));
    await own.untilRefused(images.level1.reference, 'requires 2');
    await own.admitted(images.level2.reference);
  });

  describe('builders that sign with keys', () => {
    const builders = (level: number) => [{ id: TEKTON_BUILDER, level, signerRef: { name: 'tekton-chains' } }];

    test('cosign 3 and cosign 2 attest with the key that the policy names for the builder', async () => {
      const own = await tenant('chains');
      await world.applied(slsaPolicy(own, { ...L3, builders: builders(3) }));
      const [bundle, layer, stranger] = await Promise.all([
        push('chains'),
        push('chains-legacy', 'fallback'),
        push('stranger'),
      ]);
      await attest(world.cosign, bundle, { key: chainsKey }, v1(tektonV1Statement()));
      await attest(world.cosign2, layer, { key: chainsKey }, v1(tektonV1Statement()));
      await attest(world.cosign, stranger, { key: world.key }, v1(tektonV1Statement()));
      await own.untilAdmitted(bundle.reference);
      await own.admitted(bundle.reference);
      await own.admitted(layer.reference);
      // B7: another key, also where it may sign images.
      await world.applied(
        slsaPolicy(
          own,
          { ...L3, builders: builders(3) },
          {
            requireSignature: true,
            trustedKeys: [{ publicKey: { pem: world.key.publicKeyPem } }],
          },
        ),
      );
      await signWithKey(world.cosign, stranger, { key: world.key });
      await own.untilRefused(stranger.reference, 'has SLSA build level 0; policy "chains" requires 3');
      await own.untilRefused(bundle.reference, 'is not signed. Signature required.');
      await signWithKey(world.cosign, bundle, { key: world.key });
      await own.untilAdmitted(bundle.reference);
      await world.applied(slsaPolicy(own, { ...L3, builders: builders(2) }));
      await own.untilRefused(
        layer.reference,
        `has SLSA build level 2; policy "chains" requires 3: builder ${TEKTON_BUILDER} gives level 2: the policy says so`,
      );
    });

    test('a signer that is not there yet, there, disabled: the status and the next Pod say so', async () => {
      const own = await tenant('later');
      const image = await push('later');
      const key = await generateKeyPair(world.cosign, 'later');
      await attest(world.cosign, image, { key }, v1(tektonV1Statement()));
      await world.applied(
        slsaPolicy(own, {
          requiredLevel: 2,
          builders: [{ id: TEKTON_BUILDER, signerRef: { name: 'later' } }],
        }),
      );
      await own.untilRefused(image.reference, 'TrustedSigner "later"');
      await untilStatus(world, 'clustersigningpolicy', 'later', { ready: 'False', reason: 'NothingUsable' });
      await world.applied(signer('later', key));
      await own.untilAdmitted(image.reference);
      await untilStatus(world, 'clustersigningpolicy', 'later', {
        ready: 'True',
        reason: 'Valid',
        message: 'In force.',
      });
      await world.cluster.kubectl([
        'patch',
        'trustedsigner',
        'later',
        '--type=merge',
        '-p',
        '{"spec":{"enabled":false}}',
      ]);
      await own.untilRefused(image.reference, ['requires 2', 'SLSA build level 0']);
    });
  });

  test('B14: a verification summary of a trusted verifier stands for the builder', async () => {
    const own = await tenant('verified');
    const verifiers = [{ id: 'https://verifier.example.com', signerRef: { name: 'tekton-chains' } }];
    await world.applied(slsaPolicy(own, { requiredLevel: 3, verifiers }));
    const [good, failed, other] = await Promise.all([push('vsa'), push('vsa-failed'), push('vsa-other')]);
    const summary = (image: PushedImage, changes: object) =>
      attest(
        world.cosign,
        image,
        { key: chainsKey },
        {
          type: 'https://slsa.dev/verification_summary/v1',
          predicate: {
            ...(predicateOf(summaryStatement()) as object),
            resourceUri: `${image.registry.host}/${image.repository}`,
            timeVerified: new Date(Date.now() - 60_000).toISOString(),
            ...changes,
          },
        },
      );
    await summary(good, {});
    await summary(failed, { verificationResult: 'FAILED' });
    await summary(other, { resourceUri: 'ghcr.io/acme/server' });
    await own.untilAdmitted(good.reference);
    await own.admitted(good.reference);
    expect(await own.refused(failed.reference)).toContain(
      'its verificationResult is FAILED; expected PASSED [VSA_INVALID]',
    );
    expect(await own.refused(other.reference)).toContain(
      `it is about ghcr.io/acme/server; expected ${other.registry.host}/acme/vsa-other [VSA_INVALID]`,
    );
  });

  test('a scan must be there, and say what the policy asks: conditions in CEL', async () => {
    const own = await tenant('scanned');
    const type = 'https://scanner.example.com/report/v1';
    const message = 'No critical vulnerability is known';
    const policy = (cel: string) =>
      clusterPolicy(own.namespace, own.namespace, {
        requireSignature: false,
        trustRootRef: { name: 'test-sigstore' },
        attestations: [
          {
            predicateType: type,
            signers: [{ signerRef: { name: 'tekton-chains' } }],
            conditions: [{ cel, message }],
            maxAge: '30d',
          },
        ],
      });
    await world.applied(policy('predicate.vulnerabilities.all(v, v.severity != "CRITICAL")'));
    const [clean, critical, odd, unscanned] = await Promise.all(
      ['clean', 'critical', 'odd', 'unscanned'].map((name) => push(`scan-${name}`)),
    );
    if (!clean || !critical || !odd || !unscanned) throw new Error('an image is missing');
    const scan = (image: PushedImage, predicate: object) =>
      attest(world.cosign, image, { key: chainsKey }, { type, predicate });
    await scan(clean, { vulnerabilities: [{ id: 'CVE-2026-1', severity: 'LOW' }] });
    await scan(critical, { vulnerabilities: [{ id: 'CVE-2026-2', severity: 'CRITICAL' }] });
    await scan(odd, { findings: [] });
    await own.untilAdmitted(clean.reference);
    await own.admitted(clean.reference);
    expect(await own.refused(critical.reference)).toContain(message);
    expect(await own.refused(odd.reference)).toContain('[ATT_CONDITION]');
    expect(await own.refused(unscanned.reference)).toContain('[ATT_MISSING]');
    // B18: another condition over what is remembered.
    await world.applied(policy('size(predicate.vulnerabilities) == 0'));
    await own.untilRefused(clean.reference, '[ATT_CONDITION]');
    await world.applied(policy('predicate.vulnerabilities.all(v, v.severity != "CRITICAL")'));
    await own.untilAdmitted(clean.reference);
  });

  describe('what the API server takes for a policy', () => {
    const refused: readonly (readonly [string, object, RegExp])[] = [
      [
        'level 4',
        { requiredLevel: 4 },
        /spec\.slsa\.requiredLevel: Invalid value: 4: .*should be less than or equal to 3/,
      ],
      ['no level', { sources: L3.sources }, /spec\.slsa\.requiredLevel: Required value/],
      ['an empty list', { ...L3, builders: [] }, /spec\.slsa\.builders: .*should have at least 1 items/],
      [
        'white space in an id',
        { ...L3, builders: [{ id: 'https://a b' }] },
        /spec\.slsa\.builders\[0\]\.id: Invalid value: "https:\/\/a b"/,
      ],
      [
        'a source with two stars',
        { ...L3, sources: [{ uri: 'https://github.com/**' }] },
        /spec\.slsa\.sources\[0\]/,
      ],
      ['a source without a host', { ...L3, sources: [{ uri: 'acme/app' }] }, /spec\.slsa\.sources\[0\]/],
      ['a range that is none', { ...L3, refs: ['>=one'] }, /spec\.slsa\.refs\[0\]/],
      ['a duration without unit', { ...L3, maxAge: '30' }, /spec\.slsa\.maxAge: Invalid value: "30"/],
      ['a field of a newer version', { ...L3, level: 3 }, /unknown field "spec\.slsa\.level"/],
    ];
    test.each(refused)('not %s', async (_, slsa, said) => {
      const own: Tenant = { ...mcp, namespace: 'refused' };
      const { code, stderr } = await world.apply(slsaPolicy(own, slsa));
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(said) });
    });

    test('a good one, and its status', async () => {
      const expected = { ready: 'True', reason: 'Valid', message: 'In force.' };
      expect(await untilStatus(world, 'clustersigningpolicy', 'mcp', expected)).toMatchObject(expected);
    });
  });
}
