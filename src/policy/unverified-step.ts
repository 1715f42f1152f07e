import type { Violation } from './verdict.ts';

/**
 * What to do about evidence that was found and not verified: it cannot be mended where it is, and no limit can be raised.
 * @param policy as it is called in messages
 */
export function nextAfterUnverified({ code, about, unverified }: Violation, policy: string): string {
  const signer = `a signer that ${policy} ${about === undefined ? 'trusts' : 'names'}`;
  const again = about === undefined ? 'sign it again' : `attach ${OF[about]} again`;
  if (unverified === 'bound') {
    return `delete signatures and attestations of this digest that are not needed, or ${again}, by ${signer}: the newest are looked at first`;
  }
  const other = 'or use another version of the image';
  if (code === 'LIMIT' && about !== undefined)
    return `attach ${SMALLER[about]}, signed by ${signer}; ${other}`;
  return `${again} with a current tool, signed by ${signer}; ${other}`;
}

const SMALLER = { provenance: 'smaller provenance', attestation: 'a smaller one' } as const;
const OF = { provenance: 'its provenance', attestation: 'the attestation' } as const;
