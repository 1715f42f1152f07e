import { describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../src/log.ts';
import { decisionLog, everyObserver } from '../../src/observe/decision-log.ts';
import { createPinoLogger } from '../../src/observe/pino-logger.ts';
import { built, decision, excepted, faulted, image, verified, violated } from './decision.ts';

function observed() {
  const lines: Record<string, unknown>[] = [];
  const logger = createPinoLogger({
    write: (line) => void lines.push({ ...JSON.parse(line), bytes: line.length }),
  });
  return { lines, observer: decisionLog(logger), logger };
}

describe('the log of decisions', () => {
  test('has one line each: who, what, whether, why, by which snapshot', () => {
    const { lines, observer } = observed();
    observer.decided(decision({ images: [image([verified(), violated('Audit')])] }), 1.23456);
    const message = 'Image ghcr.io/org/server:v1 is not signed. Signature required.\nmore';
    observer.decided(
      decision({
        allowed: false,
        code: 403,
        message,
        codes: ['SIGNATURE_MISSING'],
        images: [image([violated(), faulted()])],
        dryRun: true,
      }),
      8,
    );
    expect(lines[0]).toMatchObject({
      level: 'info',
      msg: 'admitted',
      uid: 'u-1',
      user: 'system:serviceaccount:mcp:deployer',
      snapshot: 7,
      milliseconds: 1.235,
      images: [
        {
          image: 'ghcr.io/org/server:v1',
          verdicts: [
            {
              policy: 'SigningPolicy/mcp/servers',
              mode: 'Enforce',
              outcome: 'verified',
              signers: [{ entry: 'ci' }],
            },
            { mode: 'Audit', outcome: 'violated', reasons: [{ code: 'SIGNATURE_MISSING' }] },
          ],
        },
      ],
    });
    expect(lines[0]).not.toHaveProperty('message');
    expect(lines[1]).toMatchObject({
      level: 'warn',
      msg: 'denied',
      code: 403,
      dryRun: true,
      message: 'Image ghcr.io/org/server:v1 is not signed. Signature required.',
      images: [
        {
          verdicts: [
            { outcome: 'violated' },
            { outcome: 'faulted', reasons: [{ code: 'REGISTRY_UNREACHABLE' }] },
          ],
        },
      ],
    });
  });

  test('names the exceptions that something was admitted because of', () => {
    const { lines, observer } = observed();
    const verdicts = [excepted(violated()), excepted(faulted(), 'x'.repeat(1000)), verified()];
    observer.decided(decision({ images: [image(verdicts)] }), 1);
    observer.decided(decision({ images: [image([verified()])] }), 1);
    expect(lines[0]).toMatchObject({
      msg: 'admitted',
      exceptions: ['incident-1', `${'x'.repeat(256)}…`],
      images: [{ verdicts: [{ outcome: 'violated', exception: 'incident-1' }, {}, {}] }],
    });
    expect(JSON.stringify(lines[1])).not.toContain('exception');
  });

  test('of what was built where: level, builder, source, ref and commit, each bounded', () => {
    const { lines, observer } = observed();
    const verdicts = [
      built(),
      built({ builder: 'x'.repeat(10_000), source: undefined, ref: undefined }),
      verified(),
    ];
    observer.decided(decision({ images: [image(verdicts)] }), 1);
    expect(lines[0]).toMatchObject({
      images: [
        {
          verdicts: [
            {
              outcome: 'verified',
              provenance: {
                level: 3,
                source: 'https://github.com/acme/app',
                ref: 'refs/heads/main',
                commit: '4b22',
              },
            },
            { provenance: { level: 3, builder: `${'x'.repeat(256)}…` } },
            expect.not.objectContaining({ provenance: expect.anything() }),
          ],
        },
      ],
    });
  });

  test('a line is bounded whatever somebody asked for', () => {
    const { lines, observer } = observed();
    const long = 'x'.repeat(100_000);
    const images = Array.from({ length: 256 }, (_, i) =>
      image(
        Array.from({ length: 100 }, () => violated()),
        `${long}${i}`,
      ),
    );
    observer.decided(
      decision({
        images,
        user: long,
        uid: long,
        message: long,
        allowed: false,
        object: { kind: long, namespace: long, name: long },
      }),
      1,
    );
    expect(lines[0]?.['bytes']).toBeLessThan(100_000);
    expect(lines[0]).toMatchObject({ imagesLeftOut: 236 });
  });

  test('an observer that throws keeps the decision from nobody', () => {
    const { lines, observer } = observed();
    const broken = {
      decided() {
        throw new Error('a defect');
      },
    };
    everyObserver([broken, observer], silentLogger).decided(decision(), 1);
    expect(lines.length).toBe(1);
  });
});
