import { RepositoryProblem } from './repository-files.ts';

/**
 * What `tuf-js` says, in our words. Its errors have texts only (some with pieces of what the server sent), wrapped in one another; so
 * they are told apart by the part of each that is its own.
 */
const SENTENCES: readonly (readonly [RegExp, (role: string) => string])[] = [
  [/(\w+)\.json is expired/, (role) => `its ${role} has expired; whoever runs it must sign a new one`],
  [
    /(\w+) was signed by \d+\/\d+ keys/,
    (role) => `its ${role} is not signed by as many trusted keys as it must be`,
  ],
  [
    /New (\w+) version \d+ is less than|New version \d+ of (\w+)\.json|Missing file (\w+)\.json in new snapshot/,
    (role) => `its ${role} is older than one that was seen before (a rollback)`,
  ],
  [/Snapshot version doesn't match/, () => 'its snapshot is not the one that its timestamp names'],
  [/Version \S+ of (\w+) does not match/, (role) => `its ${role} is not the one that its snapshot names`],
  [/Expected version \d+, got/, () => 'its roots do not follow each other version by version'],
  [
    /Expected (?:length|hash) \S+ but got|Hash algorithm/,
    () => 'a file does not have the length and hash that its metadata says',
  ],
  [/Failed to persist metadata/, () => 'its metadata could not be written into the work folder'],
];

/** @param error whatever the client threw */
export function updaterProblem(error: Error): RepositoryProblem {
  for (const [pattern, sentence] of SENTENCES) {
    const match = pattern.exec(error.message);
    const role = match?.slice(1).find((group) => group !== undefined) ?? 'metadata';
    if (match !== null) return new RepositoryProblem(sentence(role.slice(0, 64)), { cause: error });
  }
  return new RepositoryProblem('its metadata cannot be read', { cause: error });
}
