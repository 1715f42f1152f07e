/** How the program ends; `countersign --help` says the same. */
export const EXIT = {
  /** Done, or stopped as it was asked to. */
  ok: 0,
  /** Could not start, or met a defect: what it would have gone on in is not known. */
  failed: 1,
  /** The command line or the settings cannot be used. */
  usage: 2,
  /** Stopped at once, by a second signal: reviews under way were cut off. */
  cutOff: 3,
  /** `verify`: an image is not what its policies ask for. */
  violated: 4,
  /** `verify`: nobody could tell, of an image at least, and no other is refused. */
  faulted: 5,
} as const;
