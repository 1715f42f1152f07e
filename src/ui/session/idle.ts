import { useEffect } from 'react';

/** Milliseconds after which somebody who does nothing is signed out, as the server does: the page itself asks it now and then. */
const IDLE_LIMIT = 30 * 60_000;
/** Milliseconds between looks, and between notes that somebody is there. */
const STEP = 15_000;

const KEY = 'countersign.active';

/** Of whichever tab of this browser somebody was active in last: they share a session. */
function lastActive(): number {
  try {
    return Number(localStorage.getItem(KEY) ?? 0);
  } catch {
    return 0;
  }
}

function noteActive(at: number): void {
  try {
    localStorage.setItem(KEY, String(at));
  } catch {
    // It then counts in this tab only.
  }
}

/** Calls back once when nobody has touched the page for half an hour. */
export function useIdle(onIdle: () => void): void {
  useEffect(() => {
    let active = Date.now();
    noteActive(active);
    const touch = () => {
      const now = Date.now();
      if (now - active < STEP) return;
      active = now;
      noteActive(now);
    };
    const timer = setInterval(() => {
      if (Date.now() - Math.max(active, lastActive()) < IDLE_LIMIT) return;
      clearInterval(timer);
      onIdle();
    }, STEP);
    const events = ['pointerdown', 'keydown', 'wheel', 'touchstart'] as const;
    for (const event of events) addEventListener(event, touch, { passive: true });
    return () => {
      clearInterval(timer);
      for (const event of events) removeEventListener(event, touch);
    };
  }, [onIdle]);
}
