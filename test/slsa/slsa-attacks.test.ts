import { describe, expect, test } from '@jest/globals';
import { parseRefPattern, parseTagPattern } from '../../src/slsa/ref-pattern.ts';
import type { SlsaCandidate } from '../../src/slsa/slsa-candidate.ts';
import type { BuilderRule } from '../../src/slsa/slsa-policy.ts';
import {
  attestStatement,
  builder,
  candidate,
  changed,
  CLOUD_BUILD,
  COMMIT,
  DAY,
  DELEGATOR,
  delegatorStatement,
  DEVELOPER,
  GENERATOR,
  generatorStatement,
  githubSigner,
  gitlabSigner,
  gitlabV1Statement,
  GITLAB_SOURCE,
  googleV01Statement,
  googleV1Statement,
  IMAGE,
  KEY,
  NODEJS,
  NOW,
  OTHER_DIGEST,
  OWN_WORKFLOW,
  RELEASED,
  SHARED_WORKFLOW,
  SIGNED,
  SOURCE,
  TEKTON_BUILDER,
  tektonV1Statement,
  unknownStatement,
  type Json,
} from './statements.ts';
import {
  judge,
  codes,
  ACME,
  CHAINS,
  byChains,
  byGoogle,
  byGenerator,
  GOLD,
  GOLD_POLICY,
  type Signer,
} from './judgements.ts';

