import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '../../src/limits.ts';
import { Artifacts, cosignSignatureType, sha256 } from './artifacts.ts';
import { evilRegistry, imageSource, lookAtAll, reference, summary } from './sources.ts';

/** An image in one registry, and what is said of it in a repository of another, as cosign's COSIGN_REPOSITORY lays it out. */
async function apart() {
  const [registry, other] = [await evilRegistry(), await evilRegistry()];
  const source = imageSource([registry, other]);
  const origin = new Artifacts(registry);
  const digest = origin.image();
  const signatures = new Artifacts(other, 'team/signatures');
  const signatureRepository = reference(other, { repository: 'team/signatures', tag: 'latest' });
  const look = (change = {}) => lookAtAll(source, registry, digest, { signatureRepository, ...change });
  return { registry, other, source, origin, digest, signatures, look };
}

describe('D19: signatures in another repository', () => {
  test('are looked for there and not beside the image; tags and referrers are named by the digest alone', async () => {
    const { registry, other, source, origin, digest, signatures, look } = await apart();
    origin.simpleSigned(digest, [origin.simpleLayer('beside')]);
    signatures.simpleSigned(digest, [signatures.simpleLayer('signature')]);
    signatures.tagged(digest, 'att', [signatures.envelopeLayer('attestation')]);
    signatures.referrers(digest, [signatures.bundle(digest, 'bundle')]);
    expect(summary(await look())).toEqual({
      evidence: ['attestation', 'bundle', 'signature'],
      refused: [],
      faults: [],
    });
    expect(registry.seen).toEqual([]);
    expect(other.asked.every((line) => line.startsWith('GET /v2/team/signatures/'))).toBe(true);
    // One is no answer for the other, warm or cold.
    expect(summary(await lookAtAll(source, registry, digest)).evidence).toEqual(['beside']);
    expect(summary(await look()).evidence).toHaveLength(3);
  });

  test('D19: its owner deletes everything: unsigned, and the image is looked for where it is', async () => {
    const { registry, other, look, source } = await apart();
    expect(summary(await look())).toEqual({ evidence: [], refused: [], faults: [] });
    expect(registry.asked).toEqual([expect.stringMatching(/^HEAD \/v2\/org\/app\/manifests\/sha256:/)]);
    expect(other.asked.filter((line) => line.startsWith('HEAD'))).toEqual([]);
    const signatureRepository = reference(other, { repository: 'team/signatures' });
    const gone = await lookAtAll(source, registry, sha256('gone'), { signatureRepository });
    expect(summary(gone).faults).toEqual(['IMAGE_NOT_FOUND']);
  });

  test('D19: its owner breaks it: a fault, and never "unsigned"', async () => {
    const { other, look } = await apart();
    other.script((_request, response) => {
      response.writeHead(403).end();
      return true;
    });
    const { evidence, faults } = await look();
    expect(evidence).toEqual([]);
    expect(faults[0]).toMatchObject({ code: 'REGISTRY_AUTH', message: expect.stringContaining(other.host) });
  });

  test('D19: its owner replays what was said of another image', async () => {
    const { digest, signatures, look } = await apart();
    const another = sha256('another');
    signatures.referrers(digest, [
      signatures.bundle(another, 'replayed'),
      signatures.layered(another, cosignSignatureType, [signatures.simpleLayer('replayed')]),
      signatures.bundle(digest, 'good'),
    ]);
    expect(summary(await look())).toEqual({
      evidence: ['good'],
      refused: ['DIGEST_MISMATCH', 'DIGEST_MISMATCH'],
      faults: [],
    });
  });

  test('D19: its owner floods it: so much is looked at, and no more', async () => {
    const { digest, other, signatures, look } = await apart();
    const junk = Array.from({ length: 1000 }, (_, index) => signatures.bundle(digest, `junk ${index}`));
    signatures.referrers(digest, junk);
    signatures.simpleSigned(digest, [signatures.simpleLayer('good')]);
    const { evidence, refused } = summary(await look());
    expect(evidence).toContain('good');
    expect(evidence).toHaveLength(LIMITS.evidencePerImage);
    expect(refused).toEqual(['LIMIT']);
    expect(other.seen.length).toBeLessThanOrEqual(2 * LIMITS.evidencePerImage + 4);
  });
});
