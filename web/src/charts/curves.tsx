import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { ReactNode } from "react";
import { Axes, FRAME } from "./axes.tsx";

export interface Series {
  readonly kind: "champion" | "challenger";
  readonly points: readonly (readonly [x: number, y: number])[];
}

const x = scaleLinear([0, 1], [FRAME.left, FRAME.width - FRAME.right]);
const y = scaleLinear([0, 1], [FRAME.height - FRAME.bottom, FRAME.top]);
const path = line<readonly [number, number]>()
  .x(([value]) => x(value))
  .y(([, value]) => y(value));

/** Curves over the unit square: ROC, precision and recall. */
export function UnitCurves(props: {
  readonly series: readonly Series[];
  readonly xName: string;
  readonly yName: string;
  readonly label: string;
  readonly diagonal?: boolean;
}): ReactNode {
  const { series, xName, yName, label, diagonal = false } = props;
  return (
    <svg className="chart" viewBox={`0 0 ${FRAME.width} ${FRAME.height}`} role="img" aria-label={label}>
      <Axes frame={FRAME} x={x} y={y} xName={xName} yName={yName} />
      {diagonal && <line x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} className="diagonal" />}
      {series.map(({ kind, points }) => (
        <path key={kind} d={path(points) ?? ""} className="curve" data-series={kind} />
      ))}
    </svg>
  );
}
