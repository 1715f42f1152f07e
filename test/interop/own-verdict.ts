import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifyHere } from '../cli/countersign.ts';
import { readExplanation, type ExplanationJson } from '../cli/explanation-shape.ts';
import type { PushedImage } from '../support/manifests.ts';

/** Countersign's verdict: the first reason's code where it is not "verified". */
export interface OwnVerdict {
  readonly verdict: ExplanationJson['verdict'];
  readonly code: string | undefined;
  readonly explanation: ExplanationJson;
}

/** Asks `countersign verify`, which looks into the registry and judges as the webhook does. */
export function ownVerdict(policy: string, { registry, pinned }: PushedImage): Promise<OwnVerdict> {
  return judged(policy, ['--plain-http', registry.host, pinned]);
}

/** The host that saved images are served under. */
const AIRGAP = 'airgap.example';

/** The same of an image that lies below a folder, as `<root>/<repository>`. */
export function ownVerdictOfSaved(
  policy: string,
  { repository, digest }: PushedImage,
  folder: string,
  root: string,
): Promise<OwnVerdict> {
  const settings = join(folder, 'airgap.yaml');
  writeFileSync(settings, JSON.stringify({ registries: [{ host: AIRGAP, layout: root }] }));
  return judged(policy, ['--config', settings, `${AIRGAP}/${repository}@${digest}`]);
}

async function judged(policy: string, place: readonly string[]): Promise<OwnVerdict> {
  const { stdout } = await verifyHere(['--policy', policy, '--output', 'json', ...place]);
  const explanation = readExplanation(stdout);
  return { verdict: explanation.verdict, code: explanation.policies[0]?.reasons[0]?.code, explanation };
}
