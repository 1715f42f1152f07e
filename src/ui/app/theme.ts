/** Light, dark, or as the system is. Kept in this browser only. */
export type Theme = 'light' | 'dark' | 'system';

const KEY = 'countersign.theme';
const DARK_CLASS = 'pf-v6-theme-dark';

export function storedTheme(): Theme {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === 'light' || stored === 'dark' ? stored : 'system';
  } catch {
    // A browser may forbid storage.
    return 'system';
  }
}

export function storeTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It then lasts as long as the page.
  }
  applyTheme(theme);
}

export function applyTheme(theme: Theme): void {
  const isDark =
    theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.toggle(DARK_CLASS, isDark);
}

/** Follows the system for as long as that is what is wanted. */
export function followSystem(): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    applyTheme(storedTheme());
  });
}
