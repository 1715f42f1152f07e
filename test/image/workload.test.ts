import { describe, expect, test } from '@jest/globals';
import { Refusal } from '../../src/errors.ts';
import { LIMITS } from '../../src/limits.ts';
import { WORKLOAD_KINDS } from '../../src/image/pod.ts';
import { parseImageReference } from '../../src/image/reference.ts';
import { changedImages, imagesOf, placeOf, podLabelsOf } from '../../src/image/workload.ts';
import { podSpecFields } from './pod-spec-fields.ts';

type Json = Record<string, unknown>;

const PREFIX: Readonly<Record<string, string>> = {
  Pod: '',
  PodTemplate: 'template.',
  Deployment: 'spec.template.',
  ReplicaSet: 'spec.template.',
  StatefulSet: 'spec.template.',
  DaemonSet: 'spec.template.',
  Job: 'spec.template.',
  ReplicationController: 'spec.template.',
  CronJob: 'spec.jobTemplate.spec.template.',
};

/** A workload of a kind round a Pod. */
function workload(kind: string, pod: unknown): Json {
  const steps = (PREFIX[kind] ?? '').split('.').filter((step) => step !== '');
  const nested = steps.reduceRight<unknown>((inner, step) => ({ [step]: inner }), pod);
  return { metadata: { name: 'w', labels: { of: 'workload' } }, ...(nested as Json), kind };
}

function container(name: string, image: string): Json {
  return { name, image };
}

const fullPod = {
  metadata: { labels: { app: 'server' } },
  spec: {
    initContainers: [
      container('setup', 'i/setup'),
      { ...container('side', 'i/side'), restartPolicy: 'Always' },
    ],
    containers: [container('server', 'i/server'), container('proxy', 'i/proxy')],
    ephemeralContainers: [container('debug', 'i/debug')],
    volumes: [
      { name: 'tmp', emptyDir: {} },
      { name: 'models', image: { reference: 'i/models', pullPolicy: 'Always' } },
    ],
  },
};

const plainPod = (spec: Json = {}): Json => ({
  spec: { containers: [container('server', 'i/server')], ...spec },
});

function many(count: number): Json[] {
  return Array.from({ length: count }, (_, index) => container(`c${index}`, 'i/x'));
}

function podWith(spec: Json): Json {
  return { metadata: { labels: {} }, spec };
}

function refusalOf(kind: string, object: unknown): Refusal {
  try {
    imagesOf(kind, object);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the images of a workload', () => {
  test('E8: every kind, every list, with field paths', () => {
    expect(Object.keys(PREFIX).toSorted()).toEqual([...WORKLOAD_KINDS].toSorted());
    for (const [kind, prefix] of Object.entries(PREFIX)) {
      expect(
        imagesOf(kind, workload(kind, fullPod)).map((image) => [image.field, image.image, placeOf(image)]),
      ).toEqual([
        [`${prefix}spec.initContainers[0].image`, 'i/setup', 'init container "setup"'],
        [`${prefix}spec.initContainers[1].image`, 'i/side', 'init container "side"'],
        [`${prefix}spec.containers[0].image`, 'i/server', 'container "server"'],
        [`${prefix}spec.containers[1].image`, 'i/proxy', 'container "proxy"'],
        [`${prefix}spec.ephemeralContainers[0].image`, 'i/debug', 'ephemeral container "debug"'],
        [`${prefix}spec.volumes[1].image.reference`, 'i/models', 'volume "models"'],
      ]);
    }
  });

  test('lists that Go wrote as null are empty', () => {
    const pod = plainPod({ initContainers: null, ephemeralContainers: null, volumes: null });
    expect(imagesOf('Pod', pod).map((image) => image.image)).toEqual(['i/server']);
  });

  test('E2: owner references play no role', () => {
    const owners = [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'good', uid: 'u-1', controller: true },
    ];
    const owned = { ...fullPod, metadata: { ...fullPod.metadata, ownerReferences: owners } };
    expect(imagesOf('Pod', owned)).toEqual(imagesOf('Pod', fullPod));
    expect(imagesOf('Pod', owned)).toHaveLength(6);
    expect(changedImages('Pod', owned, plainPod())).toHaveLength(5);
  });

  test('C9: wherever the bad image stands, it is among those found', () => {
    const places = ['initContainers', 'containers', 'ephemeralContainers'];
    for (const list of places) {
      for (let at = 0; at < 4; at += 1) {
        const containers = Array.from({ length: 4 }, (_, index) =>
          container(`c${index}`, index === at ? 'evil/x' : 'gold/x'),
        );
        const found = imagesOf('Pod', plainPod({ [list]: containers }));
        expect(found.filter((image) => image.image === 'evil/x').map((image) => image.field)).toEqual([
          `spec.${list}[${at}].image`,
        ]);
        expect(found.filter((image) => image.image === 'gold/x')).toHaveLength(3);
      }
    }
  });

  test('E26: an empty or missing image is found, and refused as a reference', () => {
    for (const bad of [{ image: '' }, {}, { image: null }]) {
      const spec = { containers: [container('good', 'i/good'), { name: 'bad', ...bad }] };
      const [good, empty] = imagesOf('Deployment', workload('Deployment', { spec }));
      expect(parseImageReference(good?.image ?? '').repository).toBe('i/good');
      expect(empty).toMatchObject({
        field: 'spec.template.spec.containers[1].image',
        name: 'bad',
        image: '',
      });
      expect(() => parseImageReference(empty?.image ?? 'x')).toThrow(Refusal);
    }
    for (const source of [{}, { reference: '' }, { reference: null }]) {
      const [, volume] = imagesOf('Pod', plainPod({ volumes: [{ name: 'v', image: source }] }));
      expect(volume).toMatchObject({ field: 'spec.volumes[0].image.reference', image: '' });
    }
  });
});

