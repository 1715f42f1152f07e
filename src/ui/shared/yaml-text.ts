import { stringify } from 'yaml';

/** A value as people write it. */
export function yamlOf(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** What a person changes of a document, without what the server keeps. */
export function draftYaml({
  metadata,
  spec,
}: {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> | undefined };
  readonly spec: unknown;
}): string {
  const { labels } = metadata;
  const hasLabels = labels !== undefined && Object.keys(labels).length > 0;
  return yamlOf({ ...(hasLabels && { metadata: { labels } }), spec });
}
