import {
  Button,
  DatePicker,
  FormGroup,
  FormHelperText,
  HelperText,
  HelperTextItem,
  TextInput,
} from '@patternfly/react-core';
import { useState } from 'react';
import { formatUtc } from '../format/time.ts';
import { strings } from '../strings.ts';
import { fromLocal, presetTime, toLocal, type LocalTime } from './local-time.ts';

const text = strings.signers.form;

export interface Preset {
  readonly label: string;
  /** Milliseconds; undefined = none at all. */
  readonly duration: number | undefined;
}

/** A date and a time of day in this browser's time zone, with the usual choices beside. */
export function TimeField({
  label,
  help,
  value,
  presets = [],
  problems = [],
  onChange,
}: {
  readonly label: string;
  readonly help: string;
  /** RFC 3339; empty = none. */
  readonly value: string;
  readonly presets?: readonly Preset[];
  readonly problems?: readonly string[];
  readonly onChange: (value: string) => void;
}) {
  // What is typed is no time yet.
  const [typed, setTyped] = useState<LocalTime>();
  const shown = typed ?? toLocal(value);
  const type = (next: LocalTime) => {
    const at = fromLocal(next);
    setTyped(at === undefined ? next : undefined);
    onChange(at ?? '');
  };
  const choose = (next: string) => {
    setTyped(undefined);
    onChange(next);
  };
  const isWrong = problems.length > 0;
  return (
    <FormGroup role="group" label={label} fieldId="">
      <div className="cs-row">
        <DatePicker
          value={shown.date}
          placeholder="YYYY-MM-DD"
          inputProps={{ 'aria-label': text.date(label) }}
          buttonAriaLabel={text.date(label)}
          appendTo={() => document.body}
          onChange={(_, date) => type({ ...shown, date })}
        />
        <TextInput
          type="time"
          aria-label={text.time(label)}
          className="cs-time-input"
          value={shown.time}
          onChange={(_, time) => type({ ...shown, time })}
        />
        {presets.map(({ label: name, duration }) => (
          <Button
            key={name}
            size="sm"
            variant="tertiary"
            aria-label={`${label}: ${name}`}
            onClick={() => choose(duration === undefined ? '' : presetTime(Date.now(), duration))}
          >
            {name}
          </Button>
        ))}
        {presets.length === 0 && value !== '' && (
          <Button
            size="sm"
            variant="link"
            aria-label={`${label}: ${text.clearTime}`}
            onClick={() => choose('')}
          >
            {text.clearTime}
          </Button>
        )}
      </div>
      <FormHelperText>
        <HelperText isLiveRegion>
          {problems.map((problem) => (
            <HelperTextItem key={problem} variant="error">
              {problem}
            </HelperTextItem>
          ))}
          {!isWrong && (
            <HelperTextItem>
              {[...(value === '' ? [] : [formatUtc(value)]), ...(help === '' ? [] : [help])].join(' · ')}
            </HelperTextItem>
          )}
        </HelperText>
      </FormHelperText>
    </FormGroup>
  );
}
