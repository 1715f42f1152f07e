import { LargeEvidenceDesk } from '../../src/admission/large-evidence.ts';
import { silentLogger } from '../../src/log.ts';
import { EvidencePool } from '../../src/reading/evidence-pool.ts';

/** As programs have it: its thread is started by the first large evidence, and keeps no process. */
export function largeEvidence(): LargeEvidenceDesk {
  return new LargeEvidenceDesk(new EvidencePool({ log: silentLogger }));
}