describe('attacks', () => {
  test('B1: another statement is no provenance, and none is missing provenance', () => {
    expect(codes(judge(GOLD_POLICY, GOLD))).toEqual([]);
    expect(codes(judge(GOLD_POLICY))).toEqual(['ATT_MISSING']);
  });

  test('B3, B4: the digest is among the subjects, and nowhere else', () => {
    const wrong = (digests: readonly string[]) => codes(judge(GOLD_POLICY, { ...GOLD, digests }));
    expect(wrong([OTHER_DIGEST, IMAGE.digest])).toEqual([]);
    for (const digests of [
      [],
      [OTHER_DIGEST],
      [IMAGE.digest.slice(7)],
      [IMAGE.digest.toUpperCase()],
      [IMAGE.digest.slice(0, -1)],
      [`${IMAGE.digest}0`],
    ]) {
      expect(wrong(digests)).toEqual(['DIGEST_MISMATCH']);
    }
    const dependency = { uri: IMAGE.name, digest: { sha256: IMAGE.digest.slice(7) } };
    const elsewhere = changed(attestStatement(), 'predicate.buildDefinition.resolvedDependencies', [
      dependency,
    ]);
    expect(codes(judge({ requiredLevel: 1 }, candidate(elsewhere)))).toEqual([]);
    expect(codes(judge({ requiredLevel: 1 }, candidate(elsewhere, { digests: [OTHER_DIGEST] })))).toEqual([
      'DIGEST_MISMATCH',
    ]);
  });

  const notTheBuilder: readonly (readonly [string, Signer])[] = [
    ['a developer', DEVELOPER],
    ['a key', KEY],
    ["the caller's workflow", githubSigner(OWN_WORKFLOW)],
    [
      'a workflow of the same name elsewhere',
      githubSigner(RELEASED.replace('slsa-framework', 'slsa-framew0rk')),
    ],
    [
      'another issuer',
      { ...githubSigner(RELEASED), issuer: 'https://token.actions.githubusercontent.com.evil.example' },
    ],
    [
      'the issuer of an enterprise',
      { ...githubSigner(RELEASED), issuer: 'https://token.actions.githubusercontent.com/acme' },
    ],
    [
      'a corporate authority',
      { ...githubSigner(RELEASED), issuer: 'CN=https://token.actions.githubusercontent.com' },
    ],
    ['another builder in the extensions', githubSigner(RELEASED, { buildSignerURI: OWN_WORKFLOW })],
    ['an e-mail address', { ...githubSigner(RELEASED), names: [{ type: 'email', value: RELEASED }] }],
    [
      'two names',
      {
        ...githubSigner(RELEASED),
        names: [
          { type: 'uri', value: RELEASED },
          { type: 'uri', value: OWN_WORKFLOW },
        ],
      },
    ],
    ['no name', { ...githubSigner(RELEASED), names: [] }],
  ];
  test.each(notTheBuilder)('B7: the builder that it names did not sign it, but %s', (_, signer) => {
    for (const rules of [GOLD_POLICY, { ...GOLD_POLICY, requiredLevel: 1 as const }, {}]) {
      expect(codes(judge(rules, GOLD))).toEqual([]);
      const refused = codes(judge({ ...rules, sources: [] }, { ...GOLD, signer }));
      expect(refused).toEqual(['SLSA_BUILDER']);
    }
  });

  test("B7: another trust root's certificate speaks for no platform, whatever its issuer says; for its TrustedSigner it does", () => {
    const foreign = { ...GOLD, isPlatform: false };
    for (const rules of [GOLD_POLICY, { requiredLevel: 2 as const }]) {
      expect(codes(judge(rules, GOLD))).toEqual([]);
      expect(codes(judge(rules, foreign))).toContain('SLSA_BUILDER');
    }
    // Nor does it say anything about the source on its own account.
    expect(codes(judge({ requiredLevel: 1, sources: GOLD_POLICY.sources ?? [] }, GOLD))).toEqual([]);
    expect(codes(judge({ requiredLevel: 1, sources: GOLD_POLICY.sources ?? [] }, foreign))).toEqual([
      'SLSA_SOURCE',
    ]);
    const named = { ...GOLD_POLICY, builders: [builder(GENERATOR, { signerRef: 'corp' })] };
    expect(codes(judge(named, { ...foreign, signerRefs: new Set(['corp']) }))).toEqual([]);
  });

  test('B7: a builder with a signerRef is spoken for by that signer only, not by its certificate, not by trustedKeys', () => {
    const rules = { requiredLevel: 2 as const, builders: [CHAINS] };
    const signed = (changes: Partial<SlsaCandidate>) =>
      codes(judge(rules, candidate(tektonV1Statement(), changes)));
    expect(signed(byChains)).toEqual([]);
    expect(signed({ ...byChains, signerRefs: new Set() })).toEqual(['SLSA_BUILDER']);
    expect(signed({ ...byChains, signerRefs: new Set(['release-ci']) })).toEqual(['SLSA_BUILDER']);
    const own = { ...GOLD_POLICY, builders: [builder(GENERATOR, { signerRef: 'tekton-chains' })] };
    expect(codes(judge(own, GOLD))).toEqual(['SLSA_BUILDER']);
    expect(codes(judge(own, { ...GOLD, signerRefs: new Set(['tekton-chains']) }))).toEqual([]);
    // Nor does a signer of one builder speak for another.
    const two = {
      requiredLevel: 2 as const,
      builders: [CHAINS, builder(CLOUD_BUILD, { signerRef: 'cloud-build' })],
    };
    expect(codes(judge(two, candidate(googleV1Statement(), byGoogle)))).toEqual([]);
    expect(codes(judge(two, candidate(googleV1Statement(), byChains)))).toEqual(['SLSA_BUILDER']);
  });

  test('B7: only a released delegator speaks for a builder that is not its own', () => {
    const by = (workflow: string) =>
      codes(judge({}, candidate(delegatorStatement(), { signer: githubSigner(workflow) })));
    expect(by(DELEGATOR)).toEqual([]);
    expect(by(DELEGATOR.replace('v2.1.0', 'v2.1.0-rc1'))).toEqual(['SLSA_BUILDER']);
    expect(by(DELEGATOR.replace('refs/tags/v2.1.0', 'refs/heads/main'))).toEqual(['SLSA_BUILDER']);
    expect(by(DELEGATOR.replace('slsa-framework', 'evil'))).toEqual(['SLSA_BUILDER']);
    expect(by(RELEASED)).toEqual(['SLSA_BUILDER']);
    for (const id of ['https://ci.example.com', NODEJS.split('@')[0]]) {
      const odd = candidate(delegatorStatement(id), { signer: githubSigner(DELEGATOR) });
      expect(codes(judge({ requiredLevel: 2 }, odd))).toEqual(['SLSA_BUILDER']);
    }
    // Nor does a delegator speak for a builder in a predicate of another build type.
    const foreign = candidate(attestStatement(NODEJS), { signer: githubSigner(DELEGATOR) });
    expect(codes(judge({}, foreign))).toEqual(['SLSA_BUILDER']);
  });

  test('B7: GitLab signs for runners of its own project and group', () => {
    const by = (id: string, signer: Signer = gitlabSigner()) => {
      const json = changed(gitlabV1Statement(), 'predicate.runDetails.builder.id', id);
      return codes(judge({ requiredLevel: 2 }, candidate(json, { signer })));
    };
    expect(by(`${GITLAB_SOURCE}/-/runners/1`)).toEqual([]);
    expect(by('https://gitlab.com/groups/acme/tools/-/runners/1')).toEqual([]);
    for (const id of [
      'https://gitlab.com/evil/x/-/runners/1',
      'https://gitlab.com/groups/acme/-/runners/1',
      `${GITLAB_SOURCE}/-/runners/x`,
      `${GITLAB_SOURCE}/-/runners/1/`,
      `${GITLAB_SOURCE}`,
    ]) {
      expect(by(id)).toEqual(['SLSA_BUILDER']);
    }
    const elsewhere = { ...gitlabSigner(), issuer: 'https://gitlab.example.com' };
    expect(by(`${GITLAB_SOURCE}/-/runners/1`, elsewhere)).toEqual(['SLSA_BUILDER']);
    const foreign = gitlabSigner({ buildSignerURI: 'https://gitlab.com/x/y//ci.yml@refs/heads/main' });
    expect(by(`${GITLAB_SOURCE}/-/runners/1`, foreign)).toEqual(['SLSA_BUILDER']);
  });

  test('B8: a trusted reusable workflow that a foreign repository called', () => {
    const foreign = githubSigner(RELEASED, { sourceRepositoryURI: 'https://github.com/evil/x' });
    const outcome = judge(GOLD_POLICY, { ...GOLD, signer: foreign });
    expect(codes(outcome)).toEqual(['SLSA_SOURCE']);
    expect(outcome).toMatchObject({
      violations: [
        {
          detail: `predicate.invocation.configSource.uri says ${SOURCE}, and the certificate's sourceRepositoryURI says https://github.com/evil/x`,
        },
      ],
    });
    // And one whose predicate says so honestly.
    const honest = [
      ['invocation.configSource.uri', 'git+https://github.com/evil/x@refs/heads/main'],
      ['materials.0.uri', 'git+https://github.com/evil/x@refs/heads/main'],
      ['invocation.configSource.entryPoint', 'Release'],
    ].reduce((json, [path, value]) => changed(json, `predicate.${path}`, value), generatorStatement());
    expect(codes(judge({ ...GOLD_POLICY, sources: [] }, candidate(honest, { signer: foreign })))).toEqual([]);
    expect(codes(judge(GOLD_POLICY, candidate(honest, { signer: foreign })))).toEqual(['SLSA_SOURCE']);
  });

  test.each([
    ['a longer file', `${GENERATOR}.evil@refs/tags/v2.1.0`],
    ['another file', RELEASED.replace('generator_container', 'builder_evil')],
    ['another case', RELEASED.replace('slsa-framework', 'SLSA-framework')],
    ['a moving tag', `${GENERATOR}@refs/tags/v2`],
    ['another version', `${GENERATOR}@refs/tags/v1.10.0`],
    ['a version that starts alike', `${GENERATOR}@refs/tags/v20.0.0`],
    ['a branch', `${GENERATOR}@refs/heads/main`],
    ['a branch named like the tag', `${GENERATOR}@refs/heads/refs/tags/v2.1.0`],
    ['no version', GENERATOR],
    ['an empty version', `${GENERATOR}@`],
    ['two versions', `${GENERATOR}@refs/tags/v2.1.0@refs/heads/main`],
    ['two versions, the good one last', `${GENERATOR}@refs/heads/main@refs/tags/v2.1.0`],
    ['nothing', ''],
  ])('B9: a builder that is nearly the right one: %s', (_, id) => {
    expect(codes(judge(GOLD_POLICY, GOLD))).toEqual([]);
    const type = 'https://github.com/slsa-framework/slsa-github-generator/container@v1';
    const near = candidate(generatorStatement(type, id), { signer: githubSigner(id) });
    expect(codes(judge(GOLD_POLICY, near))).toContain('SLSA_BUILDER');
  });

  test('B9: the name of a builder is no prefix', () => {
    const by = (id: string) => {
      const json = changed(tektonV1Statement(), 'predicate.runDetails.builder.id', id);
      return codes(judge({ requiredLevel: 2, builders: [CHAINS] }, candidate(json, byChains)));
    };
    expect(by(TEKTON_BUILDER)).toEqual([]);
    expect(by(`${TEKTON_BUILDER}@v1`)).toEqual([]);
    expect(by(`${TEKTON_BUILDER}-evil`)).toEqual(['SLSA_BUILDER']);
    expect(by(`${TEKTON_BUILDER}/`)).toEqual(['SLSA_BUILDER']);
    expect(by('https://tekton.example.com')).toEqual(['SLSA_BUILDER']);
  });

  test('B9: a policy that names no versions takes those of the roster', () => {
    const type = 'https://github.com/slsa-framework/slsa-github-generator/container@v1';
    const at = (ref: string) => {
      const id = `${GENERATOR}@${ref}`;
      const json = generatorStatement(type, id);
      return codes(
        judge(
          { builders: [builder(GENERATOR, { level: 3 })] },
          candidate(json, { signer: githubSigner(id) }),
        ),
      );
    };
    expect(at('refs/tags/v1.2.0')).toEqual([]);
    expect(at('refs/heads/main')).toEqual(['SLSA_BUILDER']);
    // One that names others takes these, and the roster gives them no level of its own.
    const odd = changed(googleV01Statement(), 'predicate.builder.id', `${CLOUD_BUILD}@v9`);
    const rule = { signerRef: 'cloud-build', refs: [parseRefPattern('v9')] };
    const level = (changes: Partial<BuilderRule>) =>
      codes(judge({ builders: [builder(CLOUD_BUILD, { ...rule, ...changes })] }, candidate(odd, byGoogle)));
    expect(level({ level: 3 })).toEqual([]);
    expect(level({})).toEqual(['SLSA_LEVEL']);
  });

  test('B9: only artifact attestations may leave out the version, and a version may hold an @', () => {
    const type = 'https://github.com/slsa-framework/slsa-github-generator/container@v1';
    expect(codes(judge({}, candidate(generatorStatement(type, RELEASED), byGenerator)))).toEqual([]);
    expect(codes(judge({}, candidate(generatorStatement(type, GENERATOR), byGenerator)))).toEqual([
      'SLSA_BUILDER',
    ]);
    const [name] = SHARED_WORKFLOW.split('@');
    const workflow = `${name}@refs/tags/build@1.0.0`;
    const tagged = candidate(attestStatement(workflow), { signer: githubSigner(workflow) });
    const refs = [parseRefPattern('refs/tags/build@*')];
    expect(codes(judge({ builders: [builder(`${name}`, { refs })] }, tagged))).toEqual([]);
    expect(codes(judge({ builders: [builder(workflow)] }, tagged))).toEqual([]);
    expect(codes(judge({ builders: [builder(`${name}@1.0.0`)] }, tagged))).toEqual(['SLSA_BUILDER']);
  });

  test('B9: without a policy of its own, the roster takes released versions only', () => {
    const type = 'https://github.com/slsa-framework/slsa-github-generator/container@v1';
    const at = (ref: string) => {
      const id = `${GENERATOR}@${ref}`;
      return codes(judge({}, candidate(generatorStatement(type, id), { signer: githubSigner(id) })));
    };
    expect(at('refs/tags/v1.2.0')).toEqual([]);
    for (const ref of [
      'refs/tags/v1',
      'refs/tags/v1.0.0-rc1',
      'refs/tags/v0.9.0',
      'refs/heads/main',
      'refs/heads/v1.2.0',
      COMMIT,
    ]) {
      expect(at(ref)).toEqual(['SLSA_BUILDER']);
    }
    const id = `${GENERATOR}@refs/heads/main`;
    const outcome = judge(
      { requiredLevel: 1 },
      candidate(generatorStatement(type, id), { signer: githubSigner(id) }),
    );
    expect(outcome).toMatchObject({ kind: 'verified', best: { level: 1 } });
  });

  test('B11: a branch offered as a tag', () => {
    const at = (ref: string) => {
      const json = [
        'predicate.invocation.configSource.uri',
        'predicate.materials.0.uri',
        'predicate.invocation.environment.github_ref',
      ].reduce(
        (copy, path) => changed(copy, path, path.endsWith('uri') ? `git+${SOURCE}@${ref}` : ref),
        generatorStatement(),
      );
      const signer = githubSigner(RELEASED, { sourceRepositoryRef: ref });
      return codes(judge({ ...GOLD_POLICY, refs: [parseTagPattern('v1.0.0')] }, candidate(json, { signer })));
    };
    expect(at('refs/tags/v1.0.0')).toEqual([]);
    for (const ref of [
      'refs/heads/v1.0.0',
      'refs/heads/refs/tags/v1.0.0',
      'refs/tags/v1.0.00',
      'refs/tags/V1.0.0',
      'refs/tags/v1',
      'v1.0.0',
    ]) {
      expect(at(ref)).toEqual(['SLSA_REF']);
    }
  });

  test.each([
    ['the repository', 'sourceRepositoryURI', 'https://github.com/acme/other', 'SLSA_SOURCE'],
    ['a repository that is none', 'sourceRepositoryURI', 'github.com/acme/app', 'SLSA_SOURCE'],
    ['its id', 'sourceRepositoryID', '1', 'SLSA_SOURCE'],
    ['the owner', 'sourceRepositoryOwnerURI', 'https://github.com/evil', 'SLSA_SOURCE'],
    ["the owner's id", 'sourceRepositoryOwnerID', '1', 'SLSA_SOURCE'],
    ['the ref', 'sourceRepositoryRef', 'refs/heads/evil', 'SLSA_SOURCE'],
    ['the commit', 'sourceRepositoryDigest', 'e0'.repeat(20), 'SLSA_SOURCE'],
    ['the workflow', 'buildConfigURI', `${SOURCE}/.github/workflows/evil.yml@refs/heads/main`, 'SLSA_SOURCE'],
    [
      "another repository's workflow",
      'buildConfigURI',
      OWN_WORKFLOW.replace('acme/app', 'evil/x'),
      'SLSA_SOURCE',
    ],
    ['the run', 'runInvocationURI', `${SOURCE}/actions/runs/1/attempts/1`, 'SLSA_SOURCE'],
    ['the attempt', 'runInvocationURI', `${SOURCE}/actions/runs/2556669934/attempts/2`, 'SLSA_SOURCE'],
    ['the trigger', 'buildTrigger', 'pull_request', 'SLSA_TRIGGER'],
  ])('B12: the certificate says otherwise about %s', (_, extension, value, code) => {
    const forms: readonly (readonly [Json, string])[] = [
      [generatorStatement(), RELEASED],
      [attestStatement(SHARED_WORKFLOW), SHARED_WORKFLOW],
    ];
    for (const [json, workflow] of forms) {
      // An artifact attestation does not name its owner.
      if (extension === 'sourceRepositoryOwnerURI' && workflow === SHARED_WORKFLOW) continue;
      const by = (signer: Signer) => judge({ requiredLevel: 1 }, candidate(json, { signer }));
      expect(codes(by(githubSigner(workflow)))).toEqual([]);
      const outcome = by(githubSigner(workflow, { [extension]: value }));
      expect(codes(outcome)).toEqual([code]);
      expect(outcome).toMatchObject({ nearest: { level: 0 } });
      expect(JSON.stringify(outcome)).toContain(`certificate's ${extension} says ${value}`);
    }
  });

  test('B12: a certificate may name the algorithm of its commit', () => {
    const by = (digest: string) =>
      codes(
        judge(
          {},
          candidate(generatorStatement(), {
            signer: githubSigner(RELEASED, { sourceRepositoryDigest: digest }),
          }),
        ),
      );
    expect(by(`sha1:${COMMIT}`)).toEqual([]);
    expect(by(`sha1:${'e0'.repeat(20)}`)).toEqual(['SLSA_SOURCE']);
  });

  test('B12: every place of a predicate is held against the certificate', () => {
    const evil: readonly (readonly [Json, string, unknown, string])[] = [
      [generatorStatement(), RELEASED, 'evil', 'predicate.invocation.environment.github_event_name'],
      [generatorStatement(), RELEASED, 'refs/heads/evil', 'predicate.invocation.environment.github_ref'],
      [generatorStatement(), RELEASED, 'e0'.repeat(20), 'predicate.invocation.environment.github_sha1'],
      [generatorStatement(), RELEASED, '7', 'predicate.invocation.environment.github_run_id'],
      [generatorStatement(), RELEASED, '7-1', 'predicate.metadata.buildInvocationID'],
      [generatorStatement(), RELEASED, 'e0'.repeat(20), 'predicate.invocation.configSource.digest.sha1'],
      [
        attestStatement(),
        OWN_WORKFLOW,
        'self-hosted',
        'predicate.buildDefinition.internalParameters.github.runner_environment',
      ],
      [
        attestStatement(),
        OWN_WORKFLOW,
        '1',
        'predicate.buildDefinition.internalParameters.github.repository_id',
      ],
      [
        attestStatement(),
        OWN_WORKFLOW,
        'https://github.com/evil/x',
        'predicate.buildDefinition.externalParameters.workflow.repository',
      ],
      [
        attestStatement(),
        OWN_WORKFLOW,
        'refs/heads/evil',
        'predicate.buildDefinition.externalParameters.workflow.ref',
      ],
      [
        attestStatement(),
        OWN_WORKFLOW,
        '.github/workflows/evil.yml',
        'predicate.buildDefinition.externalParameters.workflow.path',
      ],
      [
        attestStatement(),
        OWN_WORKFLOW,
        `${SOURCE}/actions/runs/1/attempts/1`,
        'predicate.runDetails.metadata.invocationId',
      ],
      [
        attestStatement(),
        OWN_WORKFLOW,
        `git+${SOURCE}@refs/heads/evil`,
        'predicate.buildDefinition.resolvedDependencies.0.uri',
      ],
      [
        attestStatement(),
        OWN_WORKFLOW,
        'e0'.repeat(20),
        'predicate.buildDefinition.resolvedDependencies.0.digest.gitCommit',
      ],
      [
        delegatorStatement(),
        DELEGATOR,
        'refs/heads/evil',
        'predicate.buildDefinition.internalParameters.GITHUB_REF',
      ],
      [delegatorStatement(), DELEGATOR, '7', 'predicate.buildDefinition.internalParameters.GITHUB_RUN_ID'],
    ];
    for (const [json, workflow, value, path] of evil) {
      const by = (statement: Json) =>
        judge({ requiredLevel: 1 }, candidate(statement, { signer: githubSigner(workflow) }));
      expect(codes(by(json))).toEqual([]);
      const outcome = by(changed(json, path, value));
      expect([path, outcome.kind]).toEqual([path, 'violated']);
      expect(JSON.stringify(outcome)).toContain(`${path.replace('.0.', '[0].')} says`);
    }
  });

  test('B12: where the certificate says nothing, the word of a workflow counts for nothing', () => {
    const { sourceRepositoryURI: _, ...extensions } = githubSigner(RELEASED).extensions;
    const silent = { ...githubSigner(RELEASED), extensions: { ...extensions, buildConfigURI: SOURCE } };
    const json = changed(generatorStatement(), 'predicate.invocation.configSource.entryPoint', 'Release');
    expect(codes(judge({ requiredLevel: 3 }, candidate(json, { signer: silent })))).toEqual([]);
    expect(codes(judge({ requiredLevel: 3, sources: ACME }, candidate(json, { signer: silent })))).toEqual([
      'SLSA_SOURCE',
    ]);
    expect(codes(judge({ requiredLevel: 3, sources: ACME }, candidate(json, byGenerator)))).toEqual([]);
  });

  test('B12: the source of a predicate that its signer may not speak for counts for nothing', () => {
    const rules = { requiredLevel: 1 as const, sources: ACME };
    expect(codes(judge(rules, GOLD))).toEqual([]);
    // Another platform's certificate may carry the extensions of the repository that it would like to be.
    const posing = { ...githubSigner(RELEASED), issuer: 'https://oidc.evil.example' };
    for (const signer of [DEVELOPER, KEY, posing]) {
      expect(codes(judge(rules, { ...GOLD, signer }))).toEqual(['SLSA_SOURCE']);
    }
  });

  test('B15: any one good statement suffices, in any order; nothing is put together from two', () => {
    const bad: readonly SlsaCandidate[] = [
      candidate(generatorStatement(), { signer: DEVELOPER }),
      candidate({ ...generatorStatement(), predicate: {} }, byGenerator),
      { ...GOLD, digests: [OTHER_DIGEST] },
    ];
    expect(codes(judge(GOLD_POLICY, ...bad, GOLD))).toEqual([]);
    expect(codes(judge(GOLD_POLICY, GOLD, ...bad))).toEqual([]);
    const refused = codes(judge(GOLD_POLICY, ...bad));
    expect(refused).toEqual(['SLSA_BUILDER', 'SLSA_SOURCE', 'DIGEST_MISMATCH', 'MALFORMED']);
    expect(codes(judge(GOLD_POLICY, ...bad.toReversed()))).toEqual(refused);
    // Level of one, source of the other.
    const foreign = githubSigner(RELEASED, {
      sourceRepositoryURI: 'https://github.com/evil/x',
      buildConfigURI: OWN_WORKFLOW.replace('acme/app', 'evil/x'),
    });
    const leveled = candidate(unknownTypeBy(RELEASED), { signer: foreign });
    const sourced = candidate(attestStatement());
    expect(codes(judge({ requiredLevel: 3 }, leveled))).toEqual([]);
    expect(codes(judge({ requiredLevel: 2, sources: ACME }, sourced))).toEqual([]);
    expect(codes(judge({ requiredLevel: 3, sources: ACME }, leveled, sourced))).toEqual([
      'SLSA_SOURCE',
      'SLSA_LEVEL',
    ]);
  });

  test('B16: ages are by trusted time, and by the earliest', () => {
    const aged = (times: readonly number[], maxAge: number | undefined = 30 * DAY) =>
      codes(judge({ ...GOLD_POLICY, maxAge }, { ...GOLD, times }));
    expect(aged([NOW - 30 * DAY])).toEqual([]);
    expect(aged([NOW - 30 * DAY - 1])).toEqual(['ATT_STALE']);
    expect(aged([NOW - 400 * DAY, NOW])).toEqual(['ATT_STALE']);
    expect(aged([])).toEqual(['ATT_STALE']);
    expect(aged([NOW + DAY])).toEqual(['ATT_STALE']);
    expect(codes(judge({ ...GOLD_POLICY }, { ...GOLD, times: [NOW + DAY] }))).toEqual(['ATT_STALE']);
    expect(codes(judge({ ...GOLD_POLICY }, { ...GOLD, times: [] }))).toEqual([]);
    // What the statement says of itself makes it no younger.
    const claims = changed(
      generatorStatement(),
      'predicate.metadata.buildFinishedOn',
      '2026-11-22T11:59:00Z',
    );
    const old = candidate(claims, { ...byGenerator, times: [NOW - 400 * DAY] });
    expect(codes(judge({ ...GOLD_POLICY, maxAge: 30 * DAY }, old))).toEqual(['ATT_STALE']);
    expect(SIGNED).toBeLessThan(NOW);
  });
});

function unknownTypeBy(builderId: string): Json {
  return changed(unknownStatement(), 'predicate.runDetails.builder.id', builderId);
}
