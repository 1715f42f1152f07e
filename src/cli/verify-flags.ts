import { readFileSync } from 'node:fs';
import { GROUP, VERSION, type Inspection } from '../api/envelope.ts';
import { inspectResource } from '../api/resource.ts';
import type { Problem, Resource } from '../api/resources.ts';
import { SettingsError } from '../config.ts';
import { asError } from '../errors.ts';
import { parseStrictJson } from '../strict-json.ts';
import type { SignerFlags, VerifyOptions } from './verify-options.ts';

/** What a policy is made of on the command line. */
type PolicyFlags = SignerFlags & Pick<VerifyOptions, 'provenance'>;

/** What a policy and a trust root out of flags are called. */
const NAME = 'command-line';

/** One entry of `trustedKeys`, and how its fields are called on the command line. */
interface Entry {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly flags: Readonly<Record<string, string>>;
}

/**
 * The flags as an ordinary policy, read by the reader of policies: what is wrong with one is told in the same words.
 * @throws SettingsError
 */
export function resourcesOfFlags(flags: PolicyFlags): readonly Resource[] {
  const entries = [...keylessEntries(flags), ...keyEntries(flags)];
  const slsa = slsaOf(flags);
  if (entries.length === 0 && slsa === undefined) {
    throw new SettingsError(
      'nobody is trusted yet: give --policy, or --certificate-identity with --certificate-oidc-issuer, or --key, or --slsa-level',
    );
  }
  if (flags.insecureIgnoreTlog === true && entries.some(({ spec }) => spec['keyless'] === true)) {
    throw new SettingsError(
      '--insecure-ignore-tlog is for keys only: without the log nothing tells when a certificate was used. If it has timestamps instead, its --trusted-root says so',
    );
  }
  const documents = [
    { kind: 'ClusterSigningPolicy', spec: { ...policySpec(flags, entries), ...given({ slsa }) } },
    ...(flags.trustedRoot === undefined ? [] : [trustRoot(readFile('--trusted-root', flags.trustedRoot))]),
  ];
  const inspections = documents.map(({ kind, spec }) =>
    inspectResource({ apiVersion: `${GROUP}/${VERSION}`, kind, metadata: { name: NAME }, spec }),
  );
  const problems = inspections.flatMap((inspection) => describe(inspection, flags, entries));
  if (problems.length > 0) throw new SettingsError(problems.join('\n'));
  return inspections.map(({ resource }) => resource);
}

function keylessEntries(flags: SignerFlags): readonly Entry[] {
  const { certificateOidcIssuer: issuer, certificateOidcIssuerRegexp: issuerRegExp } = flags;
  const subjects = [
    ...(flags.certificateIdentity ?? []).map((subject) => ({ subject })),
    ...(flags.certificateIdentityRegexp ?? []).map((subjectRegExp) => ({ subjectRegExp })),
  ];
  // An issuer alone is told what it lacks.
  if (subjects.length === 0 && issuer === undefined && issuerRegExp === undefined) return [];
  return (subjects.length === 0 ? [{}] : subjects).map((subject) => ({
    spec: { keyless: true, ...subject, ...given({ issuer, issuerRegExp }) },
    flags: {
      subject: '--certificate-identity',
      subjectRegExp: '--certificate-identity-regexp',
      issuer: '--certificate-oidc-issuer',
      issuerRegExp: '--certificate-oidc-issuer-regexp',
    },
  }));
}

function keyEntries({ key = [] }: SignerFlags): readonly Entry[] {
  return key.map((text) => {
    // As cosign tells them apart: a reference has a scheme.
    const isReference = text.includes('://');
    return {
      spec: isReference ? { keyRef: { uri: text } } : { publicKey: { pem: readFile('--key', text) } },
      flags: isReference ? { keyRef: '--key' } : { publicKey: `--key ${text}` },
    };
  });
}

