import type { ProvenanceExplanation, StatementExplanation } from '../policy/explanation.ts';
import { field } from '../policy/message.ts';
import type { JsonValue } from '../strict-json.ts';
import { leaf, type Node, type Paint } from './tree.ts';

/** Parameters that are shown: the JSON form has them all. */
const MAX_PARAMETERS = 16;

/** A provenance as a person reads it: what somebody vouches for, what it says of itself, and whether it is enough. */
export function provenanceNode(provenance: ProvenanceExplanation, paint: Paint): Node {
  const { evidence, kind, level, counts, reasons, statement, signedBy, signedAt } = provenance;
  return {
    text: `${evidence}: ${KINDS[kind]}`,
    children: [
      leaf(`SLSA build level ${level}`),
      ...named([
        ['builder', provenance.builder],
        ['verifier', provenance.verifier],
        ['source', provenance.source],
        ['ref', provenance.ref],
        ['commit', provenance.commit],
        ['trigger', provenance.trigger],
        ['runner', provenance.runnerEnvironment],
        ['build type', provenance.buildType],
      ]),
      leaf(`signed by ${signedBy}${signedAt === undefined ? '' : ` at ${signedAt}`}`),
      ...(statement === undefined ? [] : [statementNode(statement)]),
      ...(counts ? [leaf(paint('green', '✔ is what slsa asks for'))] : []),
      ...reasons.map(({ code, detail }) => leaf(paint('red', `✘ ${detail} [${code}]`))),
    ],
  };
}

const KINDS: Readonly<Record<ProvenanceExplanation['kind'], string>> = {
  provenance: 'provenance',
  summary: 'verification summary',
  unreadable: 'a statement that cannot be read',
};

function statementNode(statement: StatementExplanation): Node {
  const { startedOn, finishedOn, entryPoint, invocation, builderVersion = {}, parameters } = statement;
  const versions = Object.entries(builderVersion).map(([name, version]) => `${name} ${version}`);
  const listed: readonly (readonly [string, readonly string[], number])[] = [
    ['parameters', parametersOf(parameters), parameterCount(parameters)],
    [
      'resolved dependencies',
      statement.resolvedDependencies.map(dependency),
      statement.resolvedDependencyCount,
    ],
  ];
  return {
    text: 'in its own words',
    children: [
      ...named([
        ['entry point', entryPoint],
        ['invocation', invocation],
        ['started', startedOn],
        ['finished', finishedOn],
        ['builder version', versions.length === 0 ? undefined : versions.join(', ')],
      ]),
      ...listed
        .filter(([, , count]) => count > 0)
        .map(([name, lines, count]) => listNode(name, lines, count)),
    ],
  };
}

function listNode(name: string, shown: readonly string[], count: number): Node {
  const more = count > shown.length ? [leaf(`and ${count - shown.length} more`)] : [];
  return { text: `${name} (${count})`, children: [...shown.map((each) => leaf(field(each))), ...more] };
}

function parametersOf(parameters: JsonValue | undefined): readonly string[] {
  return entriesOf(parameters)
    .slice(0, MAX_PARAMETERS)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
}

function parameterCount(parameters: JsonValue | undefined): number {
  return entriesOf(parameters).length;
}

function entriesOf(parameters: JsonValue | undefined): readonly (readonly [string, JsonValue])[] {
  return typeof parameters === 'object' && parameters !== null
    ? (Object.entries(parameters) as [string, JsonValue][])
    : [];
}

function dependency({ name, uri, digest }: StatementExplanation['resolvedDependencies'][number]): string {
  const digests = Object.entries(digest).map(([algorithm, value]) => `${algorithm}:${value}`);
  return [name, uri, ...digests].filter((part) => part !== undefined).join(' ');
}

/** What is not known has no line. */
function named(lines: readonly (readonly [string, string | undefined])[]): readonly Node[] {
  return lines.flatMap(([name, value]) => (value === undefined ? [] : [leaf(`${name} ${field(value)}`)]));
}
