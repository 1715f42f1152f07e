import { stringify } from 'yaml';

const STYLE = { lineWidth: 0, aliasDuplicateObjects: false } as const;

/** A value as people write it. */
export function yamlOf(value: unknown): string {
  return stringify(value, STYLE);
}

/** To be compared: a store gives fields back in an order of its own. */
export function sortedYamlOf(value: unknown): string {
  return stringify(value, { ...STYLE, sortMapEntries: true });
}

/** What a person changes of a document, without what the server keeps, to be compared. */
export function draftYaml({
  metadata,
  spec,
}: {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> | undefined };
  readonly spec: unknown;
}): string {
  const { labels } = metadata;
  const hasLabels = labels !== undefined && Object.keys(labels).length > 0;
  return sortedYamlOf({ ...(hasLabels && { metadata: { labels } }), spec });
}
