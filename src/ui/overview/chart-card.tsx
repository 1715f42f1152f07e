import { Card, CardBody, CardHeader, CardTitle, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { ChartBarIcon } from '@patternfly/react-icons/dist/esm/icons/chart-bar-icon';
import { TableIcon } from '@patternfly/react-icons/dist/esm/icons/table-icon';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useId, useState } from 'react';
import { formatCount } from '../format/number.ts';
import { strings } from '../strings.ts';
import { BarChart } from './bar-chart.tsx';
import type { BarSpec } from './bar-spec.ts';

/** Numbers as a picture, or as a table for whoever reads better than they see. */
export function ChartCard({
  title,
  rowName,
  spec,
  label,
  height = 'low',
  empty,
  className,
}: {
  readonly title: string;
  /** Of the table's first column. */
  readonly rowName: string;
  readonly spec: BarSpec;
  readonly label: string;
  readonly height?: 'tall' | 'low';
  /** Shown in the place of no numbers. */
  readonly empty: string;
  readonly className: string;
}) {
  const [isTable, setTable] = useState(false);
  const id = useId();
  const { app } = strings;
  const isEmpty = spec.series.every(({ values }) => values.every((value) => value === 0));
  const toggle = (
    <ToggleGroup isCompact aria-label={`${app.showAs}: ${title}`}>
      <ToggleGroupItem
        icon={<ChartBarIcon />}
        aria-label={app.chart}
        isSelected={!isTable}
        onChange={() => setTable(false)}
      />
      <ToggleGroupItem
        icon={<TableIcon />}
        aria-label={app.table}
        isSelected={isTable}
        onChange={() => setTable(true)}
      />
    </ToggleGroup>
  );
  return (
    <Card className={className} isFullHeight>
      <CardHeader {...(!isEmpty && { actions: { actions: toggle, hasNoOffset: true } })}>
        <CardTitle id={id} component="h2">
          {title}
        </CardTitle>
      </CardHeader>
      <CardBody>
        {isEmpty && <p className="cs-quiet">{empty}</p>}
        {!isEmpty && !isTable && <BarChart spec={spec} label={`${title}. ${label}`} height={height} />}
        {!isEmpty && isTable && <NumbersTable spec={spec} rowName={rowName} labelledBy={id} />}
      </CardBody>
    </Card>
  );
}

function NumbersTable({
  spec: { labels, series },
  rowName,
  labelledBy,
}: {
  readonly spec: BarSpec;
  readonly rowName: string;
  readonly labelledBy: string;
}) {
  return (
    <div className="cs-chart-table">
      <Table variant="compact" gridBreakPoint="" aria-labelledby={labelledBy}>
        <Thead>
          <Tr>
            <Th>{rowName}</Th>
            {series.map(({ name }) => (
              <Th key={name}>{name}</Th>
            ))}
          </Tr>
        </Thead>
        <Tbody>
          {labels.map((name, row) => (
            <Tr key={`${name} ${row}`}>
              <Th scope="row" className="cs-wrap">
                {name}
              </Th>
              {series.map(({ name: column, values }) => (
                <Td key={column}>{formatCount(values[row] ?? 0)}</Td>
              ))}
            </Tr>
          ))}
        </Tbody>
      </Table>
    </div>
  );
}