describe('E1: the real PodSpec', () => {
  const fields = podSpecFields();
  const suspicious = fields.filter((field) =>
    /image|reference|\bartifact|\boci/i.test(field.path.split('.').at(-1) ?? ''),
  );

  /** Fields whose name speaks of images and that run none. A new one is for a person to judge. */
  const HARMLESS: ReadonlyMap<string, string> = new Map([
    ['imagePullSecrets[]', 'credentials'],
    ['affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[].preference', 'of nodes'],
    ['volumes[].ephemeral.volumeClaimTemplate.metadata.ownerReferences[]', 'of a volume claim'],
    ['containers[].imagePullPolicy', 'when to pull'],
    ['initContainers[].imagePullPolicy', 'when to pull'],
    ['ephemeralContainers[].imagePullPolicy', 'when to pull'],
    ['volumes[].image', 'the object round an image volume, read below'],
    ['volumes[].rbd.image', 'a block device of a Ceph cluster, not of a registry'],
  ]);

  test('every field that names an image is read, and no other', () => {
    expect(fields.length).toBeGreaterThan(500);
    const naming = suspicious.map((field) => field.path).filter((path) => !HARMLESS.has(path));
    expect(naming.toSorted()).toEqual([
      'containers[].image',
      'ephemeralContainers[].image',
      'initContainers[].image',
      'volumes[].image.reference',
    ]);
    const gone = [...HARMLESS.keys()].filter((path) => !suspicious.some((field) => field.path === path));
    expect(gone).toEqual([]);
    for (const path of naming) {
      const [list = '', ...leaf] = path.split(/\[\]\.|\./);
      const item = leaf.reduceRight<unknown>((inner, step) => ({ [step]: inner }), 'evil/x');
      const spec = {
        containers: [container('server', 'gold/x')],
        [list]: [{ name: 'n', ...(item as Json) }],
      };
      expect(imagesOf('Pod', { spec }).map((image) => image.image)).toContain('evil/x');
    }
  });

  test('every list of containers is read', () => {
    const lists = fields.filter((field) => /containers\[\]$/i.test(field.path)).map((field) => field.path);
    expect(lists.toSorted()).toEqual(['containers[]', 'ephemeralContainers[]', 'initContainers[]']);
  });
});

