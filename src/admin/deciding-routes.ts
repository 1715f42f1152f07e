import type { Route } from './route.ts';
import { decisionRoutes } from './routes/decisions.ts';
import { exceptionRoutes } from './routes/exceptions.ts';
import { impactRoutes } from './routes/impact.ts';
import { keyRoutes } from './routes/keys.ts';
import { policyRoutes } from './routes/policies.ts';
import { signerRoutes } from './routes/signers.ts';
import { statusRoutes } from './routes/status.ts';
import { trustRootRoutes } from './routes/trust-roots.ts';
import { verifyRoutes } from './routes/verify.ts';

/** What the operations of the deciding thread are made of. */
export interface DecidingParts {
  readonly status: Parameters<typeof statusRoutes>[0];
  readonly office: Parameters<typeof signerRoutes>[0];
  readonly keys: Parameters<typeof keyRoutes>[0];
  readonly impact: Parameters<typeof impactRoutes>[0];
  readonly verify: Parameters<typeof verifyRoutes>[0];
  readonly live: Parameters<typeof decisionRoutes>[0];
}

/** The operations that need what the webhook decides with: there is one truth, and it is in one thread. */
export function decidingRoutes({
  status,
  office,
  keys,
  impact,
  verify,
  live,
}: DecidingParts): readonly Route[] {
  return [
    ...statusRoutes(status),
    ...signerRoutes(office),
    ...policyRoutes(office),
    ...trustRootRoutes(office),
    ...exceptionRoutes(office),
    ...keyRoutes(keys),
    ...impactRoutes(impact),
    ...verifyRoutes(verify),
    ...decisionRoutes(live),
  ];
}

/** The same operations as the page's thread describes and checks them. Their handlers are for `CallClient.remote` to replace. */
export function describedDecidingRoutes(): readonly Route[] {
  return decidingRoutes({
    status: () => missing('status'),
    office: elsewhere(),
    keys: elsewhere(),
    impact: elsewhere(),
    verify: { assessments: elsewhere(), snapshots: elsewhere() },
    live: elsewhere(),
  });
}

function elsewhere<T extends object>(): T {
  return new Proxy({}, { get: (_target, name) => missing(String(name)) }) as T;
}

function missing(name: string): never {
  throw new Error(`${name} is in the deciding thread`);
}
