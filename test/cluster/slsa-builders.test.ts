import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import {
  attestStatement,
  buildkitV1Statement,
  changed,
  CLOUD_BUILD,
  DELEGATOR,
  delegatorStatement,
  DEVELOPER,
  GENERATOR,
  generatorStatement,
  githubSigner,
  GITLAB_SOURCE,
  gitlabSigner,
  gitlabV02Statement,
  gitlabV1Statement,
  googleStepsStatement,
  googleV01Statement,
  googleV1Statement,
  NODEJS,
  OWN_WORKFLOW,
  RELEASED,
  SHARED_WORKFLOW,
  SOURCE,
  summaryStatement,
  TEKTON_BUILDER,
  tektonV02Statement,
  tektonV1Statement,
  unknownStatement,
  witnessStatement,
  type Json,
} from '../slsa/statements.ts';
import { oldLeaf } from '../support/provenance.ts';
import { codesOf, SlsaJudge, STORAGES, type Author } from './slsa-judge.ts';

/**
 * Statements of every build type in the shapes of their public documents, signed under the tests' own Fulcio with the extensions that
 * Fulcio would write (or with a key), in real registries and all forms × policies → level, builder, source. docs/slsa-builders.md is this.
 */
let judge: SlsaJudge;
beforeAll(async () => {
  judge = await SlsaJudge.start();
}, 60_000);
afterAll(() => judge.stop());

interface Row {
  readonly what: string;
  readonly json: Json;
  readonly by: Author;
  /** As the page tells it. */
  readonly signer: string;
  /** `slsa` of the policy, but for its level. */
  readonly slsa: object;
  /** 0: nothing counts as provenance. */
  readonly level: 0 | 1 | 2 | 3;
  readonly builder: string | undefined;
  readonly source: string | undefined;
}

const SHARED = 'https://github.com/acme/shared/.github/workflows/build.yml';
const SHARED_BRANCH = `${SHARED}@refs/heads/main`;
const OLD_RELEASE = `${GENERATOR}@refs/tags/v1.4.0`;
const ENTERPRISE = 'https://token.actions.githubusercontent.com/acme-corp';
const container = 'https://github.com/slsa-framework/slsa-github-generator/container@v1';
const community = 'https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1';
const self = { runnerEnvironment: 'self-hosted' };
const chains = (more: object = {}) => ({
  builders: [{ id: TEKTON_BUILDER, signerRef: { name: 'tekton-chains' }, ...more }],
});
const cloudBuild = { builders: [{ id: CLOUD_BUILD, signerRef: { name: 'cloud-build' } }] };
const byChainsKey = { by: 'tekton-chains', signer: 'the key of TrustedSigner `tekton-chains`' } as const;
const byGoogleKey = { by: 'cloud-build', signer: 'the key of TrustedSigner `cloud-build`' } as const;
const workflow = (uri: string, extensions: Readonly<Record<string, string>> = {}) => ({
  by: githubSigner(uri, extensions),
  signer: `GitHub: \`${short(uri)}\`${extensions === self ? ', self-hosted' : ''}`,
});
const gitlab = (extensions: Readonly<Record<string, string>> = {}) => ({
  by: gitlabSigner(extensions),
  signer: `GitLab: \`.gitlab-ci.yml\`${extensions === self ? ', self-hosted' : ''}`,
});
const evil = githubSigner(RELEASED, {
  sourceRepositoryURI: 'https://github.com/evil/x',
  sourceRepositoryOwnerURI: 'https://github.com/evil',
  buildConfigURI: OWN_WORKFLOW.replace('acme/app', 'evil/x'),
});

