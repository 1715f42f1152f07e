/**
 * Every bound on what somebody else writes, in one table (design §4), each with its reason.
 * Above one is a refusal `LIMIT` that names it. Sizes are bytes.
 */
export const LIMITS = {
  /** Two objects (new and old) of at most 3 MiB each, which is what the API server takes, and the envelope. */
  admissionReviewBytes: 7 * 1024 * 1024,
  /** Objects, lists, commas and strings of a review: a Pod's has one for each ten bytes or more, and 4 MB so dense are no Pod. 7 MiB of `{}` would be 4.6 million. */
  admissionReviewTokens: 400_000,
  /** A review of one of our own documents, new and old: etcd keeps none above 1.5 MiB. */
  policyReviewBytes: 3 * 1024 * 1024,
  /** What containerd and the distribution spec accept for one manifest. */
  manifestBytes: 4 * 1024 * 1024,
  /** A bundle, envelope or payload: a statement of 5 MB fits with its base64. */
  evidenceBytes: 8 * 1024 * 1024,
  /** Signatures and attestations that are looked at for one image: real images have fewer than ten. */
  evidencePerImage: 50,
  /** Referrers of one image, whatever they are. */
  referrers: 200,
  /** Pages of the referrers API. */
  referrerPages: 5,
  /** A leaf certificate: Fulcio's are under 2 KiB; ASN.1 decoding is linear in width but slow. */
  certificateBytes: 16 * 1024,
  /** Certificates in one chain: chain building is exponential in cross-signed meshes (CVE-2026-32280). */
  chainCertificates: 10,
  /** An RFC 3161 token with its certificates. */
  timestampBytes: 32 * 1024,
  /** A signed checkpoint with its cosignatures. */
  checkpointBytes: 16 * 1024,
  /** Log entries in one bundle: real bundles have one. */
  logEntries: 8,
  /** Timestamps in one bundle. */
  timestamps: 8,
  /** Hashes of one inclusion proof: a tree of 2^64 leaves has 64 levels. */
  inclusionProofHashes: 64,
  /** Subjects of one in-toto statement. */
  subjects: 1024,
  /** Nesting of any JSON that somebody else wrote. */
  jsonDepth: 64,
  /** Objects, lists, commas and strings of a bundle, log entry or simple signing payload: the largest that we read has some 3,000. */
  bundleTokens: 10_000,
  /** The same of an in-toto statement: an SBOM of 5 MB has 480,000; parsing costs less than 1 µs for each. */
  statementTokens: 800_000,
  /** Objects and lists in one manifest or index: 200 referrers have about 500. 4 MiB of `{}` would be a million. */
  jsonContainers: 50_000,
  /** Annotations of one descriptor. */
  annotations: 64,
  /** All annotations of one descriptor: a chain of ten certificates, a log entry and a timestamp fit. */
  annotationBytes: 512 * 1024,
  /** Evidence of one image above half a MiB a piece, in all: several large statements fit, memory stays bounded. */
  evidenceTotalBytes: 32 * 1024 * 1024,
  /** A registry's challenge (WWW-Authenticate). */
  challengeBytes: 8 * 1024,
  /** Redirects of one registry request. */
  redirects: 5,
  /** A bearer token's answer. */
  tokenResponseBytes: 64 * 1024,
  /** A trusted_root.json: the public good instance's is 7 KB. */
  trustRootBytes: 1024 * 1024,
  /** Longest valid image reference: host 253, port 6, repository 256, tag 129, digest 136. */
  imageReferenceChars: 780,
  /** A glob over `registry/repository`: the longest name has 515. */
  imageGlobChars: 515,
  /** Containers and image volumes of one workload: real ones have fewer than 50. */
  workloadImages: 256,
  /** An identity pattern of a policy: one for a GitHub workflow has 120. */
  patternChars: 1024,
  /** Instructions of a compiled pattern: time is instructions × characters (500 × 2048: 15 ms; 140,000: 160 s). */
  patternInstructions: 512,
  /** Text that a pattern is held against: a longer subject or issuer matches none. */
  patternTextChars: 2048,
  /** One file of policies: a few TrustRoots with their `trusted_root.json`. */
  policyFileBytes: 4 * 1024 * 1024,
  /** Words and signs of such a file: parsing costs about 3 µs for each, and a policy has some hundred. */
  policyFileTokens: 200_000,
  /** Documents in one file of policies. */
  policyFileDocuments: 1000,
  /** One verified field in a message. */
  messageFieldChars: 256,
  /** One API warning: the API server cuts longer ones. */
  warningChars: 120,
} as const;
