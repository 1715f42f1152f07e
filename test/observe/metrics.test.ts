import { describe, expect, test } from '@jest/globals';
import { decisionMetrics } from '../../src/observe/decision-metrics.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { register } from 'prom-client';
import { built, decision, excepted, faulted, image, verified, violated } from './decision.ts';

const quiet = () => new Metrics({ processMetrics: false, registryHosts: ['registry.corp'], otherHosts: 3 });

/** Lines of one metric, without the comments. */
async function series(metrics: Metrics, name: string): Promise<string[]> {
  const { text } = await metrics.scrape();
  return text.split('\n').filter((line) => line.startsWith(`countersign_${name}`));
}

describe('decisions', () => {
  test('are counted by operation, kind, outcome and the strictest mode that was not met', async () => {
    const metrics = quiet();
    const observer = decisionMetrics(metrics);
    observer.decided(decision({ images: [image([verified(), violated('Audit'), violated('Warn')])] }), 2);
    const denied = {
      allowed: false,
      codes: ['SIGNATURE_MISSING'],
      images: [image([violated('Warn'), violated('Enforce'), faulted('Audit')])],
    };
    observer.decided(
      decision({ ...denied, operation: 'UPDATE', object: { kind: 'Deployment', namespace: 'a', name: 'b' } }),
      40,
    );
    observer.decided(decision({ dryRun: true }), 0.2);
    expect(await series(metrics, 'decisions_total')).toEqual([
      'countersign_decisions_total{operation="CREATE",kind="Pod",outcome="admitted",mode="Warn",dry_run="false"} 1',
      'countersign_decisions_total{operation="UPDATE",kind="Deployment",outcome="denied",mode="Enforce",dry_run="false"} 1',
      'countersign_decisions_total{operation="CREATE",kind="Pod",outcome="admitted",mode="none",dry_run="true"} 1',
    ]);
    expect(await series(metrics, 'violations_total')).toEqual([
      'countersign_violations_total{code="SIGNATURE_MISSING",mode="Audit"} 1',
      'countersign_violations_total{code="SIGNATURE_MISSING",mode="Warn"} 2',
      'countersign_violations_total{code="SIGNATURE_MISSING",mode="Enforce"} 1',
    ]);
    expect(await series(metrics, 'faults_total')).toEqual([
      'countersign_faults_total{code="REGISTRY_UNREACHABLE"} 1',
    ]);
    expect(await series(metrics, 'image_verdicts_total')).toContain(
      'countersign_image_verdicts_total{outcome="verified",mode="Enforce"} 1',
    );
    expect(await series(metrics, 'decision_duration_seconds_bucket{le="0.0025",outcome="admitted"}')).toEqual(
      ['countersign_decision_duration_seconds_bucket{le="0.0025",outcome="admitted"} 2'],
    );
  });

  test('"no" and "cannot tell" are never in one metric, also where no image was looked at', async () => {
    const metrics = quiet();
    const observer = decisionMetrics(metrics);
    observer.decided(decision({ allowed: false, codes: ['NOT_SYNCED'] }), 1);
    observer.decided(decision({ allowed: false, codes: ['REVIEW_INVALID'] }), 1);
    expect(await series(metrics, 'faults_total')).toEqual(['countersign_faults_total{code="NOT_SYNCED"} 1']);
    expect(await series(metrics, 'violations_total')).toEqual([
      'countersign_violations_total{code="REVIEW_INVALID",mode="Enforce"} 1',
    ]);
    expect((await series(metrics, 'decisions_total'))[0]).toContain('mode="Enforce"');
  });
});

test('verdicts that an exception lifts are counted, and by no name', async () => {
  const metrics = quiet();
  const observer = decisionMetrics(metrics);
  observer.decided(decision({ images: [image([excepted(violated()), violated('Warn'), verified()])] }), 1);
  observer.decided(decision({ images: [image([excepted(faulted(), 'another')])] }), 1);
  expect(await series(metrics, 'excepted_verdicts_total')).toEqual([
    'countersign_excepted_verdicts_total{outcome="violated"} 1',
    'countersign_excepted_verdicts_total{outcome="faulted"} 1',
  ]);
  expect((await series(metrics, 'decisions_total'))[0]).toContain('outcome="admitted",mode="Enforce"');
});

describe('SLSA levels', () => {
  test('of verified images are counted by level and mode, once for each policy that asks', async () => {
    const metrics = quiet();
    const observer = decisionMetrics(metrics);
    const images = [
      image([built(), built({ level: 2 }), built({ level: 2 }, 'Warn'), verified(), violated()]),
    ];
    observer.decided(decision({ images }), 1);
    observer.decided(decision({ images: [image([built()])] }), 1);
    expect(await series(metrics, 'slsa_levels_total')).toEqual([
      'countersign_slsa_levels_total{level="3",mode="Enforce"} 2',
      'countersign_slsa_levels_total{level="2",mode="Enforce"} 1',
      'countersign_slsa_levels_total{level="2",mode="Warn"} 1',
    ]);
  });

  test('codes of provenance are counted by their names', async () => {
    const metrics = quiet();
    decisionMetrics(metrics).decided(decision({ allowed: false, codes: ['SLSA_LEVEL', 'ATT_MISSING'] }), 1);
    expect(await series(metrics, 'violations_total')).toEqual([
      'countersign_violations_total{code="SLSA_LEVEL",mode="Enforce"} 1',
      'countersign_violations_total{code="ATT_MISSING",mode="Enforce"} 1',
    ]);
  });

  test('F13: builders, sources and refs make no series', async () => {
    const metrics = quiet();
    const observer = decisionMetrics(metrics);
    for (let i = 0; i < 500; i++) {
      const provenance = {
        builder: `https://b${i}`,
        source: `https://s${i}`,
        ref: `refs/heads/r${i}`,
        commit: `${i}`,
      };
      observer.decided(decision({ images: [image([built(provenance)])] }), 1);
    }
    expect(await series(metrics, 'slsa_levels_total')).toHaveLength(1);
  });
});