const ROWS: readonly Row[] = [
  {
    what: 'slsa-github-generator, container (v0.2)',
    json: generatorStatement(container),
    ...workflow(RELEASED),
    slsa: {},
    level: 3,
    builder: RELEASED,
    source: SOURCE,
  },
  {
    what: 'the same on a runner of its own',
    json: generatorStatement(container),
    ...workflow(RELEASED, self),
    slsa: {},
    level: 1,
    builder: RELEASED,
    source: SOURCE,
  },
  {
    what: 'the same from a branch of the generator',
    json: generatorStatement(container, `${GENERATOR}@refs/heads/main`),
    ...workflow(`${GENERATOR}@refs/heads/main`),
    slsa: {},
    level: 1,
    builder: `${GENERATOR}@refs/heads/main`,
    source: SOURCE,
  },
  {
    what: 'slsa-github-generator 1.4, certificate of before 2023',
    json: generatorStatement(container, OLD_RELEASE),
    by: { leaf: oldLeaf(OLD_RELEASE) },
    signer: `GitHub: \`${short(OLD_RELEASE)}\``,
    slsa: {},
    level: 3,
    builder: OLD_RELEASE,
    source: SOURCE,
  },
  {
    what: 'slsa-github-generator, delegator (v1)',
    json: delegatorStatement(),
    ...workflow(DELEGATOR),
    slsa: {},
    level: 3,
    builder: NODEJS,
    source: SOURCE,
  },
  {
    what: 'the same for a builder that nobody lists',
    json: delegatorStatement(SHARED_WORKFLOW),
    ...workflow(DELEGATOR),
    slsa: {},
    level: 2,
    builder: SHARED_WORKFLOW,
    source: SOURCE,
  },
  {
    what: 'GitHub artifact attestation (v1)',
    json: attestStatement(),
    ...workflow(OWN_WORKFLOW),
    slsa: {},
    level: 2,
    builder: OWN_WORKFLOW,
    source: SOURCE,
  },
  {
    what: 'the same on a runner of its own',
    json: changed(
      attestStatement(),
      'predicate.buildDefinition.internalParameters.github.runner_environment',
      'self-hosted',
    ),
    ...workflow(OWN_WORKFLOW, self),
    slsa: {},
    level: 1,
    builder: OWN_WORKFLOW,
    source: SOURCE,
  },
  {
    what: 'GitHub artifact attestation from a reusable workflow of the owner',
    json: attestStatement(SHARED_WORKFLOW),
    ...workflow(SHARED_WORKFLOW),
    slsa: {},
    level: 3,
    builder: SHARED_WORKFLOW,
    source: SOURCE,
  },
  {
    what: 'the same at a branch of the reusable workflow',
    json: attestStatement(SHARED_BRANCH),
    ...workflow(SHARED_BRANCH),
    slsa: {},
    level: 2,
    builder: SHARED_BRANCH,
    source: SOURCE,
  },
  {
    what: 'the same, and the policy names the branch',
    json: attestStatement(SHARED_BRANCH),
    ...workflow(SHARED_BRANCH),
    slsa: { builders: [{ id: SHARED, refs: ['refs/heads/main'], level: 3 }] },
    level: 3,
    builder: SHARED_BRANCH,
    source: SOURCE,
  },
  {
    what: 'GitHub artifact attestation of an enterprise with an issuer of its own',
    json: attestStatement(SHARED_WORKFLOW),
    by: { ...githubSigner(SHARED_WORKFLOW), issuer: ENTERPRISE },
    signer: `GitHub (\`…/acme-corp\`): \`${short(SHARED_WORKFLOW)}\``,
    slsa: { githubIssuers: [ENTERPRISE] },
    level: 3,
    builder: SHARED_WORKFLOW,
    source: SOURCE,
  },
  {
    what: 'the same, and the policy does not name the issuer',
    json: attestStatement(SHARED_WORKFLOW),
    by: { ...githubSigner(SHARED_WORKFLOW), issuer: ENTERPRISE },
    signer: `GitHub (\`…/acme-corp\`): \`${short(SHARED_WORKFLOW)}\``,
    slsa: {},
    level: 1,
    builder: SHARED_WORKFLOW,
    source: undefined,
  },
  {
    what: 'GitHub Actions, community build type (v1)',
    json: attestStatement(OWN_WORKFLOW, community),
    ...workflow(OWN_WORKFLOW),
    slsa: {},
    level: 2,
    builder: OWN_WORKFLOW,
    source: SOURCE,
  },
  {
    what: 'Google Cloud Build (v1)',
    json: googleV1Statement(),
    ...byGoogleKey,
    slsa: cloudBuild,
    level: 3,
    builder: CLOUD_BUILD,
    source: SOURCE,
  },
  {
    what: 'Google Cloud Build (v0.1)',
    json: googleV01Statement(),
    ...byGoogleKey,
    slsa: cloudBuild,
    level: 3,
    builder: `${CLOUD_BUILD}@v0.3`,
    source: SOURCE,
  },
  {
    what: 'Google Cloud Build, steps (v0.2)',
    json: googleStepsStatement(),
    ...byGoogleKey,
    slsa: cloudBuild,
    level: 3,
    builder: `${CLOUD_BUILD}@v0.3`,
    source: SOURCE,
  },
  {
    what: 'the same, and the policy names no signer',
    json: googleV1Statement(),
    ...byGoogleKey,
    slsa: {},
    level: 0,
    builder: undefined,
    source: undefined,
  },
  {
    what: 'GitLab (v0.2)',
    json: gitlabV02Statement(),
    ...gitlab(),
    slsa: {},
    level: 2,
    builder: `${GITLAB_SOURCE}/-/runners/14811533`,
    source: GITLAB_SOURCE,
  },
  {
    what: 'GitLab (v1)',
    json: gitlabV1Statement(),
    ...gitlab(),
    slsa: {},
    level: 2,
    builder: 'https://gitlab.com/groups/acme/tools/-/runners/33',
    source: GITLAB_SOURCE,
  },
  {
    what: 'the same on a runner of its own',
    json: gitlabV1Statement(),
    ...gitlab(self),
    slsa: {},
    level: 1,
    builder: 'https://gitlab.com/groups/acme/tools/-/runners/33',
    source: GITLAB_SOURCE,
  },
  {
    what: 'Tekton Chains (v0.2)',
    json: tektonV02Statement(),
    ...byChainsKey,
    slsa: chains(),
    level: 2,
    builder: TEKTON_BUILDER,
    source: SOURCE,
  },
  {
    what: 'Tekton Chains (v1)',
    json: tektonV1Statement(),
    ...byChainsKey,
    slsa: chains(),
    level: 2,
    builder: TEKTON_BUILDER,
    source: SOURCE,
  },
  {
    what: 'the same, isolated by the word of the policy',
    json: tektonV1Statement(),
    ...byChainsKey,
    slsa: chains({ level: 3 }),
    level: 3,
    builder: TEKTON_BUILDER,
    source: SOURCE,
  },
  {
    what: 'BuildKit (v1), whatever the policy says of it',
    json: buildkitV1Statement(),
    ...byChainsKey,
    slsa: {
      builders: [
        {
          id: 'https://github.com/acme/app/actions/runs/3709599520',
          level: 3,
          signerRef: { name: 'tekton-chains' },
        },
      ],
    },
    level: 1,
    builder: 'https://github.com/acme/app/actions/runs/3709599520',
    source: SOURCE,
  },
  {
    what: 'BuildKit (v1), in a workflow',
    json: buildkitV1Statement(OWN_WORKFLOW),
    ...workflow(OWN_WORKFLOW),
    slsa: {},
    level: 1,
    builder: OWN_WORKFLOW,
    source: SOURCE,
  },
  {
    what: 'Witness (v1.0)',
    json: witnessStatement(),
    ...byChainsKey,
    slsa: {
      builders: [
        { id: 'https://witness.dev/witness-github-action-builder', signerRef: { name: 'tekton-chains' } },
      ],
    },
    level: 2,
    builder: 'https://witness.dev/witness-github-action-builder@v0.1',
    source: SOURCE,
  },
  {
    what: 'a build type that nobody knows',
    json: unknownStatement(),
    ...byChainsKey,
    slsa: { builders: [{ id: 'https://ci.example.com', signerRef: { name: 'tekton-chains' } }] },
    level: 2,
    builder: 'https://ci.example.com',
    source: undefined,
  },
  {
    what: 'the same in a workflow',
    json: changed(unknownStatement(), 'predicate.runDetails.builder.id', OWN_WORKFLOW),
    ...workflow(OWN_WORKFLOW),
    slsa: {},
    level: 2,
    builder: OWN_WORKFLOW,
    source: SOURCE,
  },
  {
    what: 'slsa-github-generator, signed by a developer',
    json: generatorStatement(container),
    by: DEVELOPER,
    signer: '`dev@acme.example`',
    slsa: {},
    level: 1,
    builder: RELEASED,
    source: undefined,
  },
  {
    what: 'verification summary (VSA)',
    json: summaryStatement(),
    by: 'verifier',
    signer: 'the key of TrustedSigner `verifier`',
    slsa: { verifiers: [{ id: 'https://verifier.example.com', signerRef: { name: 'verifier' } }] },
    level: 3,
    builder: 'https://verifier.example.com',
    source: undefined,
  },
];

