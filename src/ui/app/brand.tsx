import { strings } from '../strings.ts';

/** Name and sign. Drawn here, so that nothing has to be fetched. */
export function Brand() {
  return (
    <span className="cs-brand">
      <svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true" focusable="false">
        <path
          className="cs-brand__shield"
          d="M16 1.5 4 6v9.5c0 7.4 5 12.600 12 15 7-2.400 12-7.600 12-15V6z"
        />
        <path className="cs-brand__tick" d="m10 16 4.500 4.500L22.500 12" />
      </svg>
      <span className="cs-brand__name">{strings.app.product}</span>
    </span>
  );
}
