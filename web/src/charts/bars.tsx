import type { ReactNode } from "react";

const ROW = 22;
const NAME = 158;
const WIDTH = 390;

/** Named amounts as bars, in the order given. */
export function Bars(props: {
  readonly rows: readonly { readonly name: string; readonly value: number; readonly text: string; readonly tone?: string }[];
  readonly label: string;
}): ReactNode {
  const { rows, label } = props;
  const most = Math.max(1e-9, ...rows.map(({ value }) => value));
  const height = rows.length * ROW + 6;
  return (
    <svg className="chart" viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={label}>
      {rows.map(({ name, value, text, tone = "challenger" }, index) => {
        const width = ((WIDTH - NAME - 50) * value) / most;
        const top = index * ROW + 4;
        return (
          <g key={name}>
            <text x={NAME - 8} y={top + 12} textAnchor="end" className="bar-name">
              {name.length > 28 ? `${name.slice(0, 27)}…` : name}
            </text>
            <rect x={NAME} y={top} width={Math.max(1, width)} height={ROW - 8} rx="2" className="bar" data-series={tone} />
            <text x={NAME + width + 6} y={top + 12}>
              {text}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