/** The levels that a policy may ask for. */
const LEVELS = [1, 2, 3] as const;

/** Why the next level is not reached; kept for the page. */
const reasons = new Map<Row, string>();

describe('build type × signer × policy', () => {
  test.each(ROWS.map((row) => [row.what, row.signer, row] as const))('%s, by %s', async (_what, _by, row) => {
    const specs = Object.fromEntries(
      LEVELS.map((requiredLevel) => [`level-${requiredLevel}`, { slsa: { requiredLevel, ...row.slsa } }]),
    );
    for (const storage of STORAGES) {
      const image = await judge.attached(storage, [row]);
      const outcomes = await judge.judge(image, specs);
      for (const level of LEVELS) {
        const outcome = outcomes[`level-${level}`];
        if (level <= row.level) {
          const { builder, source } = row;
          expect([storage, outcome]).toMatchObject([
            storage,
            { kind: 'verified', provenance: { level: row.level, builder, source } },
          ]);
          continue;
        }
        expect([storage, outcome?.kind]).toEqual([storage, 'violated']);
        expect(outcome?.headline).toContain(
          `has SLSA build level ${row.level}; policy "level-${level}" requires ${level}: `,
        );
        if (outcome?.kind === 'violated' && !reasons.has(row)) reasons.set(row, outcome.violations[0].detail);
      }
    }
  });

  test('B8: the same builder, called by another repository: the source is part of every one of them', async () => {
    const sources = { sources: [{ uri: 'https://github.com/acme/*' }] };
    const specs = { ours: { slsa: { requiredLevel: 3, ...sources } } };
    const honest = ['invocation.configSource', 'materials.0'].reduce(
      (json, place) =>
        changed(json, `predicate.${place}.uri`, 'git+https://github.com/evil/x@refs/heads/main'),
      generatorStatement(container),
    );
    const claims = changed(honest, 'predicate.invocation.environment', {});
    for (const storage of STORAGES) {
      const good = await judge.attached(storage, [
        { json: generatorStatement(container), by: githubSigner(RELEASED) },
      ]);
      expect(codesOf((await judge.judge(good, specs))['ours'])).toEqual([]);
      const foreign = await judge.attached(storage, [{ json: claims, by: evil }]);
      const outcome = (await judge.judge(foreign, specs))['ours'];
      expect(codesOf(outcome)).toEqual(['SLSA_SOURCE']);
      expect(outcome?.headline).toContain(
        'has SLSA build level 3, which is enough for policy "ours", but not what it asks for: source https://github.com/evil/x (owner 123456, repository 474793590); expected https://github.com/acme/*',
      );
    }
  });

  test('docs/slsa-builders.md has exactly this table', () => {
    const page = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/slsa-builders.md'), 'utf8');
    const [, table] = /<!-- table -->\n\n([^]*?)\n\n<!-- end of table -->/.exec(page) ?? [];
    expect(table).toBe(tableOf(ROWS));
  });
});

