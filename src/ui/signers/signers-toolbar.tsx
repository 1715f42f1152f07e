import {
  FormSelect,
  FormSelectOption,
  SearchInput,
  Toolbar,
  ToolbarContent,
  ToolbarItem,
} from '@patternfly/react-core';
import type { SignerState } from '../../admin/schemas/resources.ts';
import { strings } from '../strings.ts';
import type { SignerFilter } from './signer-order.ts';

const text = strings.signers;
const STATES = Object.keys(text.states) as readonly SignerState[];

export function isSignerState(value: string | null): value is SignerState {
  return STATES.some((state) => state === value);
}

export function SignersToolbar({
  filter,
  onChange,
}: {
  readonly filter: SignerFilter;
  readonly onChange: (filter: SignerFilter) => void;
}) {
  return (
    <Toolbar>
      <ToolbarContent>
        <ToolbarItem className="cs-search">
          <SearchInput
            aria-label={text.search}
            placeholder={text.search}
            value={filter.search}
            onChange={(_, search) => onChange({ ...filter, search })}
            onClear={() => onChange({ ...filter, search: '' })}
          />
        </ToolbarItem>
        <ToolbarItem>
          <FormSelect
            aria-label={text.filterState}
            value={filter.state ?? ''}
            onChange={(_, state) => onChange({ ...filter, state: isSignerState(state) ? state : undefined })}
          >
            <FormSelectOption value="" label={text.anyState} />
            {STATES.map((state) => (
              <FormSelectOption key={state} value={state} label={text.states[state]} />
            ))}
          </FormSelect>
        </ToolbarItem>
      </ToolbarContent>
    </Toolbar>
  );
}
