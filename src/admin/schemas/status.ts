import * as z from 'zod';

/** What the installation is and how it is, for the page's header and empty states. */
export const statusSchema = z
  .strictObject({
    version: z.string(),
    mode: z.enum(['cluster', 'standalone']),
    replica: z.string(),
    ready: z.boolean(),
    notReady: z.array(z.string()).describe('Why not, one sentence each.'),
    snapshot: z.int().optional().describe('Number of the snapshot that decides now.'),
    noMatch: z.string(),
    excludedNamespaces: z.array(z.string()).describe('Namespaces that nothing is verified in.'),
    history: z.enum(['off', 'sqlite', 'postgres']),
    historyAvailable: z.boolean(),
    counts: z.strictObject({
      policies: z.int(),
      signers: z.int(),
      trustRoots: z.int(),
      exceptions: z.int(),
    }),
    problems: z
      .array(z.strictObject({ subject: z.string(), message: z.string() }))
      .describe('Resources, trust roots and keys that cannot be used now.'),
  })
  .meta({ id: 'Status' });

export type InstallationStatus = z.output<typeof statusSchema>;
