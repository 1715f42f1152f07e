/** Answers of the API as tests look at them: whatever an answer does not have is undefined, and the test says so. */
export interface ShownDocument {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion: string };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly problems: readonly { readonly field: string; readonly message: string }[];
  readonly facts: {
    readonly state: string;
    readonly stateDetail?: string;
    readonly identity: string;
    readonly keys: readonly { readonly fingerprint: string; readonly algorithm: string }[];
    readonly usedBy: readonly { readonly kind: string; readonly name: string }[];
    readonly lastUsedAt?: string;
    readonly mode: string;
    readonly builtIn: boolean;
  };
}

export interface ShownJson extends ShownDocument {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly { readonly field: string; readonly message: string }[];
  readonly document: ShownDocument;
  readonly items: readonly ShownDocument[];
  readonly isComplete: boolean;
  readonly inForce: boolean;
  readonly dryRun: boolean;
  readonly warnings: readonly string[];
  readonly keys: readonly unknown[];
  readonly next: string;
}
