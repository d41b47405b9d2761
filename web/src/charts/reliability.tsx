import { scaleLinear } from "d3-scale";
import type { ReactNode } from "react";
import type { ModelCharts } from "../../../src/decide/model-charts.ts";
import { Axes, FRAME } from "./axes.tsx";

type Kind = "champion" | "challenger";
const COUNTS_HEIGHT = 54;
const frame = { ...FRAME, height: FRAME.height + COUNTS_HEIGHT };
const top = { ...FRAME };
const x = scaleLinear([0, 1], [top.left, top.width - top.right]);
const y = scaleLinear([0, 1], [top.height - top.bottom, top.top]);

/** How often a model is right when it says 70 %: on the diagonal it is as right as it claims. Below, how many rows each dot stands for. */
export function Reliability(props: {
  readonly series: readonly { readonly kind: Kind; readonly points: ModelCharts["reliability"] }[];
  readonly xName: string;
  readonly yName: string;
  readonly countName: string;
  readonly label: string;
}): ReactNode {
  const { series, xName, yName, countName, label } = props;
  const most = Math.max(1, ...series.flatMap(({ points }) => points.map(({ rows }) => rows)));
  const base = frame.height - 6;
  const tall = (rows: number): number => ((COUNTS_HEIGHT - 20) * rows) / most;
  return (
    <svg className="chart" viewBox={`0 0 ${frame.width} ${frame.height}`} role="img" aria-label={label}>
      <Axes frame={top} x={x} y={y} xName={xName} yName={yName} />
      <line x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} className="diagonal" />
      <text x={top.left - 6} y={base} textAnchor="end">
        {countName}
      </text>
      {series.map(({ kind, points }, index) => (
        <g key={kind} data-series={kind} className="dots">
          <polyline
            points={points.map((point) => `${x(point.mean_confidence)},${y(point.accuracy)}`).join(" ")}
            className="curve"
            data-series={kind}
          />
          {points.map((point) => (
            <g key={point.low}>
              <circle cx={x(point.mean_confidence)} cy={y(point.accuracy)} r="4">
                <title>{`${point.rows}`}</title>
              </circle>
              <rect x={x(point.low) + 2 + index * 13} y={base - tall(point.rows)} width="12" height={tall(point.rows)}>
                <title>{`${point.rows}`}</title>
              </rect>
              <text x={x(point.low) + 8 + index * 13} y={base - tall(point.rows) - 3} textAnchor="middle" className="count">
                {point.rows}
              </text>
            </g>
          ))}
        </g>
      ))}
    </svg>
  );
}