function tableOf(rows: readonly Row[]): string {
  return [
    '| Provenance | Signed by | `slsa` of the policy | Level | Builder | Source | Why no more |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => {
      const { what, signer, slsa, level, builder, source } = row;
      const why = reasons.get(row);
      const cells = [
        what,
        signer,
        Object.keys(slsa).length === 0 ? '' : code(flow(slsa)),
        level,
        builder === undefined ? 'none' : code(short(builder)),
        source === undefined ? 'none' : code(source.replace('https://', '')),
        why === undefined ? '' : text(why),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
  ].join('\n');
}

function flow(slsa: object): string {
  return stringify(slsa, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false })
    .trim()
    .slice(1, -1);
}

function code(shown: string): string {
  return `\`${shown}\``;
}

/** What was found, without what was expected; URLs short. */
function text(detail: string): string {
  return (detail.split('; expected')[0] ?? '').replace(/https:\/\/[^\s,()]+/g, short).replaceAll('|', '\\|');
}

/** The last part of a workflow's path, with its ref. */
function short(uri: string): string {
  const [name = '', ...ref] = uri.split('@');
  const isWorkflow = name.includes('/.github/workflows/');
  return [isWorkflow ? `…/${name.split('/').at(-1)}` : name.replace('https://', ''), ...ref].join('@');
}
