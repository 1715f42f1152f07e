import type { ImageReference } from '../image/reference.ts';
import {
  NOTHING_FOUND,
  type DigestFact,
  type ImageFacts,
  type PlatformsFact,
} from '../policy/image-facts.ts';
import type { CompiledPolicy } from '../policy/snapshot.ts';
import type { FactCache } from './fact-cache.ts';
import type { PolicyRules } from '../api/resources.ts';
import type { LargeEvidenceDesk } from './large-evidence.ts';
import { contextsOf, gatherDigest, type GatheredDigest } from './gather-digest.ts';
import { orAborted, unknownOf } from './port-answer.ts';
import type { AskOptions, ImageSource } from './ports.ts';
import type { StatementCache } from './statement-cache.ts';

export interface Sources {
  readonly images: ImageSource;
  readonly facts: FactCache;
  readonly statements: StatementCache;
  readonly large: LargeEvidenceDesk;
}

/** One image to find out about, on somebody's behalf. */
export interface Question extends AskOptions {
  readonly reference: ImageReference;
  readonly digest: DigestFact;
  /** Look at the registry again rather than answer from what is remembered. */
  readonly fresh: boolean;
}

export interface Gathered {
  readonly facts: ImageFacts;
  /** True when the registry was not asked for the evidence this time. */
  readonly remembered: boolean;
  readonly withPullSecret: boolean;
}

/** A tag's digest: asked once per review, and used for everything that follows. */
export async function digestFact(
  reference: ImageReference,
  images: ImageSource,
  options: AskOptions,
): Promise<DigestFact> {
  if (reference.digest !== undefined) {
    return { kind: 'known', digest: reference.digest, withPullSecret: false };
  }
  try {
    const resolved = await orAborted(images.resolve(reference, options), reference, options.signal);
    return { kind: 'known', ...resolved };
  } catch (error) {
    return unknownOf(error);
  }
}

/**
 * Evidence → verified signatures, for every trust context that the policies name. Throws only for a defect.
 * @param policies that look in the same places
 */
export async function gatherFacts(
  policies: readonly CompiledPolicy[],
  question: Question,
  sources: Sources,
): Promise<Gathered> {
  const { reference, digest } = question;
  const base = {
    image: reference.original,
    reference,
    digest,
    platforms: { kind: 'none' },
    parent: { kind: 'none' },
  } as const;
  if (digest.kind !== 'known') {
    return { facts: { ...base, ...NOTHING_FOUND }, remembered: false, withPullSecret: false };
  }
  const [own, platforms] = await Promise.all([
    needsEvidence(policies) ? gatherDigest(digest.digest, policies, question, sources) : NO_EVIDENCE,
    gatherPlatforms(digest.digest, policies, question, sources),
  ]);
  return {
    facts: { ...base, ...own.found, platforms: platforms.fact },
    remembered: own.remembered || platforms.remembered,
    withPullSecret: own.withPullSecret || platforms.withPullSecret,
  };
}

/** Where no key can be had now, whether there is anything to verify still tells "not signed" from "cannot tell". */
function needsEvidence(policies: readonly CompiledPolicy[]): boolean {
  return contextsOf(policies).size > 0 || policies.some(({ entries }) => entries.unavailable.length > 0);
}

const NO_EVIDENCE: GatheredDigest = { found: NOTHING_FOUND, remembered: false, withPullSecret: false };

interface GatheredPlatforms {
  readonly fact: PlatformsFact;
  readonly remembered: boolean;
  readonly withPullSecret: boolean;
}

const NO_PLATFORMS: GatheredPlatforms = { fact: { kind: 'none' }, remembered: false, withPullSecret: false };

/** Every manifest of an index where a policy asks for its evidence, or may have revoked it; all at once. */
async function gatherPlatforms(
  digest: string,
  policies: readonly CompiledPolicy[],
  question: Question,
  sources: Sources,
): Promise<GatheredPlatforms> {
  const wants = (ask: (rules: PolicyRules) => boolean) =>
    policies.some(({ policy: { rules } }) => rules !== undefined && ask(rules));
  const wantsEvidence = wants(({ multiArch }) => multiArch === 'IndexAndPlatforms');
  if (!wantsEvidence && !wants(({ revokedDigests }) => revokedDigests.size > 0)) return NO_PLATFORMS;
  const { reference, signal } = question;
  let manifests;
  try {
    manifests = await orAborted(sources.images.platforms(reference, digest, question), reference, signal);
  } catch (error) {
    return { ...NO_PLATFORMS, fact: unknownOf(error) };
  }
  if (manifests === undefined) return NO_PLATFORMS;
  const gathered = await Promise.all(
    manifests.map(async (manifest) => ({
      manifest,
      ...(wantsEvidence ? await gatherDigest(manifest.digest, policies, question, sources) : NO_EVIDENCE),
    })),
  );
  return {
    fact: {
      kind: 'known',
      platforms: gathered.map(({ manifest: { digest: child, platform }, found }) => ({
        ...found,
        digest: child,
        platform,
      })),
    },
    remembered: gathered.some(({ remembered }) => remembered),
    withPullSecret: gathered.some(({ withPullSecret }) => withPullSecret),
  };
}
