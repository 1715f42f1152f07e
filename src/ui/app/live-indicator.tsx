import { Tooltip } from '@patternfly/react-core';
import { useLive } from '../api/live.tsx';
import { strings } from '../strings.ts';

/** Whether what is shown follows what happens. */
export function LiveIndicator() {
  const { state } = useLive();
  const { name, detail } = strings.live[state];
  return (
    <Tooltip content={detail}>
      <button type="button" className={`cs-live cs-live--${state}`} aria-label={`${name}. ${detail}`}>
        <span className="cs-live__dot" aria-hidden="true" />
        <span className="cs-live__name">{name}</span>
      </button>
    </Tooltip>
  );
}
