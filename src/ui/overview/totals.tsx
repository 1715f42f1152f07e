import { Card, CardBody } from '@patternfly/react-core';
import type { Stats } from '../../admin/schemas/history.ts';
import { formatCount, formatShare } from '../format/number.ts';
import { strings } from '../strings.ts';
import { totalsOf } from './buckets.ts';

const text = strings.overview.totals;

/** The numbers that say at once whether all is well. */
export function TotalsCards({ stats }: { readonly stats: Stats }) {
  const totals = totalsOf(stats.buckets);
  return (
    <>
      {(['all', 'verified', 'violated', 'faulted'] as const).map((each) => (
        <Card key={each} className={`cs-quarter cs-total cs-total--${each}`} isCompact>
          <CardBody>
            <div className="cs-total__name">{text[each]}</div>
            <div className="cs-total__number">
              {formatCount(totals[each])}
              {each !== 'all' && (
                <span className="cs-total__share">{formatShare(totals[each], totals.all)}</span>
              )}
            </div>
          </CardBody>
        </Card>
      ))}
    </>
  );
}
