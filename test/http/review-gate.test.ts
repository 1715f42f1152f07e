import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ReviewGate } from '../../src/http/review-gate.ts';

describe('F11: the gate', () => {
  test('F11: names the limit that is reached', () => {
    const gate = new ReviewGate({ total: 3, perNamespace: 2 });
    expect(
      [gate.enter('a'), gate.enter('a'), gate.enter('b')].every((leave) => typeof leave === 'function'),
    ).toBe(true);
    expect(gate.enter('a')).toBe('total');
    const roomy = new ReviewGate({ total: 9, perNamespace: 1 });
    roomy.enter('a');
    expect(roomy.enter('a')).toBe('namespace');
  });

  test('F11: whatever comes and goes, the limits hold and what has left makes room', () => {
    const limits = { total: 5, perNamespace: 3 };
    const step = fc.record({ namespace: fc.constantFrom('', 'a', 'b', '__proto__'), leave: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const gate = new ReviewGate(limits);
        const inside: { namespace: string; leave: () => void }[] = [];
        const within = (namespace: string) => inside.filter((one) => one.namespace === namespace).length;
        for (const { namespace, leave } of steps) {
          if (leave) {
            inside.shift()?.leave();
            continue;
          }
          const room = inside.length < limits.total && within(namespace) < limits.perNamespace;
          const entered = gate.enter(namespace);
          expect(typeof entered === 'function').toBe(room);
          if (typeof entered === 'function') inside.push({ namespace, leave: entered });
        }
        expect(gate.underWay).toBe(inside.length);
      }),
    );
  });
});
