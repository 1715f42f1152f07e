import { Refusal } from '../errors.ts';
import {
  child,
  fieldsOf,
  identifier,
  list,
  requiredChild,
  requiredText,
  text,
  textMap,
  time,
  type Fields,
} from './json-fields.ts';

/** Something that went into a build. */
export interface Dependency {
  readonly name: string | undefined;
  readonly uri: string | undefined;
  /** By algorithm, as written. */
  readonly digest: Readonly<Record<string, string>>;
}

/** What a v0.x predicate says of the file that describes the build. */
export interface ConfigSource {
  readonly uri: string | undefined;
  readonly digest: Readonly<Record<string, string>>;
  readonly entryPoint: string | undefined;
}

/** The three forms of the predicate in one, before anybody asks what the build type means by it. */
export interface BuildRecord {
  /** Undefined where it is empty. */
  readonly builderId: string | undefined;
  readonly builderPath: string;
  readonly builderVersion: Readonly<Record<string, string>> | undefined;
  readonly buildType: string;
  readonly configSource: ConfigSource | undefined;
  /** v1 `externalParameters`, v0.2 `invocation.parameters`, v0.1 `recipe.arguments`. */
  readonly external: Fields | undefined;
  /** v1 `internalParameters`, v0.2 `invocation.environment`, v0.1 `recipe.environment`. */
  readonly internal: Fields | undefined;
  readonly dependencies: readonly Dependency[];
  /** Where they stand, for messages. */
  readonly dependenciesPath: string;
  readonly invocationId: string | undefined;
  readonly invocationPath: string;
  /** Milliseconds since the epoch, like the next. */
  readonly startedOn: number | undefined;
  readonly finishedOn: number | undefined;
}

/** Dependencies of one build: a pipeline of fifty tasks names some hundred. */
const MAX_DEPENDENCIES = 4096;

/** https://slsa.dev/spec/v1.2/provenance, the same in 1.0 and 1.1. @throws Refusal MALFORMED or LIMIT */
export function readRecordV1(predicate: Fields): BuildRecord {
  const definition = requiredChild(predicate, 'buildDefinition');
  const details = requiredChild(predicate, 'runDetails');
  const builder = requiredChild(details, 'builder');
  const metadata = child(details, 'metadata');
  // BuildKit's document has the second spelling; both at once would be read differently by different readers.
  const invocation = spelling(metadata, 'invocationId', 'invocationID');
  return {
    builderId: text(builder, 'id'),
    builderPath: `${builder.path}.id`,
    builderVersion: textMap(builder, 'version'),
    buildType: requiredText(definition, 'buildType'),
    configSource: undefined,
    external: child(definition, 'externalParameters'),
    internal: child(definition, 'internalParameters'),
    dependencies: dependenciesOf(definition, 'resolvedDependencies'),
    dependenciesPath: `${definition.path}.resolvedDependencies`,
    invocationId: identifier(metadata, invocation),
    invocationPath: `${metadata?.path}.${invocation}`,
    startedOn: time(metadata, 'startedOn'),
    finishedOn: time(metadata, 'finishedOn'),
  };
}

/** https://slsa.dev/spec/v0.2/provenance. @throws Refusal MALFORMED or LIMIT */
export function readRecordV02(predicate: Fields): BuildRecord {
  const invocation = child(predicate, 'invocation');
  return {
    ...readCommonV0(predicate),
    buildType: requiredText(predicate, 'buildType'),
    configSource: configSourceOf(child(invocation, 'configSource')),
    external: child(invocation, 'parameters'),
    internal: child(invocation, 'environment'),
  };
}

/** https://slsa.dev/spec/v0.1/provenance, which Google Cloud Build still writes. @throws Refusal MALFORMED or LIMIT */
export function readRecordV01(predicate: Fields): BuildRecord {
  const recipe = requiredChild(predicate, 'recipe');
  return {
    ...readCommonV0(predicate),
    buildType: requiredText(recipe, 'type'),
    configSource: { uri: undefined, digest: {}, entryPoint: text(recipe, 'entryPoint') },
    external: child(recipe, 'arguments'),
    internal: child(recipe, 'environment'),
  };
}

function readCommonV0(predicate: Fields) {
  const metadata = child(predicate, 'metadata');
  const builder = requiredChild(predicate, 'builder');
  // slsa-github-generator writes the second spelling.
  const invocation = spelling(metadata, 'buildInvocationId', 'buildInvocationID');
  return {
    builderId: text(builder, 'id'),
    builderPath: `${builder.path}.id`,
    builderVersion: undefined,
    dependencies: dependenciesOf(predicate, 'materials'),
    dependenciesPath: `${predicate.path}.materials`,
    invocationId: identifier(metadata, invocation),
    invocationPath: `${metadata?.path}.${invocation}`,
    startedOn: time(metadata, 'buildStartedOn'),
    finishedOn: time(metadata, 'buildFinishedOn'),
  };
}

function spelling(fields: Fields | undefined, standard: string, other: string): string {
  if (fields === undefined || !Object.hasOwn(fields.json, other)) return standard;
  if (Object.hasOwn(fields.json, standard)) {
    throw new Refusal('MALFORMED', `${fields.path} has both ${standard} and ${other}`);
  }
  return other;
}

function configSourceOf(fields: Fields | undefined): ConfigSource | undefined {
  if (fields === undefined) return undefined;
  return {
    uri: text(fields, 'uri'),
    digest: textMap(fields, 'digest') ?? {},
    entryPoint: text(fields, 'entryPoint'),
  };
}

function dependenciesOf(parent: Fields, key: string): readonly Dependency[] {
  return list(parent, key, MAX_DEPENDENCIES).map((element, i) => {
    const fields = fieldsOf(element, `${parent.path}.${key}[${i}]`);
    return {
      name: text(fields, 'name'),
      uri: text(fields, 'uri'),
      digest: textMap(fields, 'digest') ?? {},
    };
  });
}