describe('F13: the number of series is bounded', () => {
  test('F13: names of images, namespaces, users, kinds, operations and codes make no series', async () => {
    const metrics = quiet();
    const observer = decisionMetrics(metrics);
    for (let i = 0; i < 2_000; i++) {
      const object = { kind: `Kind${i}`, namespace: `ns-${i}`, name: `name-${i}` };
      const images = [image([violated()], `host${i}.example/app:${i}`)];
      observer.decided(
        decision({
          object,
          images,
          allowed: false,
          operation: `OP${i}`,
          user: `user${i}`,
          codes: [`CODE${i}`],
        }),
        i,
      );
    }
    const { text } = await metrics.scrape();
    expect(text.split('\n').length).toBeLessThan(150);
    expect(text).toContain('operation="other",kind="other"');
    expect(text).not.toMatch(/Kind1|ns-1|name-1|host1|user1|CODE1|OP1/);
  });

  test('F13: registry hosts: those of the configuration always, a few others, and the rest together', async () => {
    const metrics = quiet();
    for (let i = 0; i < 2_000; i++) {
      metrics.recordRegistryRequest({
        host: `evil${i}.example`,
        kind: 'manifest',
        outcome: 'ok',
        seconds: 0.01,
      });
    }
    metrics.recordRegistryRequest({ host: 'registry.corp', kind: 'blob', outcome: 'ok', seconds: 0.01 });
    metrics.recordRegistryRequest({ host: 'evil1.example', kind: 'manifest', outcome: 'ok', seconds: 0.01 });
    expect(await series(metrics, 'registry_requests_total')).toEqual([
      'countersign_registry_requests_total{host="evil0.example",kind="manifest",outcome="ok"} 1',
      'countersign_registry_requests_total{host="evil1.example",kind="manifest",outcome="ok"} 2',
      'countersign_registry_requests_total{host="evil2.example",kind="manifest",outcome="ok"} 1',
      'countersign_registry_requests_total{host="other",kind="manifest",outcome="ok"} 1997',
      'countersign_registry_requests_total{host="registry.corp",kind="blob",outcome="ok"} 1',
    ]);
  });
});

describe('state', () => {
  test('is asked for at each scrape', async () => {
    const metrics = quiet();
    let ready = false;
    let resources = [{ kind: 'TrustedSigner', problems: true }];
    metrics.watch({
      snapshot: () => 42,
      trust: () => [
        { kind: 'key', name: 'hashivault://release', available: true, usableUntil: 1_900_000_000_000 },
        { kind: 'root', name: 'corp', available: false, usableUntil: undefined },
      ],
      ready: () => ready,
      ages: () =>
        new Map([
          ['trustedsigners', 12.5],
          ['trustroots', Infinity],
        ]),
      resources: () => resources,
      certificateExpiry: () => 1_800_000_000_000,
    });
    metrics.recordCache('facts', 'hit');
    metrics.recordKeyReading({ scheme: 'awskms', outcome: 'error', seconds: 0.2 });
    metrics.recordRootRefresh('ok');
    const { text, contentType } = await metrics.scrape();
    expect(contentType).toContain('text/plain');
    for (const line of [
      'countersign_ready 0',
      'countersign_snapshot_number 42',
      'countersign_store_silence_seconds{resource="trustedsigners"} 12.5',
      'countersign_store_silence_seconds{resource="trustroots"} +Inf',
      'countersign_resources{kind="TrustedSigner",problems="true"} 1',
      'countersign_certificate_expiry_seconds 1800000000',
      'countersign_trust_available{kind="key",name="hashivault://release"} 1',
      'countersign_trust_available{kind="root",name="corp"} 0',
      'countersign_trust_expiry_seconds{kind="key",name="hashivault://release"} 1900000000',
      'countersign_key_readings_total{scheme="awskms",outcome="error"} 1',
      'countersign_key_reading_duration_seconds_count{scheme="awskms"} 1',
      'countersign_trust_root_refreshes_total{outcome="ok"} 1',
      'countersign_cache_requests_total{cache="facts",result="hit"} 1',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    ready = true;
    resources = [{ kind: 'TrustRoot', problems: false }];
    const later = (await metrics.scrape()).text;
    expect(later).toContain('countersign_ready 1');
    expect(later).not.toContain('kind="TrustedSigner"');
  });

  test('of the process; and nothing stands in the registry that libraries share', async () => {
    const metrics = new Metrics();
    const { text } = await metrics.scrape();
    expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
    expect(text).toContain('process_resident_memory_bytes');
    expect(register.getMetricsAsArray()).toEqual([]);
  });
});
