import { Link } from 'react-router';

interface Reference {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Where the page shows what a reference means. */
export function pathOfReference({ kind, namespace, name }: Reference): string {
  const at = encodeURIComponent(name);
  if (kind === 'TrustedSigner') return `/signers/${at}`;
  if (kind === 'SigningPolicy') return `/policies/namespace/${encodeURIComponent(namespace ?? '')}/${at}`;
  return `/policies/cluster/${at}`;
}

export function PolicyLinks({ policies }: { readonly policies: readonly Reference[] }) {
  return (
    <ul className="cs-plain-list cs-plain-list--dense">
      {policies.map((policy) => (
        <li key={`${policy.kind} ${policy.namespace ?? ''} ${policy.name}`}>
          <Link to={pathOfReference(policy)} className="cs-wrap">
            {policy.namespace === undefined ? policy.name : `${policy.namespace}/${policy.name}`}
          </Link>{' '}
          <span className="cs-quiet cs-small">{policy.kind}</span>
        </li>
      ))}
    </ul>
  );
}
