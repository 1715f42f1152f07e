/**
 * Asks one after the other until one has an answer; the last one's failure, or having none, is that of all. For mirrors and
 * then the registry itself: what a mirror does not have or cannot tell is no answer.
 */
export async function firstAnswer<S, T>(
  mirrors: readonly S[],
  registry: S,
  ask: (source: S) => Promise<T | undefined>,
): Promise<T | undefined> {
  for (const mirror of mirrors) {
    try {
      const answer = await ask(mirror);
      if (answer !== undefined) return answer;
    } catch {
      // Also for other bytes than those of the digest: a broken mirror must not stand before a registry that works.
    }
  }
  return ask(registry);
}
