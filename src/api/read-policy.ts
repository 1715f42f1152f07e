import type * as z from 'zod';
import { parseGlob, type Glob } from '../image/glob.ts';
import { isAbsent, own } from '../image/pod.ts';
import { imageName, parseImageReference, type ImageReference } from '../image/reference.ts';
import type { Envelope, Inspection } from './envelope.ts';
import { isJsonObject, join, readFields, type Read } from './field-problems.ts';
import { POLICY_PARTS, policyRules } from './policy-schema.ts';
import { readAttestations } from './read-attestations.ts';
import { readSlsa } from './read-slsa.ts';
import { attempt, readSelector, readTrustedKey, unique } from './read-trusted-key.ts';
import type { PolicyMatch, PolicyRules, Problem, SigningPolicy } from './resources.ts';

/** The trust root of a policy that names none; it exists without a resource. */
const DEFAULT_TRUST_ROOT = 'public-good';

type Spec = z.output<(typeof POLICY_PARTS)['ClusterSigningPolicy']['spec']>;

/** Reads a policy. What cannot be read widens its scope and makes it deny; it never narrows the one or softens the other. */
export function readPolicy(kind: SigningPolicy['kind'], envelope: Envelope): Inspection<SigningPolicy> {
  const { spec: json, name, namespace, generation } = envelope;
  const parts = POLICY_PARTS[kind];
  const { values: spec, problems: specProblems } = readFields(parts.spec, json, 'spec');
  const { match, problems: matchProblems } = readMatch(parts.match, own(json, 'match'));
  const entries = (spec.trustedKeys ?? []).map((entry, index) =>
    readTrustedKey(parts.trustedKey, entry, join('spec.trustedKeys', index)),
  );
  const signatureRepository = readRepository(spec.signatureRepository);
  const slsa = spec.slsa === undefined ? undefined : readSlsa(spec.slsa);
  const attestations = readAttestations(parts.trustedKey, spec.attestations ?? []);
  const problems = unique([
    ...envelope.problems,
    ...specProblems,
    ...matchProblems,
    ...(signatureRepository?.problems ?? []),
    ...(slsa?.problems ?? []),
    ...attestations.problems,
  ]);
  const ownProblems = problems.length > 0 ? problems : brokenRules(spec as Spec);
  const read: ReadParts = {
    trustedKeys: entries.map(({ entry }) => entry),
    signatureRepository: signatureRepository?.value,
    slsa: slsa?.value,
    attestations: attestations.demands,
  };
  const resource: SigningPolicy = {
    kind,
    namespace,
    name,
    generation,
    // A mode that cannot be read is the strict one (attack H15).
    mode: spec.mode ?? 'Enforce',
    match,
    revokes: listsDigests(own(json, 'revokedDigests')),
    rules: ownProblems.length === 0 ? rulesOf(spec as Spec, read) : undefined,
    problems: ownProblems,
  };
  const entryProblems = [...entries.flatMap((entry) => entry.problems), ...attestations.signerProblems];
  return { resource, problems: unique([...ownProblems, ...entryProblems]) };
}

/** What cannot be read may have been a list of them. */
function listsDigests(revokedDigests: unknown): boolean {
  return Array.isArray(revokedDigests) ? revokedDigests.length > 0 : !isAbsent(revokedDigests);
}

/** Conditions over several fields, of a spec whose fields could all be read. */
function brokenRules(spec: Spec): readonly Problem[] {
  const shape = {
    ...spec,
    trustedKeys: spec.trustedKeys?.map((entry) =>
      isJsonObject(entry) ? { signerSelector: own(entry, 'signerSelector') } : {},
    ),
  };
  return policyRules
    .filter(({ holds }) => !holds(shape))
    .map(({ field, message }) => ({ field: field === undefined ? 'spec' : `spec.${field}`, message }));
}

/** A name without tag and digest, in its only spelling: that it is read as a node would read it is the point. */
function readRepository(text: string | undefined): Read<ImageReference> | undefined {
  if (text === undefined) return undefined;
  const field = 'spec.signatureRepository';
  const read = attempt(() => parseImageReference(text), field);
  if (read.value === undefined || imageName(read.value) === text) return read;
  const message = `must be a registry and a repository without tag and digest, written out: ${imageName(read.value)}`;
  return { value: undefined, problems: [{ field, message }] };
}

type ReadParts = Pick<PolicyRules, 'trustedKeys' | 'signatureRepository' | 'slsa' | 'attestations'>;

function rulesOf(spec: Spec, parts: ReadParts): PolicyRules {
  const { keyless, keys } = spec.transparency ?? {};
  return {
    ...parts,
    requireSignature: spec.requireSignature,
    threshold: spec.threshold,
    transparency: {
      // What the trust root asks is the least in any case, so a policy that says nothing asks for nothing more.
      keyless: { log: keyless?.log ?? 'Optional', timestamp: keyless?.timestamp ?? 'Optional' },
      keys: { log: keys?.log ?? 'Required', timestamp: keys?.timestamp ?? 'Optional' },
    },
    trustRoot: spec.trustRootRef?.name ?? DEFAULT_TRUST_ROOT,
    multiArch: spec.multiArch,
    acceptMembership: spec.acceptMembership,
    tagPolicy: spec.tagPolicy,
    revokedDigests: new Set(spec.revokedDigests),
  };
}

interface ReadMatch {
  readonly match: PolicyMatch;
  readonly problems: readonly Problem[];
}

const EVERYTHING: PolicyMatch = {
  images: undefined,
  excludeImages: [],
  namespaceSelector: undefined,
  workloadSelector: undefined,
};

type MatchSchema = (typeof POLICY_PARTS)['ClusterSigningPolicy']['match'];

/** Each part on its own: what cannot be read does not restrict. */
function readMatch(schema: z.ZodObject, json: unknown): ReadMatch {
  if (json === undefined) return { match: EVERYTHING, problems: [] };
  const { values, problems } = readFields(schema as MatchSchema, json, 'spec.match');
  const found: Problem[] = [...problems];
  const selector = (part: 'namespaceSelector' | 'workloadSelector') => {
    const shape = values[part];
    if (shape === undefined) return undefined;
    const read = readSelector(shape, `spec.match.${part}`);
    found.push(...read.problems);
    return read.value;
  };
  const images = readGlobs(values.images, 'spec.match.images', found);
  const excludeImages = readGlobs(values.excludeImages, 'spec.match.excludeImages', found);
  return {
    match: {
      // One glob that cannot be read could have meant any image.
      images: images?.complete === true ? images.globs : undefined,
      excludeImages: excludeImages?.complete === true ? excludeImages.globs : [],
      namespaceSelector: selector('namespaceSelector'),
      workloadSelector: selector('workloadSelector'),
    },
    problems: found,
  };
}

function readGlobs(
  texts: readonly string[] | undefined,
  at: string,
  problems: Problem[],
): { readonly globs: readonly Glob[]; readonly complete: boolean } | undefined {
  if (texts === undefined) return undefined;
  const read = texts.map((text, index) => attempt(() => parseGlob(text), join(at, index)));
  problems.push(...read.flatMap((glob) => glob.problems));
  const globs = read.flatMap((glob) => glob.value ?? []);
  return { globs, complete: globs.length === texts.length };
}
