import { ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { MoonIcon } from '@patternfly/react-icons/dist/esm/icons/moon-icon';
import { SunIcon } from '@patternfly/react-icons/dist/esm/icons/sun-icon';
import { DesktopIcon } from '@patternfly/react-icons/dist/esm/icons/desktop-icon';
import { useState } from 'react';
import { strings } from '../strings.ts';
import { storedTheme, storeTheme, type Theme } from './theme.ts';

const ICONS = { light: SunIcon, dark: MoonIcon, system: DesktopIcon } as const;

export function ThemeSwitch() {
  const [theme, setTheme] = useState(storedTheme);
  const choose = (chosen: Theme) => {
    storeTheme(chosen);
    setTheme(chosen);
  };
  return (
    <ToggleGroup aria-label={strings.theme.label} isCompact>
      {(['light', 'dark', 'system'] as const).map((each) => {
        const Icon = ICONS[each];
        return (
          <ToggleGroupItem
            key={each}
            icon={<Icon />}
            aria-label={strings.theme[each]}
            isSelected={theme === each}
            onChange={() => choose(each)}
          />
        );
      })}
    </ToggleGroup>
  );
}
