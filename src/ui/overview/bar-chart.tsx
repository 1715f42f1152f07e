import { Skeleton } from '@patternfly/react-core';
import { useEffect, useRef, useState } from 'react';
import type { BarSpec } from './bar-spec.ts';
import type { drawBars } from './chart-library.ts';
import { useThemeName } from './theme-name.ts';

/** A picture of numbers that stand in a table as well. The library that draws it comes after the page. */
export function BarChart({
  spec,
  label,
  height,
}: {
  readonly spec: BarSpec;
  /** What the picture shows, in words. */
  readonly label: string;
  readonly height: 'tall' | 'low';
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [draw, setDraw] = useState<typeof drawBars>();
  const theme = useThemeName();
  useEffect(() => {
    const load = async () => {
      const library = await import('./chart-library.ts');
      setDraw(() => library.drawBars);
    };
    void load();
  }, []);
  useEffect(() => {
    if (draw === undefined || canvas.current === null) return undefined;
    // The colours are read when it is drawn.
    return draw(canvas.current, spec, theme);
  }, [draw, spec, theme]);
  return (
    <div className={`cs-chart cs-chart--${height}`}>
      {draw === undefined && <Skeleton height="100%" />}
      <canvas ref={canvas} role="img" aria-label={label} hidden={draw === undefined} />
    </div>
  );
}
