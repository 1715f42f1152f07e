import { Alert, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { useSearchParams } from 'react-router';
import { useStats } from '../api/queries.ts';
import { usePermissions } from '../session/session.tsx';
import { SectionPage } from '../shared/section-page.tsx';
import { Loaded } from '../shared/states.tsx';
import { strings } from '../strings.ts';
import { CodesChart, DecisionsChart, LevelsChart, RegistriesChart } from './charts.tsx';
import { ExpiringCard } from './expiring-card.tsx';
import { Feed } from './feed.tsx';
import { isRange, RANGES, type RangeName } from './ranges.ts';
import { StatusAlerts, StatusCard } from './status-card.tsx';
import { TotalsCards } from './totals.tsx';

const text = strings.overview;

export function OverviewPage() {
  const [params, setParams] = useSearchParams();
  const asked = params.get('range');
  const range = isRange(asked) ? asked : 'day';
  const permissions = usePermissions();
  return (
    <SectionPage
      title={text.title}
      lead={text.lead}
      actions={
        <RangeSwitch range={range} onChange={(chosen) => setParams({ range: chosen }, { replace: true })} />
      }
    >
      <div className="cs-stack">
        <StatusAlerts />
        {permissions.verifications && <Numbers range={range} />}
        <div className="cs-grid">
          {permissions.signers.read && <ExpiringCard />}
          <StatusCard />
        </div>
      </div>
    </SectionPage>
  );
}

function Numbers({ range }: { readonly range: RangeName }) {
  const { seconds, bucketSeconds } = RANGES[range];
  const stats = useStats(seconds, bucketSeconds);
  return (
    <Loaded query={stats} rows={10}>
      {(data) => (
        <div className="cs-grid">
          {!data.isComplete && <Alert isInline variant="info" title={text.partial} />}
          <TotalsCards stats={data} />
          <DecisionsChart stats={data} />
          <Feed />
          <CodesChart stats={data} />
          <LevelsChart stats={data} />
          <RegistriesChart stats={data} />
        </div>
      )}
    </Loaded>
  );
}

function RangeSwitch({
  range,
  onChange,
}: {
  readonly range: RangeName;
  readonly onChange: (range: RangeName) => void;
}) {
  return (
    <ToggleGroup aria-label={text.range}>
      {(Object.keys(RANGES) as RangeName[]).map((each) => (
        <ToggleGroupItem
          key={each}
          text={text.ranges[each]}
          isSelected={each === range}
          onChange={() => onChange(each)}
        />
      ))}
    </ToggleGroup>
  );
}
