import { applyTheme, followSystem, storedTheme } from './theme.ts';

applyTheme(storedTheme());
followSystem();
