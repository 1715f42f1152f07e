import { InvalidArgumentError, type Command } from 'commander';

/** Options that may be given several times, each time for one more value. */
export function repeated(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/**
 * Refuses what a parser of options alone would drop or misread: a second value in the place of the first, and an empty one, which is mostly a
 * variable of the shell that is not set (`--policies "$POLICIES"` would be the working folder).
 */
export function strictOptions(command: Command): Command {
  for (const option of command.options) {
    if (!option.required || option.variadic) continue;
    const parse = option.parseArg;
    let isGiven = false;
    option.argParser((value: string, previous: unknown) => {
      if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.');
      if (parse === (repeated as unknown)) return repeated(value, previous as readonly string[]);
      if (isGiven) throw new InvalidArgumentError('It is given twice.');
      isGiven = true;
      return parse === undefined ? value : parse(value, previous);
    });
  }
  return command;
}
