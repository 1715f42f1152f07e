import type { DecisionObserver } from '../admission/ports.ts';
import type { Mode } from '../api/resources.ts';
import { FAULT_CODES, REFUSAL_CODES } from '../errors.ts';
import type { Decision } from '../policy/decision.ts';
import { POLICY_VIOLATION_CODES, type Outcome } from '../policy/verdict.ts';
import { SLSA_VIOLATION_CODES } from '../slsa/slsa-policy.ts';
import { oneOf } from './bounded-label.ts';
import type { Metrics } from './metrics.ts';

const operations = new Set(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']);
const kinds = new Set([
  'Pod',
  'Deployment',
  'ReplicaSet',
  'StatefulSet',
  'DaemonSet',
  'Job',
  'CronJob',
  'ReplicationController',
  'PodTemplate',
]);
const faultCodes = new Set<string>(FAULT_CODES);
const violationCodes = new Set<string>([
  ...REFUSAL_CODES,
  ...POLICY_VIOLATION_CODES,
  ...SLSA_VIOLATION_CODES,
]);
const strictness: Readonly<Record<Mode, number>> = { Audit: 1, Warn: 2, Enforce: 3 };

/** Counts decisions. Names of images, namespaces and users are in no label: there is no end of them. */
export function decisionMetrics(metrics: Metrics): DecisionObserver {
  return {
    decided(decision, milliseconds) {
      const mode = recordReasons(metrics, decision);
      const outcome = decision.allowed ? 'admitted' : 'denied';
      metrics.decisionTime.observe({ outcome }, milliseconds / 1000);
      metrics.decisions.inc({
        operation: oneOf(operations, decision.operation),
        kind: oneOf(kinds, decision.object.kind),
        outcome,
        mode: !decision.allowed && mode === 'none' ? 'Enforce' : mode,
        dry_run: String(decision.dryRun),
      });
    },
  };
}

/** Returns the strictest mode in which something was not verified. */
function recordReasons(metrics: Metrics, decision: Decision): Mode | 'none' {
  const counted = new Set<string>();
  let strictest: Mode | 'none' = 'none';
  for (const { mode, outcome, exception } of decision.images.flatMap(({ verdicts }) => verdicts)) {
    metrics.images.inc({ outcome: outcome.kind, mode });
    if (exception !== undefined) metrics.exceptions.inc({ outcome: outcome.kind });
    for (const code of recordOutcome(metrics, mode, outcome)) counted.add(code);
    if (outcome.kind !== 'verified' && (strictest === 'none' || strictness[mode] > strictness[strictest])) {
      strictest = mode;
    }
  }
  // A review that was answered before any image was looked at has its reason here alone.
  for (const code of decision.codes.filter((each) => !counted.has(each))) {
    if (faultCodes.has(code)) metrics.faults.inc({ code });
    else metrics.violations.inc({ code: oneOf(violationCodes, code), mode: 'Enforce' });
  }
  return strictest;
}

/** Returns the codes that were counted. */
function recordOutcome(metrics: Metrics, mode: Mode, outcome: Outcome): string[] {
  switch (outcome.kind) {
    case 'verified':
      // Three levels and three modes: nothing of what a statement says is in a label.
      if (outcome.provenance !== undefined) {
        metrics.slsaLevels.inc({ level: String(outcome.provenance.level), mode });
      }
      return [];
    case 'violated':
      for (const { code } of outcome.violations) metrics.violations.inc({ code, mode });
      return outcome.violations.map(({ code }) => code);
    case 'faulted':
      for (const { code } of outcome.faults) metrics.faults.inc({ code });
      return outcome.faults.map(({ code }) => code);
  }
}
