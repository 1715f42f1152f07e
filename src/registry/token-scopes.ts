import { isRepository } from '../image/reference.ts';

/** Scopes of one challenge that are looked at; registries name one. */
const MAX_CHALLENGED = 4;

/**
 * What a token is asked for: to pull the repository of the request, and what the registry's challenge names, as containerd does.
 * A gateway that rewrites names checks tokens for the repository behind it.
 *
 * The challenge decides for which repository, never for what: only the type `repository` counts, only with a valid name, and
 * only `pull` is asked for, also where it names `pull,push` or `*`. One without `pull` is left out.
 */
export function pullScopes(repository: string, challenged: string | undefined): readonly string[] {
  const scopes = (challenged ?? '').split(' ').slice(0, MAX_CHALLENGED).flatMap(reduced);
  return [...new Set([pullOf(repository), ...scopes])];
}

function reduced(scope: string): readonly string[] {
  const [type, name = '', actions = '', ...more] = scope.split(':');
  const list = actions.split(',');
  const isPull = list.includes('pull') || list.includes('*');
  return type === 'repository' && more.length === 0 && isPull && isRepository(name) ? [pullOf(name)] : [];
}

function pullOf(repository: string): string {
  return `repository:${repository}:pull`;
}