describe('what is not of the shape of its kind', () => {
  const table: ReadonlyArray<readonly [what: string, kind: string, object: unknown, saying: string]> = [
    ['an unknown kind', 'Widget', fullPod, '"Widget"'],
    ['a kind named like a prototype key', '__proto__', fullPod, '"__proto__"'],
    ['constructor', 'constructor', fullPod, '"constructor"'],
    ['another kind of capitals', 'pod', fullPod, '"pod"'],
    ['null', 'Pod', null, 'Pod is not an object'],
    ['a list', 'Pod', [fullPod], 'Pod is not an object'],
    ['a text', 'Pod', 'x', 'Pod is not an object'],
    ['no spec', 'Pod', {}, 'spec is not an object'],
    ['a Pod called a Deployment', 'Deployment', fullPod, 'spec.template is not an object'],
    ['a Deployment called a Pod', 'Pod', workload('Deployment', fullPod), 'spec.containers is empty'],
    ['no template', 'ReplicaSet', { spec: {} }, 'spec.template is not an object'],
    [
      'a CronJob without a template',
      'CronJob',
      { spec: { jobTemplate: { spec: {} } } },
      'spec.jobTemplate.spec.template',
    ],
    ['no containers', 'Pod', { spec: {} }, 'spec.containers is empty'],
    ['empty containers', 'Pod', { spec: { containers: [] } }, 'spec.containers is empty'],
    [
      'init containers alone',
      'Pod',
      { spec: { initContainers: [container('a', 'a')] } },
      'spec.containers is empty',
    ],
    [
      'containers as an object',
      'Pod',
      { spec: { containers: { 0: container('a', 'a') } } },
      'spec.containers is not a list',
    ],
    [
      'a container that is null',
      'Pod',
      { spec: { containers: [null] } },
      'spec.containers[0] is not an object',
    ],
    [
      'a container that is a list',
      'Pod',
      { spec: { containers: [[]] } },
      'spec.containers[0] is not an object',
    ],
    [
      'an image that is a number',
      'Pod',
      plainPod({ initContainers: [{ name: 'a', image: 1 }] }),
      'spec.initContainers[0].image is not a text',
    ],
    [
      'an image that is a list',
      'Pod',
      plainPod({ initContainers: [{ name: 'a', image: ['a'] }] }),
      'spec.initContainers[0].image is not a text',
    ],
    [
      'a container without a name',
      'Pod',
      plainPod({ ephemeralContainers: [{ image: 'a' }] }),
      'spec.ephemeralContainers[0].name',
    ],
    ['volumes as a text', 'Pod', plainPod({ volumes: 'v' }), 'spec.volumes is not a list'],
    [
      'an image volume that is a text',
      'Pod',
      plainPod({ volumes: [{ name: 'v', image: 'a' }] }),
      'spec.volumes[0].image is not an object',
    ],
    [
      'a reference that is a number',
      'Pod',
      plainPod({ volumes: [{ name: 'v', image: { reference: 1 } }] }),
      'spec.volumes[0].image.reference',
    ],
  ];
  test.each(table)('%s', (_what, kind, object, saying) => {
    expect(imagesOf('Pod', fullPod)).toHaveLength(6);
    expect(refusalOf(kind, object)).toMatchObject({
      code: 'MALFORMED',
      message: expect.stringContaining(saying),
    });
  });

  test('keys of the prototype are data', () => {
    const inherited = JSON.parse(
      '{"__proto__": {"spec": {"containers": [{"name": "a", "image": "gold/x"}]}}}',
    );
    expect(refusalOf('Pod', inherited).message).toBe('spec is not an object');
    expect(refusalOf('Pod', Object.create(fullPod)).message).toBe('spec is not an object');
    const names = ['__proto__', 'constructor', 'toString'].map((name) => container(name, 'i/a'));
    const pod = { spec: { containers: names } };
    expect(changedImages('Pod', pod, pod)).toEqual([]);
    expect(changedImages('Pod', pod, plainPod())).toHaveLength(3);
  });

  test('more images than a workload can sensibly have', () => {
    expect(imagesOf('Pod', { spec: { containers: many(LIMITS.workloadImages) } })).toHaveLength(
      LIMITS.workloadImages,
    );
    const most = LIMITS.workloadImages - 1;
    const volumes = [
      { name: 'v', image: { reference: 'i/x' } },
      { name: 'w', image: { reference: 'i/x' } },
    ];
    expect(imagesOf('Pod', { spec: { containers: many(most), volumes: volumes.slice(1) } })).toHaveLength(
      most + 1,
    );
    for (const spec of [{ containers: many(most + 2) }, { containers: many(most), volumes }]) {
      expect(refusalOf('Pod', { spec })).toMatchObject({
        code: 'LIMIT',
        message: expect.stringContaining('workloadImages'),
      });
    }
  });
});

