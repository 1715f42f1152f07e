import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { FactCache } from '../../src/admission/fact-cache.ts';
import { examineImage } from '../../src/admission/judge-image.ts';
import { StatementCache } from '../../src/admission/statement-cache.ts';
import { parseDocuments } from '../../src/api/policy-file.ts';
import { silentLogger } from '../../src/log.ts';
import { compileSnapshot } from '../../src/policy/snapshot.ts';
import type { Outcome } from '../../src/policy/verdict.ts';
import { RegistryImageSource } from '../../src/registry/image-source.ts';
import { changed, generatorStatement, type Json } from '../slsa/statements.ts';
import { staticTrust } from '../support/trust.ts';
import { startLayoutRegistry } from './layout-registry.ts';
import { provenancePolicy, writeProvenanceLayouts } from './provenance-layout.ts';
import { largeEvidence } from '../support/large-evidence.ts';

/** What one look at an image with a large provenance costs, from the registry to the verdict. */
export interface LargeStatementCost {
  readonly outcome: Outcome | undefined;
  readonly statementBytes: number;
  readonly subjects: number;
  /** From the question to the verdict; the registry answers in the same process. */
  readonly milliseconds: number;
  readonly cpuMilliseconds: number;
  /** The longest that nothing else had its turn. */
  readonly longestPauseMilliseconds: number;
  readonly residentMebibytes: number;
  /** Median of further admissions, with all that is remembered. */
  readonly warmMilliseconds: number;
  /** Of one of these. */
  readonly warmCpuMilliseconds: number;
  /** What the registry was asked for these. */
  readonly warmRequests: number;
}

/**
 * A provenance with as many subjects, less the image's own, and of at least so many bytes: dependencies with digests, and parameters
 * in many small pieces: as many tokens as an SBOM of that size has.
 */
export function largeStatement(subjects: number, bytes: number): Json {
  const hex = (index: number): string => index.toString(16).padStart(64, '0');
  const json = {
    ...generatorStatement(),
    subject: Array.from({ length: subjects - 1 }, (_, i) => ({
      name: `registry.example/other/image-${i}`,
      digest: { sha256: hex(i) },
    })),
  };
  const materials = Array.from({ length: 4000 }, (_, i) => ({
    uri: `pkg:npm/%40acme/package-${i}@1.0.${i}`,
    digest: { sha256: hex(i), sha512: `${hex(i)}${hex(i)}` },
  }));
  const full = changed(json, 'predicate.materials', [...(materials as object[])]);
  const missing = Math.max(0, bytes - JSON.stringify(full).length);
  const piece = { file: 'src/some/folder/of/the/project/module.ts', lines: 12 };
  const pieces = Array.from({ length: Math.ceil(missing / (JSON.stringify(piece).length + 1)) }, () => piece);
  return changed(full, 'predicate.buildConfig', { pieces });
}

const WARM_TURNS = 21;
const DEADLINE = 120_000;

export async function measureLargeStatement(form: 'bundled' | 'layered'): Promise<LargeStatementCost> {
  const work = mkdtempSync(join(tmpdir(), 'countersign-large-'));
  const subjects = 1000;
  const statement = largeStatement(subjects, 5_000_000);
  const layouts = writeProvenanceLayouts(join(work, 'layouts'), statement);
  const registry = await startLayoutRegistry(layouts.folder, 0);
  const host = `127.0.0.1:${registry.port}`;
  // What it costs is measured, and no deadline ends it.
  const images = new RegistryImageSource({
    registries: [{ host, plainHttp: true }],
    log: silentLogger,
    requestMilliseconds: DEADLINE,
    lookupMilliseconds: DEADLINE,
  });
  try {
    const text = provenancePolicy(layouts, host, { slsa: { requiredLevel: 3 } });
    const { resources, problems } = parseDocuments(text, 'bench.yaml');
    if (problems.length > 0) throw new Error(JSON.stringify(problems));
    const material = staticTrust(new Map()).material();
    const snapshot = { number: 1, resources: resources.map(({ resource }) => resource), material };
    const { policies } = compileSnapshot(snapshot);
    const sources = {
      images,
      facts: new FactCache(),
      statements: new StatementCache(),
      large: largeEvidence(),
    };
    const judge = async () => {
      const { examined } = await examineImage(`${host}/mcp/${form}@${layouts[form]}`, policies, {
        sources,
        circumstances: { now: Date.now(), isPod: true },
        puller: { namespace: 'mcp', pullSecrets: [], serviceAccount: 'default' },
        signal: AbortSignal.timeout(DEADLINE),
      });
      return examined[0]?.verdict.outcome;
    };
    await sleep(200);
    const lag = monitorEventLoopDelay({ resolution: 5 });
    const [before, resident, began] = [process.cpuUsage(), process.memoryUsage.rss(), performance.now()];
    lag.enable();
    const outcome = await judge();
    const milliseconds = performance.now() - began;
    await sleep(20);
    lag.disable();
    const cpu = process.cpuUsage(before);
    const grown = process.memoryUsage.rss() - resident;
    const asked = registry.requests.length;
    const again: number[] = [];
    const beforeAgain = process.cpuUsage();
    for (let turn = 0; turn < WARM_TURNS; turn += 1) {
      const start = performance.now();
      await judge();
      again.push(performance.now() - start);
    }
    const cpuAgain = process.cpuUsage(beforeAgain);
    return {
      outcome,
      statementBytes: JSON.stringify(statement).length,
      subjects,
      milliseconds,
      cpuMilliseconds: (cpu.user + cpu.system) / 1000,
      longestPauseMilliseconds: lag.max / 1e6,
      residentMebibytes: grown / 1024 / 1024,
      warmMilliseconds: again.toSorted((a, b) => a - b)[Math.floor(WARM_TURNS / 2)] ?? 0,
      warmCpuMilliseconds: (cpuAgain.user + cpuAgain.system) / 1000 / WARM_TURNS,
      warmRequests: registry.requests.length - asked,
    };
  } finally {
    await Promise.all([images.stop(), registry.stop()]);
    rmSync(work, { recursive: true, force: true });
  }
}
