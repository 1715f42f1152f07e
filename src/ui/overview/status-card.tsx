import {
  Alert,
  Card,
  CardBody,
  CardTitle,
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
  LabelGroup,
  Label,
  List,
  ListItem,
} from '@patternfly/react-core';
import type { InstallationStatus } from '../../admin/schemas/status.ts';
import { useStatus } from '../api/queries.ts';
import { Loaded } from '../shared/states.tsx';
import { strings } from '../strings.ts';

const text = strings.overview;

/** What the installation is, and what is wrong with it. */
export function StatusCard() {
  const status = useStatus();
  return (
    <Card className="cs-half" isFullHeight>
      <CardTitle component="h2">{text.status}</CardTitle>
      <CardBody>
        <Loaded query={status} rows={6}>
          {(data) => <Facts status={data} />}
        </Loaded>
      </CardBody>
    </Card>
  );
}

/** On top of the page, where nobody misses it. */
export function StatusAlerts() {
  const { data } = useStatus();
  if (data === undefined) return null;
  const { ready, notReady, problems } = data;
  return (
    <>
      {!ready && (
        <Alert component="h2" isInline variant="danger" title={text.notReady} className="cs-space-below">
          <Sentences sentences={notReady} />
        </Alert>
      )}
      {problems.length > 0 && (
        <Alert
          component="h2"
          isInline
          isExpandable
          variant="warning"
          title={`${text.problems} (${problems.length})`}
        >
          <Sentences sentences={problems.map(({ subject, message }) => `${subject}: ${message}`)} />
        </Alert>
      )}
    </>
  );
}

function Sentences({ sentences }: { readonly sentences: readonly string[] }) {
  return (
    <List className="cs-wrap">
      {sentences.map((sentence) => (
        <ListItem key={sentence}>{sentence}</ListItem>
      ))}
    </List>
  );
}

function Facts({ status }: { readonly status: InstallationStatus }) {
  const { facts, historyKinds, historyDown } = text;
  const history = historyKinds[status.history];
  const isDown = status.history !== 'off' && !status.historyAvailable;
  const rows: readonly (readonly [string, string])[] = [
    [facts.version, status.version],
    [facts.mode, strings.user.mode[status.mode]],
    [facts.replica, status.replica],
    [facts.snapshot, status.snapshot === undefined ? strings.app.none : String(status.snapshot)],
    [facts.noMatch, status.noMatch],
    [facts.history, isDown ? `${history}, ${historyDown}` : history],
  ];
  return (
    <div className="cs-stack">
      {status.ready && <Alert component="h3" isInline isPlain variant="success" title={text.ready} />}
      <DescriptionList isHorizontal isCompact columnModifier={{ default: '1Col' }}>
        {rows.map(([term, value]) => (
          <DescriptionListGroup key={term}>
            <DescriptionListTerm>{term}</DescriptionListTerm>
            <DescriptionListDescription className="cs-wrap">{value}</DescriptionListDescription>
          </DescriptionListGroup>
        ))}
        <DescriptionListGroup>
          <DescriptionListTerm>{facts.excluded}</DescriptionListTerm>
          <DescriptionListDescription>
            {status.excludedNamespaces.length === 0 ? (
              strings.app.none
            ) : (
              <LabelGroup aria-label={facts.excluded} numLabels={6}>
                {status.excludedNamespaces.map((namespace) => (
                  <Label key={namespace} variant="outline" isCompact>
                    {namespace}
                  </Label>
                ))}
              </LabelGroup>
            )}
          </DescriptionListDescription>
        </DescriptionListGroup>
      </DescriptionList>
    </div>
  );
}