function policySpec(flags: SignerFlags, entries: readonly Entry[]): Readonly<Record<string, unknown>> {
  const { threshold, signatureRepository, trustedRoot } = flags;
  const timestamp = flags.useSignedTimestamps === true ? 'Required' : undefined;
  const log = flags.insecureIgnoreTlog === true ? 'Ignored' : undefined;
  return {
    mode: 'Enforce',
    ...(entries.length === 0
      ? { requireSignature: false }
      : { trustedKeys: entries.map(({ spec }) => spec) }),
    transparency: { keyless: given({ timestamp }), keys: given({ log, timestamp }) },
    ...given({ threshold, signatureRepository }),
    ...(trustedRoot !== undefined && { trustRootRef: { name: NAME } }),
  };
}

/**
 * Undefined where nobody asks for provenance. Its signer is the platform of the builder; a builder that signs with a key needs a policy.
 * @throws SettingsError
 */
function slsaOf({ slsaLevel, builder, source, provenance }: PolicyFlags): object | undefined {
  if (slsaLevel === undefined) {
    if (builder !== undefined || source !== undefined) {
      throw new SettingsError('--builder and --source say more of provenance: give --slsa-level too');
    }
    if (provenance !== true) return undefined;
  }
  return {
    // To be shown it must be there, which is level 1.
    requiredLevel: slsaLevel ?? 1,
    ...given({ builders: builder?.map((id) => ({ id })), sources: source?.map((uri) => ({ uri })) }),
  };
}

function given(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** A root that names logs comes with log entries, and so on: what its instance gives is asked for. */
function trustRoot(text: string): {
  readonly kind: string;
  readonly spec: Readonly<Record<string, unknown>>;
} {
  const [logs, authorities, ctLogs] = ['tlogs', 'timestampAuthorities', 'ctlogs'].map((list) =>
    names(text, list),
  );
  const proofs =
    logs === true || authorities !== true
      ? { logEntries: 1, timestamps: 0, scts: ctLogs === true ? 1 : 0 }
      : { logEntries: 0, timestamps: 1, scts: ctLogs === true ? 1 : 0 };
  return { kind: 'TrustRoot', spec: { trustedRoot: text, proofs } };
}

function names(text: string, list: string): boolean {
  try {
    const root = parseStrictJson(text, 'trustedRoot') as Readonly<Record<string, unknown>> | null;
    const found = root?.[list];
    return Array.isArray(found) && found.length > 0;
  } catch {
    // Whatever is wrong with it, its reader says.
    return false;
  }
}

function describe(
  { problems }: Inspection,
  flags: SignerFlags,
  entries: readonly Entry[],
): readonly string[] {
  return problems.map((problem) => `${flagOf(problem, flags, entries)}: ${problem.message}`);
}

const FLAGS: Readonly<Record<string, string>> = {
  'spec.threshold': '--threshold',
  'spec.signatureRepository': '--signature-repository (or COSIGN_REPOSITORY)',
  'spec.slsa.requiredLevel': '--slsa-level',
  'spec.slsa.builders': '--builder',
  'spec.slsa.sources': '--source',
};

/** The flag that a field of the policy was made of. */
function flagOf({ field }: Problem, { trustedRoot = '' }: SignerFlags, entries: readonly Entry[]): string {
  const [, index, name = ''] = /^spec\.trustedKeys\[(\d+)\]\.?(\w*)/.exec(field) ?? [];
  const entry = entries[Number(index)];
  if (entry !== undefined) return entry.flags[name] ?? Object.values(entry.flags).join(', ');
  if (field.startsWith('spec.trustedRoot') || field.startsWith('spec.proofs'))
    return `--trusted-root ${trustedRoot}`;
  // An entry of a list is the list's flag.
  return FLAGS[field] ?? FLAGS[field.replace(/\[.*$/, '')] ?? field;
}

function readFile(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SettingsError(`${flag}: ${asError(error).message}`, { cause: error });
  }
}
