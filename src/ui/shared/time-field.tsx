import {
  Button,
  DatePicker,
  FormGroup,
  FormHelperText,
  HelperText,
  HelperTextItem,
  TextInput,
} from '@patternfly/react-core';
import { useId, useState } from 'react';
import { formatUtc } from '../format/time.ts';
import { strings } from '../strings.ts';
import { presetTime, readLocal, toLocal, type LocalReading, type LocalTime } from './local-time.ts';
import { useReportUnreadable } from './unreadable.tsx';

const text = strings.signers.form;

export interface Preset {
  readonly label: string;
  /** Milliseconds; undefined = none at all. */
  readonly duration: number | undefined;
}

/**
 * A date and a time of day in this browser's time zone, with the usual choices beside. What is typed and cannot be read stays in the field
 * with what is wrong with it; the form keeps the value that it had.
 */
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
  const id = useId();
  const [typed, setTyped] = useState<{ readonly local: LocalTime; readonly over: string }>();
  // Another value from elsewhere replaces what was typed.
  const shown = typed?.over === value ? typed.local : shownOf(value);
  const reading = readLocal(shown);
  const wrong = wordsOf(reading, shown);
  useReportUnreadable(wrong !== undefined);
  const type = (next: LocalTime) => {
    const read = readLocal(next);
    setTyped(read.kind === 'wrong' ? { local: next, over: value } : undefined);
    if (read.kind !== 'wrong') onChange(read.kind === 'time' ? read.at : '');
  };
  const choose = (next: string) => {
    setTyped(undefined);
    onChange(next);
  };
  const told = wrong === undefined ? problems : [wrong];
  /** What the server says is about both. */
  const controlOf = (part: 'date' | 'time') => {
    const isWrong = reading.kind === 'wrong' ? partOf(reading) === part : told.length > 0;
    return {
      'aria-describedby': `${id}-help`,
      'aria-invalid': isWrong,
      validated: isWrong ? ('error' as const) : ('default' as const),
    };
  };
  return (
    <FormGroup role="group" label={label} fieldId="">
      <div className="cs-row">
        <DatePicker
          value={shown.date}
          placeholder="YYYY-MM-DD"
          // What is wrong is told below, for the date and the time together.
          invalidFormatText=""
          className="cs-date-input"
          inputProps={{ ...controlOf('date'), 'aria-label': text.date(label) }}
          buttonAriaLabel={text.date(label)}
          appendTo={() => document.body}
          onChange={(_, date) => type({ ...shown, date })}
        />
        {/* Not type="time": of a time that is half typed that tells nothing at all. */}
        <TextInput
          {...controlOf('time')}
          aria-label={text.time(label)}
          className="cs-time-input"
          placeholder="hh:mm"
          autoComplete="off"
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
        {presets.length === 0 && (shown.date !== '' || shown.time !== '') && (
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
        <HelperText id={`${id}-help`} isLiveRegion>
          {told.map((problem) => (
            <HelperTextItem key={problem} variant="error" className="cs-wrap">
              {problem}
            </HelperTextItem>
          ))}
          {told.length === 0 && (
            <HelperTextItem>
              {[...(value === '' ? [] : [formatUtc(value)]), ...(help === '' ? [] : [help])].join(' · ')}
            </HelperTextItem>
          )}
        </HelperText>
      </FormHelperText>
    </FormGroup>
  );
}

/** A stored text that is no time is shown as what somebody typed. */
function shownOf(value: string): LocalTime {
  const local = toLocal(value);
  return local.date === '' ? { date: value, time: '' } : local;
}

function partOf({ part }: Extract<LocalReading, { kind: 'wrong' }>): 'date' | 'time' {
  return part === 'date' || part === 'date-missing' ? 'date' : 'time';
}

function wordsOf(reading: LocalReading, { date, time }: LocalTime): string | undefined {
  if (reading.kind !== 'wrong') return undefined;
  switch (reading.part) {
    case 'date':
      return strings.forms.dateWrong(date);
    case 'date-missing':
      return strings.forms.dateMissing;
    case 'time':
      return strings.forms.timeWrong(time);
    case 'skipped':
      return strings.forms.timeSkipped(date, time);
  }
}
