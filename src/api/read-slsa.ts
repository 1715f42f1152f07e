import type * as z from 'zod';
import { Refusal } from '../errors.ts';
import { quote } from '../image/quote.ts';
import { GITHUB_ISSUER } from '../sigstore/fulcio-extensions.ts';
import { githubServerOf } from '../slsa/platform-issuer.ts';
import { parseRefPattern } from '../slsa/ref-pattern.ts';
import type { SlsaLevel, SlsaPolicy } from '../slsa/slsa-policy.ts';
import { parseSourcePattern } from '../slsa/source-uri.ts';
import type { Read } from './field-problems.ts';
import { join } from './field-problems.ts';
import { attempt } from './read-trusted-key.ts';
import type { Problem, SlsaDemand } from './resources.ts';
import { durationOf } from './schema.ts';
import type { slsaSchema } from './slsa-schema.ts';

type Shape = z.output<typeof slsaSchema>;

/** Reads `slsa` of a policy, whose shape is right: patterns are compiled here, once. */
export function readSlsa(shape: Shape): Read<SlsaDemand> {
  const problems: Problem[] = [];
  const each = <T, R>(list: readonly T[] | undefined, at: string, parse: (item: T) => R): readonly R[] =>
    (list ?? []).flatMap((item, index) => {
      const read = attempt(() => parse(item), join(at, index));
      problems.push(...read.problems);
      return read.value === undefined ? [] : [read.value];
    });
  const builders = (shape.builders ?? []).map(({ id, refs, level, signerRef }, index) => ({
    id,
    refs: each(refs, `${join('spec.slsa.builders', index)}.refs`, parseRefPattern),
    level: level as SlsaLevel | undefined,
    signerRef: signerRef?.name,
  }));
  const policy: SlsaPolicy = {
    requiredLevel: shape.requiredLevel as SlsaLevel,
    builders,
    sources: each(shape.sources, 'spec.slsa.sources', ({ uri, ownerID, repositoryID }) => ({
      uri: parseSourcePattern(uri),
      ownerID,
      repositoryID,
    })),
    refs: each(shape.refs, 'spec.slsa.refs', parseRefPattern),
    buildTypes: shape.buildTypes ?? [],
    triggers: shape.triggers ?? [],
    runnerEnvironment: shape.runnerEnvironment,
    githubIssuers:
      shape.githubIssuers === undefined
        ? [GITHUB_ISSUER]
        : each(shape.githubIssuers, 'spec.slsa.githubIssuers', readGithubIssuer),
    verifiers: (shape.verifiers ?? []).map(({ id, signerRef, policyURI }) => ({
      id,
      signerRef: signerRef.name,
      policyUri: policyURI,
    })),
    maxAge: shape.maxAge === undefined ? undefined : durationOf(shape.maxAge),
  };
  if (problems.length > 0) return { value: undefined, problems };
  return { value: { policy, trustRoot: shape.trustRootRef?.name }, problems };
}

function readGithubIssuer(issuer: string): string {
  if (githubServerOf(issuer) !== undefined) return issuer;
  throw new Refusal('MALFORMED', `${quote(issuer)} is not an issuer of GitHub Actions`);
}
