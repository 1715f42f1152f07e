import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { untilHolds } from '../kube/eventually.ts';
import { createObject, type Said } from '../support/api-objects.ts';
import { pushImage } from '../support/images.ts';
import type { PushedImage } from '../support/manifests.ts';
import { API_VERSION, clusterPolicy, pod, until, type Installation } from './installation.ts';
import { untilStatus } from './tenant.ts';

/** The break-glass with real parts: who may break it, what it admits, what it never admits, and that it ends. */
export function exceptions(installed: () => Installation): void {
  const MCP = 'mcp';
  const ELSEWHERE = 'elsewhere';
  const HOUR = 3_600_000;
  let world: Installation;
  let unsigned: PushedImage;
  let revoked: PushedImage;
  let other: PushedImage;

  beforeAll(async () => {
    world = installed();
    for (const namespace of [MCP, ELSEWHERE]) await world.cluster.createNamespace(namespace);
    const registry = world.registries.referrers;
    unsigned = await pushImage(registry, 'org/unsigned', { tag: 'v1' });
    revoked = await pushImage(registry, 'org/revoked', { tag: 'v1' });
    other = await pushImage(registry, 'other/unsigned', { tag: 'v1' });
    await world.applied(policyOf('mcp-servers', MCP), policyOf('elsewhere', ELSEWHERE));
    await untilDenied(unsigned);
    await untilDenied(unsigned, ELSEWHERE);
  }, 180_000);

  afterEach(async () => {
    await world.cluster.request(`/apis/${API_VERSION}/signingexceptions`, { method: 'DELETE' });
    await untilDenied(unsigned);
  });

  const policyOf = (name: string, namespace: string): object =>
    clusterPolicy(name, namespace, {
      trustedKeys: [{ publicKey: { pem: world.key.publicKeyPem } }],
      transparency: { keys: { log: 'Ignored' } },
      revokedDigests: [revoked.digest],
    });

  function exception(name: string, changes: object = {}): object {
    return {
      apiVersion: API_VERSION,
      kind: 'SigningException',
      metadata: { name },
      spec: {
        namespaces: [MCP],
        images: [`${world.registries.referrers.host}/org/*`],
        policies: ['mcp-servers'],
        reason: 'INC-1: the signer is down',
        expiresAt: new Date(Date.now() + HOUR).toISOString(),
        ...changes,
      },
    };
  }

  let names = 0;

  function tried(image: PushedImage, namespace = MCP, options: { dryRun?: boolean } = {}): Promise<Said> {
    return createObject(world.cluster, pod(namespace, `pod-${(names += 1)}`, image.reference), options);
  }

  async function untilAdmitted(image: PushedImage): Promise<void> {
    await until('admitted', async () =>
      (await tried(image, MCP, { dryRun: true })).isTaken ? true : undefined,
    );
  }

  async function untilDenied(image: PushedImage, namespace = MCP): Promise<void> {
    await until('denied', async () =>
      (await tried(image, namespace, { dryRun: true })).message.includes('[SIGNATURE_MISSING]')
        ? true
        : undefined,
    );
  }

  async function expectDenied(image: PushedImage, words: string, namespace = MCP): Promise<void> {
    const { isTaken, message } = await tried(image, namespace);
    expect({ isTaken, message }).toEqual({
      isTaken: false,
      message: expect.stringContaining('denied the request'),
    });
    expect(message).toContain(words);
  }

  describe('kubectl apply of a SigningException', () => {
    test('admits what was denied, with a warning that names it; deleted, the same is denied again', async () => {
      await expectDenied(unsigned, '[SIGNATURE_MISSING]');
      await world.applied(exception('inc-1'));
      await untilAdmitted(unsigned);
      const input = JSON.stringify(pod(MCP, 'excepted', unsigned.reference));
      const { code, stderr } = await world.cluster.kubectl(['apply', '-f', '-'], { input });
      expect(code).toBe(0);
      expect(stderr).toMatch(
        /^Warning: Excepted by SigningException "inc-1" until \d{4}-\d\d-\d\dT[\d:]{8}Z: Image /,
      );
      // Its twins: another image, another namespace, a revoked digest.
      await expectDenied(other, '[SIGNATURE_MISSING]');
      await expectDenied(unsigned, '[SIGNATURE_MISSING]', ELSEWHERE);
      await expectDenied(revoked, '[DIGEST_REVOKED]');
      await world.cluster.kubectl(['delete', 'signingexception', 'inc-1']);
      await untilDenied(unsigned);
      await expectDenied(unsigned, '[SIGNATURE_MISSING]');
    });

    test('is named in the log, the metrics, the audit log and the status', async () => {
      await world.applied(exception('inc-named'));
      await untilAdmitted(unsigned);
      expect((await tried(unsigned)).isTaken).toBe(true);
      expect(world.log()).toContain('"exceptions":["inc-named"]');
      const metrics = await fetch(`http://127.0.0.1:${world.operationsPort()}/metrics`);
      expect(await metrics.text()).toMatch(/countersign_excepted_verdicts_total\{outcome="violated"\} [1-9]/);
      await until('the audit log has it', async () =>
        readFileSync(world.cluster.auditLog, 'utf8').includes('/exceptions":"inc-named"') ? true : undefined,
      );
      await untilStatus(world, 'signingexception', 'inc-named', { ready: 'True', reason: 'Valid' });
      const { stdout } = await world.cluster.kubectl(['get', 'sigex']);
      expect(stdout).toMatch(/^NAME +NAMESPACES +REASON +EXPIRES +READY +AGE\ninc-named +\["mcp"\] +INC-1: /);
      expect(stdout).toContain('True');
    });

    test('C12: two that each cover a part except nothing, and no name of a Pod does', async () => {
      await world.applied(
        exception('inc-elsewhere', { namespaces: [ELSEWHERE], policies: ['elsewhere'] }),
        exception('inc-others', { images: [`${world.registries.referrers.host}/other/*`] }),
      );
      await untilHolds('each excepts what it names', async () => {
        expect((await tried(unsigned, ELSEWHERE, { dryRun: true })).isTaken).toBe(true);
        expect((await tried(other, MCP, { dryRun: true })).isTaken).toBe(true);
      });
      await expectDenied(unsigned, '[SIGNATURE_MISSING]');
      await expectDenied(other, '[SIGNATURE_MISSING]', ELSEWHERE);
      for (const name of ['inc-others', 'nginx-ingress-controller', 'kube-system']) {
        const named = await createObject(world.cluster, pod(MCP, name, unsigned.reference));
        expect(named).toMatchObject({
          isTaken: false,
          message: expect.stringContaining('[SIGNATURE_MISSING]'),
        });
      }
    });

    test('of another policy changes nothing, and its status says which policy does not exist', async () => {
      await world.applied(exception('inc-typo', { policies: ['mcp-server'] }));
      await untilStatus(world, 'signingexception', 'inc-typo', { ready: 'False', reason: 'NothingUsable' });
      await expectDenied(unsigned, '[SIGNATURE_MISSING]');
      await world.applied(exception('inc-right'));
      await untilAdmitted(unsigned);
    });

    test('C12: ends at its end, without anybody doing anything', async () => {
      const end = Date.now() + 15_000;
      await world.applied(exception('inc-short', { expiresAt: new Date(end).toISOString() }));
      await untilAdmitted(unsigned);
      expect(Date.now()).toBeLessThan(end);
      await untilDenied(unsigned);
      expect(Date.now()).toBeGreaterThanOrEqual(end);
      await expectDenied(unsigned, '[SIGNATURE_MISSING]');
      // Statuses are written within a minute, and with the next change of whatever resource.
      await world.applied(exception('inc-other', { policies: ['elsewhere'] }));
      await untilStatus(world, 'signingexception', 'inc-short', {
        ready: 'False',
        reason: 'Expired',
        message: expect.stringMatching(/^Expired at /),
      });
    }, 120_000);
  });

  describe('a SigningException cannot be', () => {
    test('changed: only deleted, and relabelled', async () => {
      await world.applied(exception('inc-fixed'));
      const later = exception('inc-fixed', { expiresAt: '2099-01-01T00:00:00Z' });
      const { code, stderr } = await world.apply(later);
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('is immutable: delete this SigningException and apply another one'),
      });
      for (const patch of [
        { spec: { policies: null } },
        { spec: { namespaces: [MCP, ELSEWHERE] } },
        { spec: { reason: 'another' } },
      ]) {
        const args = ['patch', 'signingexception', 'inc-fixed', '--type=merge', '-p', JSON.stringify(patch)];
        const patched = await world.cluster.kubectl(args);
        expect([patched.code, patched.stderr]).toEqual([1, expect.stringContaining('is immutable')]);
      }
      const labelled = await world.cluster.kubectl(['label', 'signingexception', 'inc-fixed', 'seen=yes']);
      expect(labelled.code).toBe(0);
    });

    test('bad: the webhook says what is wrong; for every image it warns', async () => {
      const bad = await world.apply(exception('inc-bad', { images: ['nginx'] }));
      expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('spec.images[0]')]);
      const all = await world.apply(exception('inc-all', { images: ['**'] }));
      expect([all.code, all.stderr]).toEqual([0, expect.stringContaining('Warning: images holds "**"')]);
    });

    test('C12: written by a tenant, who may do everything in the namespace', async () => {
      const tenant = world.cluster.user('tenant');
      const role = ['create', 'rolebinding', 'tenant', '--clusterrole=admin', '--user=tenant', '-n', MCP];
      expect((await world.cluster.kubectl(role)).code).toBe(0);
      const mine = await until('the tenant has rights', async () => {
        const input = JSON.stringify(pod(MCP, 'tenants', unsigned.reference));
        const { stderr } = await world.cluster.kubectl(['apply', '-f', '-'], { input, user: tenant });
        return stderr.includes('denied the request') ? stderr : undefined;
      });
      expect(mine).toContain('[SIGNATURE_MISSING]');
      const input = JSON.stringify(exception('inc-tenant'));
      const { code, stderr } = await world.cluster.kubectl(['create', '-f', '-'], { input, user: tenant });
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/User "tenant" cannot create resource "signingexceptions"/),
      });
      await expectDenied(unsigned, '[SIGNATURE_MISSING]');
      // The twin: the same document by somebody who may.
      expect((await world.cluster.kubectl(['create', '-f', '-'], { input })).code).toBe(0);
      await untilAdmitted(unsigned);
    });
  });

  test('one that is not valid and got in while the webhook was down excepts nothing', async () => {
    await world.stopWebhook();
    const bad = await world.apply(
      exception('inc-bad', { images: ['ghcr.io/org/*:v1', `${unsigned.registry.host}/org/*`] }),
    );
    await world.startWebhook();
    expect(bad.code).toBe(0);
    await untilStatus(world, 'signingexception', 'inc-bad', { ready: 'False', reason: 'Invalid' });
    await expectDenied(unsigned, '[SIGNATURE_MISSING]');
    await world.cluster.kubectl(['delete', 'signingexception', 'inc-bad']);
    await world.applied(exception('inc-good'));
    await untilAdmitted(unsigned);
  }, 90_000);
}
