import { Card, CardBody, CardTitle } from '@patternfly/react-core';
import { Link } from 'react-router';
import type { Signer } from '../../admin/schemas/resources.ts';
import { useSigners } from '../api/queries.ts';
import { SignerStateLabel } from '../shared/labels.tsx';
import { Loaded } from '../shared/states.tsx';
import { Time } from '../shared/time.tsx';
import { textAt } from '../shared/values.ts';
import { strings } from '../strings.ts';

const text = strings.overview;

/** Signers that somebody should look after before images are refused. */
export function ExpiringCard() {
  const signers = useSigners();
  return (
    <Card className="cs-half" isFullHeight>
      <CardTitle component="h2">{text.expiring}</CardTitle>
      <CardBody>
        <Loaded query={signers} rows={3}>
          {({ items }) => <Expiring signers={items.filter(({ facts }) => facts.state === 'expiring')} />}
        </Loaded>
      </CardBody>
    </Card>
  );
}

function Expiring({ signers }: { readonly signers: readonly Signer[] }) {
  if (signers.length === 0) return <p className="cs-quiet">{text.expiringNone}</p>;
  return (
    <ul className="cs-plain-list">
      {signers.map(({ metadata, spec, facts }) => (
        <li key={metadata.name} className="cs-row cs-row--apart">
          <Link to={`/signers/${encodeURIComponent(metadata.name)}`} className="cs-wrap">
            {metadata.name}
          </Link>
          <span className="cs-row">
            <Time at={textAt(spec, 'expiresAt') ?? ''} form="relative" />
            <SignerStateLabel state={facts.state} />
          </span>
        </li>
      ))}
    </ul>
  );
}
