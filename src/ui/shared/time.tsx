import { formatTime, formatUtc, type TimeForm } from '../format/time.ts';
import { useNow } from './now.ts';

/** A time in this browser's time zone; UTC when it is pointed at. */
export function Time({ at, form = 'short' }: { readonly at: string; readonly form?: TimeForm }) {
  const now = useNow();
  const utc = formatUtc(at);
  const title = form === 'relative' ? `${formatTime(at, 'full', now)} · ${utc}` : utc;
  return (
    <time dateTime={at} title={title} className="cs-time">
      {formatTime(at, form, now)}
    </time>
  );
}
