import { describe, expect, test } from '@jest/globals';
import { Refusal } from '../../src/errors.ts';
import { WORKLOAD_KINDS } from '../../src/image/pod.ts';
import { pullAccessOf } from '../../src/image/pull-access.ts';
import { LIMITS } from '../../src/limits.ts';

type Json = Record<string, unknown>;

const ACCESS = { serviceAccountName: 'runner', imagePullSecrets: [{ name: 'a' }, { name: 'b' }] };
const named = (count: number): Json[] => Array.from({ length: count }, (_, index) => ({ name: `s${index}` }));
const pod = (spec: unknown): Json => ({ spec });

/** A workload of a kind round a Pod. */
function workload(kind: string, template: Json): Json {
  switch (kind) {
    case 'Pod':
      return template;
    case 'PodTemplate':
      return { template };
    case 'CronJob':
      return { spec: { jobTemplate: { spec: { template } } } };
    default:
      return { spec: { template } };
  }
}

describe('with whose credentials a node would pull', () => {
  test.each(WORKLOAD_KINDS)('a %s is read', (kind) => {
    expect(pullAccessOf(kind, workload(kind, pod(ACCESS)))).toEqual({
      pullSecrets: ['a', 'b'],
      serviceAccount: 'runner',
    });
    expect(pullAccessOf(kind, workload(kind, pod({})))).toEqual({
      pullSecrets: [],
      serviceAccount: 'default',
    });
  });

  test.each<[string, Json, Json]>([
    ['no account', { serviceAccountName: undefined }, { serviceAccount: 'default' }],
    ['a null account', { serviceAccountName: null }, { serviceAccount: 'default' }],
    ['an empty account', { serviceAccountName: '' }, { serviceAccount: 'default' }],
    [
      'the old name of the field, which the API server copies',
      { serviceAccountName: undefined, serviceAccount: 'old' },
      { serviceAccount: 'default' },
    ],
    ['no secrets', { imagePullSecrets: undefined }, { pullSecrets: [] }],
    ['null secrets', { imagePullSecrets: null }, { pullSecrets: [] }],
    ['an empty list', { imagePullSecrets: [] }, { pullSecrets: [] }],
    ['an empty reference', { imagePullSecrets: [{}, { name: 'b' }] }, { pullSecrets: ['b'] }],
    ['an empty name', { imagePullSecrets: [{ name: '' }, { name: 'b' }] }, { pullSecrets: ['b'] }],
    ['a null name', { imagePullSecrets: [{ name: null }, { name: 'b' }] }, { pullSecrets: ['b'] }],
    [
      'as many as are allowed',
      { imagePullSecrets: named(LIMITS.pullSecrets) },
      { pullSecrets: named(LIMITS.pullSecrets).map(({ name }) => name) },
    ],
    [
      'a name that every object has',
      JSON.parse('{"imagePullSecrets":[{"__proto__":{"name":"x"}}]}') as Json,
      { pullSecrets: [] },
    ],
  ])('%s', (_, spec, expected) => {
    expect(pullAccessOf('Pod', pod({ ...ACCESS, ...spec }))).toMatchObject(expected);
  });

  test.each<[string, Json, string, string]>([
    ['an account that is a number', { serviceAccountName: 7 }, 'MALFORMED', 'spec.serviceAccountName'],
    ['an account that is a list', { serviceAccountName: ['a'] }, 'MALFORMED', 'spec.serviceAccountName'],
    [
      'secrets that are an object',
      { imagePullSecrets: { name: 'a' } },
      'MALFORMED',
      'spec.imagePullSecrets is',
    ],
    ['secrets that are a text', { imagePullSecrets: 'a' }, 'MALFORMED', 'spec.imagePullSecrets is'],
    [
      'a secret that is a text',
      { imagePullSecrets: [{ name: 'a' }, 'b'] },
      'MALFORMED',
      'spec.imagePullSecrets[1]',
    ],
    ['a null secret', { imagePullSecrets: [null] }, 'MALFORMED', 'spec.imagePullSecrets[0]'],
    [
      'a name that is a number',
      { imagePullSecrets: [{ name: 7 }] },
      'MALFORMED',
      'spec.imagePullSecrets[0].name',
    ],
    [
      'a name that is an object',
      { imagePullSecrets: [{ name: {} }] },
      'MALFORMED',
      'spec.imagePullSecrets[0].name',
    ],
    ['one more than is allowed', { imagePullSecrets: named(LIMITS.pullSecrets + 1) }, 'LIMIT', 'pullSecrets'],
    [
      'many empty ones',
      { imagePullSecrets: Array.from({ length: LIMITS.pullSecrets + 1 }, () => ({})) },
      'LIMIT',
      'pullSecrets',
    ],
  ])('F9: %s is refused, and the field is named', (_, spec, code, words) => {
    expect(pullAccessOf('Pod', pod(ACCESS)).pullSecrets).toEqual(['a', 'b']);
    const refused = (kind: string): Refusal => {
      try {
        pullAccessOf(kind, workload(kind, pod({ ...ACCESS, ...spec })));
      } catch (error) {
        if (error instanceof Refusal) return error;
      }
      throw new Error('not refused');
    };
    expect(refused('Pod')).toMatchObject({ code, message: expect.stringContaining(words) });
    expect(refused('Deployment').message).toContain('spec.template.spec.');
  });
});
