/** Decisions as a person reads them. */
import type { Admission, KubernetesObject } from './api-server.ts';

const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
export const green = (text: string): string => paint(32, text);
export const red = (text: string): string => paint(31, text);
export const bold = (text: string): string => paint(1, text);

/** What the audit annotation `verdicts` tells of each image. */
interface AuditVerdict {
  readonly image: string;
  readonly policy?: string;
  readonly signers?: readonly string[];
}

export function describeAdmission(object: KubernetesObject, admission: Admission): string {
  const { kind, metadata } = object;
  const name = bold(`${kind} ${metadata.namespace ?? 'default'}/${metadata.name}`);
  const took = `${admission.milliseconds.toFixed(0)} ms`;
  const pinned = admission.pinned.map((image) => `    pinned to ${image}`);
  const warnings = (admission.warnings ?? []).map((warning) => `    warning: ${warning}`);
  if (!admission.allowed) {
    const message = admission.status?.message ?? '';
    const lines = message.split('\n').map((line) => `    ${line}`.trimEnd());
    return [`${red('✘ refused')}   ${name}  (${took})`, ...lines, ...warnings].join('\n');
  }
  return [`${green('✔ admitted')}  ${name}  (${took})`, ...pinned, ...signers(admission), ...warnings].join(
    '\n',
  );
}

function signers({ auditAnnotations }: Admission): readonly string[] {
  const verdicts = JSON.parse(auditAnnotations?.['verdicts'] ?? '[]') as AuditVerdict[];
  if (verdicts.length === 0) return ['    no policy covers it'];
  return verdicts.map(({ image, signers: names = [], policy }) => {
    return `    ${image}\n      signed by ${names.join(' and ') || 'nobody'} (policy ${policy ?? '-'})`;
  });
}
