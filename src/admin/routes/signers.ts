import { trustedSignerSpec } from '../../api/trust-schema.ts';
import { wholeSeconds } from '../../policy/message.ts';
import { parseRfc3339 } from '../../rfc3339.ts';
import { DeskError, type DocumentName } from '../../store/resource-desk.ts';
import { ApiProblem } from '../problem.ts';
import type { Order, ResourceOffice } from '../resource-office.ts';
import type { ApiAnswer, Route } from '../route.ts';
import { draftSchema, signerSchema } from '../schemas/resources.ts';
import { answersOf, type Noun } from './resource-noun.ts';
import { createRoute, deleteRoute, getRoute, listRoute, replaceRoute, verbRoute } from './resources.ts';

const SIGNERS: Noun = {
  kind: 'TrustedSigner',
  path: '/signers',
  one: 'Signer',
  many: 'Signers',
  words: 'trusted signer',
  draft: draftSchema('TrustedSigner', trustedSignerSpec),
  answers: answersOf('Signer', signerSchema),
};

/** Trusted signers. To switch one off, to switch it on and to retire it need no version: revoking must not fail because a text was edited. */
export function signerRoutes(office: ResourceOffice): readonly Route[] {
  return [
    listRoute(SIGNERS, office),
    createRoute(SIGNERS, office),
    getRoute(SIGNERS, office),
    replaceRoute(SIGNERS, office),
    deleteRoute(SIGNERS, office),
    verbRoute(SIGNERS, {
      verb: 'enable',
      operationId: 'enableSigner',
      summary: 'Switch a signer on',
      act: (name, order) => office.patch(name, order, () => ({ spec: { enabled: true } })),
    }),
    verbRoute(SIGNERS, {
      verb: 'disable',
      operationId: 'disableSigner',
      summary: 'Switch a signer off: from now on it vouches for nothing',
      act: (name, order) => office.patch(name, order, () => ({ spec: { enabled: false } })),
    }),
    verbRoute(SIGNERS, {
      verb: 'retire',
      operationId: 'retireSigner',
      summary: 'Retire a signer: what it signed until now counts, and nothing later',
      act: (name, order) => retire(office, name, order),
    }),
  ];
}

/** Somebody else may change the signer between the look and the write: then it is looked at again. */
const ATTEMPTS = 4;

/** An earlier end stays: to retire again must not bring back what was signed in between. */
async function retire(office: ResourceOffice, name: DocumentName, order: Order): Promise<ApiAnswer> {
  for (let left = ATTEMPTS; ; left -= 1) {
    const stored = await office.read(name, order);
    const { signedNotBefore, signedNotAfter } = stored.spec;
    const now = Math.floor(office.now / 1000) * 1000;
    if (timeIn(signedNotAfter) <= now) return office.unchanged(stored, order);
    if (timeIn(signedNotBefore) > now && typeof signedNotBefore === 'string') {
      throw new ApiProblem(
        'CONFLICT',
        `What this signer signs counts from ${signedNotBefore.slice(0, 40)} on: there is nothing to keep. Switch it off instead.`,
      );
    }
    const version = stored.metadata.resourceVersion;
    try {
      return await office.patch(name, order, () => ({
        spec: { signedNotAfter: wholeSeconds(now) },
        version,
      }));
    } catch (error) {
      if (left > 1 && error instanceof DeskError && error.code === 'CHANGED_MEANWHILE') continue;
      throw error;
    }
  }
}

/** NaN, which is neither before nor after anything, for what is no time. */
function timeIn(value: unknown): number {
  return typeof value === 'string' ? (parseRfc3339(value) ?? Number.NaN) : Number.NaN;
}
