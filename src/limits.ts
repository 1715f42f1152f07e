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
  /** A simple signing payload, and any bundle where no policy asks for attestations: signatures have some 10 KB. */
  evidenceBytes: 8 * 1024 * 1024,
  /**
   * A bundle or envelope where a policy asks for attestations: a statement of 32 MiB in base64, and its certificates and proofs.
   * SBOMs of 17 to 32 MB are ordinary. Reading one takes 2 s of CPU and 300 MiB, in the evidence thread.
   */
  attestationBytes: 44 * 1024 * 1024,
  /** Evidence that is read where reviews are decided: its statement takes up to 50 ms. The evidence thread reads what is larger. */
  evidenceHereBytes: 256 * 1024,
  /** Signatures and attestations that are read for one image, the most promising first: one signed each night for years, and cosign's limit. Each takes up to two requests. */
  evidencePerImage: 1000,
  /** Of these verified at least, however many keys and roots there are: real images have fewer than ten. */
  evidenceVerified: 50,
  /** Verifications for one image, with every key and every root: 0.1 ms with a key, 1 to 2 ms with a root. */
  verifications: 10_000,
  /** Pieces of one image that are read at a time, for each way of storing: the places of one host. */
  evidenceAtOnce: 16,
  /** Predicate types by which the reading is ordered: more than policies ask for. */
  askedPredicateTypes: 64,
  /** Referrers of one image, whatever they are: their descriptors are read, which is cheap. */
  referrers: 1000,
  /** Pages of the referrers API: registries send 50 to 1,000 referrers a page. */
  referrerPages: 20,
  /** All pages of one list of referrers: 1,000 with the annotations that tools write have some 600 KB. */
  referrerListBytes: 8 * 1024 * 1024,
  /** Manifests that an index and those inside it name for platforms: the largest official images have some 30. */
  platformManifests: 256,
  /** Indexes inside one another, the first included: each takes a round trip, and one in another is all that tools write. */
  indexDepth: 4,
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
  /** The same of an in-toto statement: an SBOM of 32 MB has some 4 million. */
  statementTokens: 4_500_000,
  /** Objects and lists among these: an SBOM of 32 MB has some 400,000. Each takes up to 200 bytes. */
  statementContainers: 1_000_000,
  /** Different keys among these: an SBOM has some 100, and a map of files one for each. A million take 3 s. */
  statementNames: 200_000,
  /** Objects and lists in one manifest or index: 1,000 referrers have about 2,500. 4 MiB of `{}` would be a million. */
  jsonContainers: 50_000,
  /** Annotations of one descriptor. */
  annotations: 64,
  /** All annotations of one descriptor: a chain of ten certificates, a log entry and a timestamp fit. */
  annotationBytes: 512 * 1024,
  /** Evidence of one image above `evidenceHereBytes` a piece, in all: bounds what is downloaded and read, some 4 s of the evidence thread. */
  evidenceTotalBytes: 96 * 1024 * 1024,
  /** The smaller pieces of one image and the manifests that hold them, for each way of storing: 1,000 bundles with 8 KB each, which keyless ones do not reach. */
  evidenceSmallBytes: 8 * 1024 * 1024,
  /** A registry's challenge (WWW-Authenticate). */
  challengeBytes: 8 * 1024,
  /** Redirects of one registry request. */
  redirects: 5,
  /** A Secret as the API server answers: 1 MiB of data, in base64, and its metadata. */
  secretBytes: 2 * 1024 * 1024,
  /** A bearer token's answer. */
  tokenResponseBytes: 64 * 1024,
  /** A trusted_root.json: the public good instance's is 7 KB. */
  trustRootBytes: 1024 * 1024,
  /** One metadata file of a TUF repository: the public good instance's largest has 8 KB. */
  tufMetadataBytes: 512 * 1024,
  /** Objects, lists, commas and strings of such a file (a key or target has about 10, the public good instance's root 240): the client's time grows with their square, before it looks at signatures (2,000: 0.1 s, 10,000: 2 s). */
  tufMetadataTokens: 2000,
  /** Roots between the one that trust begins with and today's: the public good instance had 16 in five years. */
  tufRootRotations: 256,
  /** All that one refresh reads from a TUF repository. */
  tufRefreshBytes: 16 * 1024 * 1024,
  /** A TUF archive, gzipped: what fits into a resource. */
  tufArchiveBytes: 1024 * 1024,
  /** The same, unpacked. */
  tufArchiveUnpackedBytes: 16 * 1024 * 1024,
  /** Files and folders in it: the public good instance's repository has some 150. */
  tufArchiveEntries: 1000,
  /** One answer of a key store: a page of versions, or some 60 RSA keys of Vault's. */
  keyAnswerBytes: 64 * 1024,
  /** Versions of one key, the newest: each costs a signature's verification more. */
  keyVersions: 16,
  /** Versions that are looked at to find those: five pages. */
  keyVersionsListed: 250,
  /** Key references of all resources: each is a request every few minutes. */
  keyReferences: 256,
  /** Longest valid image reference: host 253, port 6, repository 256, tag 129, digest 136. */
  imageReferenceChars: 780,
  /** A glob over `registry/repository`: the longest name has 515. */
  imageGlobChars: 515,
  /** Containers and image volumes of one workload: real ones have fewer than 50. */
  workloadImages: 256,
  /** Pull secrets of one workload: each is asked of the API server, and may be tried at a registry. */
  pullSecrets: 16,
  /** Credentials of one pull secret: one for each registry of a company. 1 MiB holds 10,000, and each is looked at for each question. */
  pullSecretEntries: 512,
  /** Credentials of pull secrets that are tried for one repository. A kubelet tries all; each costs a request or three while a review waits. */
  pullSecretMatches: 32,
  /** An identity pattern of a policy: one for a GitHub workflow has 120. */
  patternChars: 1024,
  /** Instructions of a compiled pattern: time is instructions × characters (500 × 2048: 15 ms; 140,000: 160 s). */
  patternInstructions: 512,
  /** Text that a pattern is held against: a longer subject or issuer matches none. */
  patternTextChars: 2048,
  /** A condition of a policy: what a person can review. */
  conditionChars: 1024,
  /** Brackets and operators inside one another in a condition: readable ones have fewer than ten. */
  conditionDepth: 32,
  /** Names, constants and operators of a condition, those of comprehensions written out. */
  conditionParts: 400,
  /** Comprehensions inside one another: packages of a document, licences of each, texts of those. */
  conditionLoops: 3,
  /** What one evaluation of a condition may cost, in steps of 0.1 to 0.4 µs: 10,000 packages with three nested entries each take some 700,000. */
  conditionSteps: 2_000_000,
  /** One file of policies: a few TrustRoots with their `trusted_root.json`. */
  policyFileBytes: 4 * 1024 * 1024,
  /** Words and signs of such a file: parsing costs about 3 µs for each, and a policy has some hundred. */
  policyFileTokens: 200_000,
  /** Words and signs of one document that somebody sends: a policy with 64 signers has some 5,000. Parsing YAML costs 3 to 10 µs for each. */
  documentTokens: 20_000,
  /** Documents in one file of policies. */
  policyFileDocuments: 1000,
  /** One verified field in a message. */
  messageFieldChars: 256,
  /** One API warning: the API server cuts longer ones. */
  warningChars: 120,
} as const;

/**
 * For an LRUCache of at most so many entries. Its own `max` makes room for all of them when it is created, which takes
 * `countersign verify` some 20 ms for caches that will hold a handful.
 */
export function atMost(entries: number): {
  readonly maxSize: number;
  readonly sizeCalculation: () => number;
} {
  return { maxSize: entries, sizeCalculation: () => 1 };
}