describe('E21: images that an UPDATE changes', () => {
  const before = podWith({
    initContainers: [container('a', 'i/a:1')],
    containers: [container('a', 'i/b:1'), container('c', 'i/c:1')],
    volumes: [{ name: 'a', image: { reference: 'i/v:1' } }],
  });
  const changed = (object: unknown, old: unknown = before): readonly string[] =>
    changedImages('Pod', object, old).map((image) => `${image.field} ${image.image}`);

  test('none, when only labels change or containers change their order', () => {
    expect(changed({ ...before, metadata: { labels: { x: 'y' }, deletionTimestamp: 'now' } })).toEqual([]);
    const spec = before['spec'] as Json;
    expect(changed(podWith({ ...spec, containers: (spec['containers'] as Json[]).toReversed() }))).toEqual(
      [],
    );
  });

  test('one more byte, another spelling of the same image, a new container', () => {
    const spec = before['spec'] as Json;
    const containers = (image: string): Json =>
      podWith({ ...spec, containers: [container('a', image), container('c', 'i/c:1')] });
    expect(changed(containers('i/b:1'))).toEqual([]);
    expect(changed(containers('i/b:12'))).toEqual(['spec.containers[0].image i/b:12']);
    expect(changed(containers('docker.io/i/b:1'))).toEqual(['spec.containers[0].image docker.io/i/b:1']);
    expect(
      changed(
        podWith({ ...spec, containers: [...(spec['containers'] as Json[]), container('new', 'i/c:1')] }),
      ),
    ).toEqual(['spec.containers[2].image i/c:1']);
    expect(changed(podWith({ ...spec, volumes: [{ name: 'a', image: { reference: 'i/v:2' } }] }))).toEqual([
      'spec.volumes[0].image.reference i/v:2',
    ]);
  });

  test('images swapped between containers, or moved to another list under the same name', () => {
    const spec = before['spec'] as Json;
    expect(
      changed(podWith({ ...spec, containers: [container('a', 'i/c:1'), container('c', 'i/b:1')] })),
    ).toHaveLength(2);
    expect(
      changed(podWith({ ...spec, containers: [container('a', 'i/a:1'), container('c', 'i/c:1')] })),
    ).toEqual(['spec.containers[0].image i/a:1']);
    expect(changed(podWith({ ...spec, ephemeralContainers: [container('a', 'i/b:1')] }))).toEqual([
      'spec.ephemeralContainers[0].image i/b:1',
    ]);
    expect(
      changed(podWith({ ...spec, containers: [container('renamed', 'i/b:1'), container('c', 'i/c:1')] })),
    ).toHaveLength(1);
  });

  test('a name that is there twice, before or after, is never unchanged', () => {
    const twice = podWith({
      containers: [container('a', 'i/a'), container('a', 'i/a'), container('b', 'i/b')],
    });
    const once = podWith({ containers: [container('a', 'i/a'), container('b', 'i/b')] });
    expect(changed(once, once)).toEqual([]);
    expect(changed(twice, once)).toEqual(['spec.containers[0].image i/a', 'spec.containers[1].image i/a']);
    expect(changed(once, twice)).toEqual(['spec.containers[0].image i/a']);
    expect(changed(twice, twice)).toHaveLength(2);
  });

  test('an old object that cannot be read is refused, never "unchanged"', () => {
    expect(changed(before, before)).toEqual([]);
    for (const old of [null, undefined, {}, { spec: {} }])
      expect(() => changedImages('Pod', before, old)).toThrow(Refusal);
    expect(() => changedImages('Pod', { spec: {} }, before)).toThrow(Refusal);
  });
});

describe('labels that a workloadSelector sees', () => {
  test('those of the Pod, or of the template, never of the workload', () => {
    for (const kind of WORKLOAD_KINDS.filter((name) => name !== 'Pod')) {
      expect(podLabelsOf(kind, workload(kind, fullPod))).toEqual({ app: 'server' });
    }
    expect(podLabelsOf('Pod', fullPod)).toEqual({ app: 'server' });
  });

  test('none, where there are none, and nothing inherited', () => {
    for (const pod of [{}, { metadata: null }, { metadata: {} }, { metadata: { labels: null } }]) {
      const labels = podLabelsOf('Pod', pod);
      expect(Object.keys(labels)).toEqual([]);
      expect(labels['constructor']).toBeUndefined();
    }
    const odd = podLabelsOf('Pod', JSON.parse('{"metadata": {"labels": {"__proto__": "x", "a": "b"}}}'));
    expect(Object.entries(odd)).toEqual([
      ['__proto__', 'x'],
      ['a', 'b'],
    ]);
  });

  test('refused where they are no labels', () => {
    const bad = [
      { metadata: [] },
      { metadata: { labels: [] } },
      { metadata: { labels: 'x' } },
      { metadata: { labels: { a: 1 } } },
    ];
    expect(podLabelsOf('Pod', { metadata: { labels: { a: '1' } } })).toEqual({ a: '1' });
    for (const pod of bad) expect(() => podLabelsOf('Pod', pod)).toThrow(Refusal);
  });
});

test('a name cannot rewrite the sentence that it stands in', () => {
  const [image] = imagesOf('Pod', { spec: { containers: [container('a"\n\u202e\\', 'i')] } });
  expect(image === undefined ? '' : placeOf(image)).toBe('container "a\\"\\u{a}\\u{202e}\\\\"');
  const [long] = imagesOf('Pod', { spec: { containers: [container('a'.repeat(1000), 'i')] } });
  expect(long === undefined ? '' : placeOf(long)).toBe(`container "${'a'.repeat(64)}…"`);
});
