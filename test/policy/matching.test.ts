import { describe, expect, test } from '@jest/globals';
import { labelSelector } from '../../src/api/label-selector.ts';
import type { PolicyMatch } from '../../src/api/resources.ts';
import { Fault } from '../../src/errors.ts';
import { parseGlob } from '../../src/image/glob.ts';
import { parseImageReference } from '../../src/image/reference.ts';
import {
  actionOnNoMatch,
  policiesForImage,
  policiesForSubject,
  type Subject,
} from '../../src/policy/matching.ts';
import { policy, snapshotOf } from './builders.ts';

const NAMESPACE = 'kubernetes.io/metadata.name';
const MCP: Subject = {
  namespace: 'mcp',
  namespaceLabels: { [NAMESPACE]: 'mcp' },
  workloadLabels: { app: 'server' },
};
const OTHER: Subject = { ...MCP, namespace: 'web', namespaceLabels: { [NAMESPACE]: 'web' } };
const UNKNOWN: Subject = { ...MCP, namespaceLabels: new Fault('NAMESPACE_UNKNOWN', 'no answer') };

function match(overrides: Partial<PolicyMatch>): PolicyMatch {
  return {
    images: undefined,
    excludeImages: [],
    namespaceSelector: undefined,
    workloadSelector: undefined,
    ...overrides,
  };
}

const inMcp = labelSelector({ matchExpressions: [{ key: NAMESPACE, operator: 'In', values: ['mcp'] }] });

function covers(of: Partial<PolicyMatch>, subject: Subject, image = 'ghcr.io/org/server:v1'): boolean {
  const snapshot = snapshotOf(policy({ match: match(of) }));
  return policiesForImage(policiesForSubject(snapshot, subject), parseImageReference(image)).length > 0;
}

describe('which policies apply', () => {
  test('an absent part does not restrict', () => {
    expect(covers({}, MCP)).toBe(true);
    expect(covers({}, OTHER)).toBe(true);
  });

  test('images and excluded images, on the canonical name', () => {
    const of = {
      images: [parseGlob('docker.io/library/*')],
      excludeImages: [parseGlob('docker.io/library/busybox')],
    };
    expect(covers(of, MCP, 'nginx')).toBe(true);
    expect(covers(of, MCP, 'index.docker.io/nginx:1')).toBe(true);
    expect(covers(of, MCP, 'busybox')).toBe(false);
    expect(covers(of, MCP, 'ghcr.io/org/server')).toBe(false);
  });

  test('namespaces: by labels of the API server, and unknown labels never take an object out', () => {
    expect(covers({ namespaceSelector: inMcp }, MCP)).toBe(true);
    expect(covers({ namespaceSelector: inMcp }, OTHER)).toBe(false);
    expect(covers({ namespaceSelector: inMcp }, { ...UNKNOWN, namespace: 'web' })).toBe(true);
  });

  test('C13: workload labels count only where the policy says so', () => {
    const of = { workloadSelector: labelSelector({ matchLabels: { app: 'server' } }) };
    expect(covers(of, MCP)).toBe(true);
    expect(covers(of, { ...MCP, workloadLabels: {} })).toBe(false);
    expect(covers({ namespaceSelector: inMcp }, { ...MCP, workloadLabels: { app: 'other' } })).toBe(true);
  });

  test('C16: a namespaced policy applies in its own namespace only', () => {
    const snapshot = snapshotOf(policy({ kind: 'SigningPolicy', namespace: 'mcp', name: 'own' }));
    expect(policiesForSubject(snapshot, MCP)).toHaveLength(1);
    expect(policiesForSubject(snapshot, OTHER)).toHaveLength(0);
  });

  test('a reference that cannot be read is covered by every policy of the object', () => {
    const snapshot = snapshotOf(policy({ match: match({ images: [parseGlob('ghcr.io/org/*')] }) }));
    expect(policiesForImage(policiesForSubject(snapshot, MCP), undefined)).toHaveLength(1);
  });

  test('the order of policies does not depend on the order of arrival', () => {
    const names = ['b', 'a', 'c'].map((name) => policy({ name }));
    const own = policy({ kind: 'SigningPolicy', namespace: 'mcp', name: 'a' });
    const order = (resources: Parameters<typeof snapshotOf>): string[] =>
      snapshotOf(...resources).policies.map((compiled) => `${compiled.policy.kind} ${compiled.policy.name}`);
    expect(order([own, ...names])).toEqual(order([...names.toReversed(), own]));
    expect(order([own, ...names])[0]).toBe('ClusterSigningPolicy a');
  });
});

describe('C10: no policy covers the image', () => {
  const governed = snapshotOf(
    policy({ match: match({ namespaceSelector: inMcp, images: [parseGlob('ghcr.io/org/*')] }) }),
  );
  const warned = snapshotOf(policy({ mode: 'Warn', match: match({ namespaceSelector: inMcp }) }));
  const ungoverned = snapshotOf(policy({ match: match({ images: [parseGlob('ghcr.io/org/*')] }) }));
  const empty = snapshotOf();

  test('DenyInGovernedNamespaces', () => {
    expect(actionOnNoMatch('DenyInGovernedNamespaces', governed, MCP)).toBe('deny');
    expect(actionOnNoMatch('DenyInGovernedNamespaces', governed, OTHER)).toBe('warn');
    expect(actionOnNoMatch('DenyInGovernedNamespaces', warned, MCP)).toBe('warn');
    expect(actionOnNoMatch('DenyInGovernedNamespaces', ungoverned, MCP)).toBe('warn');
    expect(actionOnNoMatch('DenyInGovernedNamespaces', empty, MCP)).toBe('allow');
  });

  test('unknown labels of the namespace are a fault where they matter', () => {
    expect(actionOnNoMatch('DenyInGovernedNamespaces', governed, UNKNOWN)).toMatchObject({
      code: 'NAMESPACE_UNKNOWN',
    });
    expect(actionOnNoMatch('DenyInGovernedNamespaces', ungoverned, UNKNOWN)).toBe('warn');
  });

  test('Warn, Allow and Deny say it for every namespace', () => {
    expect(actionOnNoMatch('Warn', governed, MCP)).toBe('warn');
    expect(actionOnNoMatch('Allow', governed, MCP)).toBe('allow');
    expect(actionOnNoMatch('Deny', ungoverned, OTHER)).toBe('deny');
    expect(actionOnNoMatch('Deny', empty, OTHER)).toBe('deny');
  });
});
