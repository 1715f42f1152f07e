/** Undefined for what is no whole number from `min` to `max`: nothing is rounded, cut or taken for zero. */
export function wholeNumber(text: string, min: number, max: number): number | undefined {
  const trimmed = text.trim();
  const number = Number(trimmed);
  return /^\d{1,9}$/.test(trimmed) && number >= min && number <= max ? number : undefined;
}
