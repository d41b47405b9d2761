import type { ReactNode } from "react";
import type { Week } from "../evidence/labels-by-week.ts";

const FRAME = { width: 720, height: 220, left: 40, right: 8, top: 18, bottom: 26 };

/** Shares of classes as one column a week; the number above is how many labels it stands for. */
export function StackedWeeks(props: {
  readonly weeks: readonly Week[];
  readonly classes: readonly string[];
  readonly label: string;
  readonly day: (ms: number) => string;
}): ReactNode {
  const { weeks, classes, label, day } = props;
  const { width, height, left, right, top, bottom } = FRAME;
  const step = Math.min(70, (width - left - right) / weeks.length);
  const tall = height - top - bottom;
  return (
    <svg className="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <g className="axes">
        {[0, 0.5, 1].map((share) => (
          <g key={share} transform={`translate(0 ${top + tall * (1 - share)})`}>
            <line x1={left} x2={width - right} className="grid" />
            <text x={left - 6} dy="0.32em" textAnchor="end">
              {share * 100} %
            </text>
          </g>
        ))}
      </g>
      {weeks.map(({ startMs, total, counts }, index) => {
        let above = 0;
        const x = left + index * step + 2;
        return (
          <g key={startMs}>
            {counts.map((count, position) => {
              const tallness = (tall * count) / total;
              const y = top + tall - above - tallness;
              above += tallness;
              return (
                <rect
                  key={classes[position]}
                  x={x}
                  y={y}
                  width={step - 4}
                  height={tallness}
                  className="class-part"
                  data-class={position}
                />
              );
            })}
            <text x={x + step / 2 - 2} y={top - 5} textAnchor="middle" className="count">
              {total}
            </text>
            {index % Math.max(1, Math.ceil(weeks.length / 8)) === 0 && (
              <text x={x + step / 2 - 2} y={height - 8} textAnchor="middle">
                {day(startMs)}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}
