import { describe, expect, test } from '@jest/globals';
import { createPinoLogger, type LogLevel } from '../../src/observe/pino-logger.ts';

function logged(level: LogLevel = 'info') {
  const lines: string[] = [];
  const logger = createPinoLogger({ level, write: (line) => void lines.push(line) });
  return { logger, lines, last: (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '{}') };
}

describe('a log line', () => {
  test('is one JSON object with time, level, fields and message', () => {
    const { logger, lines, last } = logged();
    logger.info({ image: 'a/b:c' }, 'admitted');
    expect(last()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      image: 'a/b:c',
      msg: 'admitted',
    });
    expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1);
  });

  test('below the level is not written', () => {
    const { logger, lines } = logged('warn');
    logger.info({}, 'no');
    logger.debug({}, 'no');
    logger.warn({}, 'yes');
    logger.error({}, 'yes');
    expect(lines.length).toBe(2);
    const { logger: mute, lines: none } = logged('silent');
    mute.error({}, 'no');
    expect(none).toEqual([]);
  });

  test('G12: control characters, terminal escapes and what reorders or hides text are escaped, and still mean the same', () => {
    const { logger, lines, last } = logged();
    const evil = 'a\r\nlevel=info\u001b[31m\u0085\u009b\u2028\u202e\u2066\u200b\ufeff\u007fz';
    logger.warn({ image: evil }, evil);
    expect(lines.length).toBe(1);
    // eslint-disable-next-line no-control-regex
    expect(lines[0]?.trimEnd()).toMatch(/^[\u0020-\u007e]+$/);
    expect(last()).toMatchObject({ image: evil, msg: evil });
  });

  test('G7: secrets do not stand in it, by field and inside text', () => {
    const { logger, lines } = logged();
    const key = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE-secret\n-----END EC PRIVATE KEY-----';
    logger.info(
      { token: 's1-secret', headers: { authorization: 'Bearer s2-secret' }, user: { password: 's3-secret' } },
      'x',
    );
    logger.info(
      { text: 'sent Authorization: bearer s4-secret.aa.bb to https://me:s5-secret@host/v2/', key },
      'Basic czYtc2VjcmV0OnNlY3JldA==',
    );
    logger.error(
      { err: new Error('401 for Bearer s7-secret-token', { cause: new Error('https://u:s8-secret@host') }) },
      'x',
    );
    expect(lines.join('')).not.toMatch(/s\d-secret|czYtc2Vj|MHcCAQEE/);
    expect(lines.join('')).toContain('[redacted]@host/v2/');
    for (const line of lines) JSON.parse(line);
  });

  test('an error keeps its type, message and cause', () => {
    const { logger, last } = logged();
    logger.error({ err: new TypeError('outer', { cause: new Error('inner') }) }, 'failed');
    expect(last()['err']).toMatchObject({
      type: 'TypeError',
      message: 'outer: inner',
      stack: expect.stringContaining('pino-logger.test'),
    });
  });
});
