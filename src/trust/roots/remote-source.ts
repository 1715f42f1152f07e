import { createHash } from 'node:crypto';
import type { TrustRootSource } from '../../api/resources.ts';
import { PUBLIC_GOOD_REPOSITORY, shippedTufRoot } from '../public-good.ts';
import { openArchive } from './archive.ts';
import { Mirror, mirrorUrl, type MirrorConnections } from './mirror.ts';
import { RepositoryCache } from './repository-cache.ts';
import type { TrustRootSettings } from './settings.ts';
import type { RepositorySource } from './tracked-repository.ts';

/** A source of a trust root that is kept elsewhere. */
export type RemoteSource = Exclude<TrustRootSource, { readonly kind: 'inline' }>;

/** Equal for sources that are one repository with one beginning of trust. */
export function identityOf(source: RemoteSource): string {
  if (source.kind === 'publicGood') return `publicGood ${urlOf(source)}`;
  const { from, root, target } = source;
  const place = from.kind === 'mirror' ? from.url : createHash('sha256').update(from.bytes).digest('hex');
  return JSON.stringify([from.kind, place, target, root]);
}

/** For people: what messages call it. */
export function labelOf(source: RemoteSource): string {
  const url = urlOf(source);
  return url === undefined ? 'the TUF archive' : `the TUF repository ${url}`;
}

/** How it is read. */
export function repositorySource(
  source: RemoteSource,
  { cacheDirectory, plainHttpHosts }: TrustRootSettings,
  connections: MirrorConnections,
): RepositorySource {
  const label = labelOf(source);
  const anchor =
    source.kind === 'tuf'
      ? { root: source.root, target: source.target }
      : { root: shippedTufRoot(), target: 'trusted_root.json' };
  if (source.kind === 'tuf' && source.from.kind === 'archive') {
    const { bytes } = source.from;
    // It is at hand at every start: nothing of it has to be kept.
    return { label, anchor, cache: undefined, isMissed: false, open: () => openArchive(bytes) };
  }
  const url = urlOf(source) ?? '';
  return {
    label,
    anchor,
    cache: cacheDirectory === undefined ? undefined : new RepositoryCache(cacheDirectory, identityOf(source)),
    // The public good instance's root came with the program.
    isMissed: source.kind === 'tuf',
    open: () => new Mirror(mirrorUrl(url, plainHttpHosts), connections),
  };
}

function urlOf(source: RemoteSource): string | undefined {
  if (source.kind === 'publicGood') return source.mirror ?? PUBLIC_GOOD_REPOSITORY;
  return source.from.kind === 'mirror' ? source.from.url : undefined;
}
