import { Card, CardBody, CardTitle, Label } from '@patternfly/react-core';
import type { LiveDecision } from '../../admin/schemas/history.ts';
import { useLive } from '../api/live.tsx';
import { DecisionLabel } from '../shared/labels.tsx';
import { Time } from '../shared/time.tsx';
import { strings } from '../strings.ts';

const text = strings.overview;
const SHOWN = 20;

/** What is decided while somebody looks. It is not read out: it would never end. */
export function Feed() {
  const { decisions } = useLive();
  return (
    <Card className="cs-third" isFullHeight>
      <CardTitle component="h2">{text.feed}</CardTitle>
      <CardBody>
        {decisions.length === 0 && <p className="cs-quiet">{text.feedEmpty}</p>}
        {decisions.length > 0 && (
          <ol className="cs-feed" tabIndex={0} aria-label={text.feed}>
            {decisions.slice(0, SHOWN).map((decision) => (
              <FeedEntry key={decision.uid} decision={decision} />
            ))}
          </ol>
        )}
      </CardBody>
    </Card>
  );
}

function FeedEntry({ decision }: { readonly decision: LiveDecision }) {
  const { allowed, dryRun, namespace, kind, name, time, images, message } = decision;
  return (
    <li className="cs-feed__entry">
      <div className="cs-row">
        <DecisionLabel isAdmitted={allowed} />
        {dryRun && <Label isCompact>{text.feedDryRun}</Label>}
        <span className="cs-quiet cs-small">
          <Time at={time} form="relative" />
        </span>
      </div>
      <div className="cs-wrap">
        {kind} {namespace}/{name}
      </div>
      <div className="cs-quiet cs-small cs-clamp">
        {message ?? images.map(({ image }) => image).join(', ')}
      </div>
    </li>
  );
}
