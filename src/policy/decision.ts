import type { Verdict } from './verdict.ts';

/** One image of the object with what every matching policy says of it. */
export interface ImageVerdicts {
  /** As the user wrote it. */
  readonly image: string;
  /** Path of the field: `spec.template.spec.containers[0].image`. */
  readonly field: string;
  /** What people call it: `container "server"`, `init container "setup"`, `volume "models"`. */
  readonly place: string;
  /** `sha256:…`, once it is known. */
  readonly digest: string | undefined;
  /** True when a pull secret was needed to see it: what was found is then not told to whoever asks. */
  readonly isPrivate: boolean;
  readonly verdicts: readonly Verdict[];
}

/** One AdmissionReview decided: allowed or not, with warnings. */
export interface Decision {
  readonly uid: string;
  readonly operation: string;
  readonly dryRun: boolean;
  /** `Deployment mcp/server`. */
  readonly object: { readonly kind: string; readonly namespace: string; readonly name: string };
  /** The one who asked, as the API server names it. */
  readonly user: string;
  readonly allowed: boolean;
  /** HTTP code of `status.code` when not allowed. */
  readonly code: number;
  /** `status.message` when not allowed; the first line is the headline. */
  readonly message: string;
  /** Codes that the denial (or, in Warn and Audit, the would-be denial) rests on; stable order, no duplicates. */
  readonly codes: readonly string[];
  /** API warnings, each within `LIMITS.warningChars`. */
  readonly warnings: readonly string[];
  /** Keys without a prefix: the API server adds the webhook's name. */
  readonly auditAnnotations: Readonly<Record<string, string>>;
  readonly images: readonly ImageVerdicts[];
  /** Number of the snapshot that decided; undefined when there was none. */
  readonly snapshot: number | undefined;
}
