import { describe, expect, test } from '@jest/globals';
import { Inspections } from '../../src/admin/inspections.ts';
import { Refusal } from '../../src/errors.ts';
import type { StoredDocument } from '../../src/store/resource-desk.ts';
import { namespacedPolicy } from '../store/documents.ts';

const live = new AbortController().signal;

/** With patterns that take some milliseconds to compile. */
function heavy(name: string): StoredDocument {
  const entry = (index: number) => ({
    keyless: true,
    issuer: 'https://accounts.google.com',
    subjectRegExp: `(?:a|b|c){1,40}(?:a|b|c){1,40}x${index}@example\\.com`,
  });
  const { spec } = namespacedPolicy(name, 'team-a');
  return {
    kind: 'SigningPolicy',
    metadata: { name, namespace: 'team-a', resourceVersion: '1' },
    spec: { ...spec, trustedKeys: Array.from({ length: 64 }, (_, index) => entry(index)) },
  };
}

describe('G14: documents that somebody may fill a namespace with', () => {
  test('are read for a list in pieces, and others have the thread in between', async () => {
    const documents = Array.from({ length: 5 }, (_, index) => heavy(`p${index}`));
    const inspections = new Inspections();
    expect(new Inspections().now(documents[0] ?? heavy('p')).problems).toEqual([]);
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const read = await inspections.all(documents, live);
    clearInterval(timer);
    expect(read.map(({ document }) => document.metadata.name)).toEqual(['p0', 'p1', 'p2', 'p3', 'p4']);
    // One after each but the last. In one go it would be none at all.
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  test('are read once', async () => {
    const inspections = new Inspections();
    const [first] = await inspections.all([heavy('p')], live);
    const [again] = await inspections.all([heavy('p')], live);
    expect(again?.resource).toBe(first?.resource);
    expect(inspections.now(heavy('p')).resource).toBe(first?.resource);
    const [other] = await inspections.all([heavy('q')], live);
    expect(other?.resource).toMatchObject({ name: 'q' });
  });

  test('what is no document is refused each time, and stands in a list as what it is', async () => {
    const inspections = new Inspections();
    for (let time = 0; time < 2; time += 1)
      await expect(inspections.read({ kind: 'Pod' }, live)).rejects.toBeInstanceOf(Refusal);
    const nameless = { ...heavy('p'), metadata: { name: '', resourceVersion: '1' } };
    const [read] = await inspections.all([nameless], live);
    expect(read).toMatchObject({ resource: undefined, problems: [{ field: 'metadata' }] });
  });

  test('nothing is read for somebody who is gone', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(new Inspections().all([heavy('p')], gone)).rejects.toThrow('gone');
  });
});
