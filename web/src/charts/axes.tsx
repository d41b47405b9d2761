import type { ScaleLinear } from "d3-scale";
import type { ReactNode } from "react";

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}
export const FRAME: Frame = { width: 360, height: 280, left: 46, right: 12, top: 10, bottom: 40 };

/** Ticks, grid and names of two linear axes. */
export function Axes(props: {
  readonly frame: Frame;
  readonly x: ScaleLinear<number, number>;
  readonly y: ScaleLinear<number, number>;
  readonly xName: string;
  readonly yName: string;
  readonly format?: (value: number) => string;
  readonly formatY?: (value: number) => string;
}): ReactNode {
  const { frame, x, y, xName, yName, format = String, formatY = format } = props;
  const bottom = frame.height - frame.bottom;
  return (
    <g className="axes">
      {y.ticks(5).map((tick) => (
        <g key={tick} transform={`translate(0 ${y(tick)})`}>
          <line x1={frame.left} x2={frame.width - frame.right} className="grid" />
          <text x={frame.left - 6} dy="0.32em" textAnchor="end">
            {formatY(tick)}
          </text>
        </g>
      ))}
      {x.ticks(5).map((tick) => (
        <text key={tick} x={x(tick)} y={bottom + 16} textAnchor="middle">
          {format(tick)}
        </text>
      ))}
      <line x1={frame.left} x2={frame.width - frame.right} y1={bottom} y2={bottom} className="axis" />
      <text x={(frame.left + frame.width - frame.right) / 2} y={frame.height - 5} textAnchor="middle" className="axis-name">
        {xName}
      </text>
      <text transform={`translate(11 ${(frame.top + bottom) / 2}) rotate(-90)`} textAnchor="middle" className="axis-name">
        {yName}
      </text>
    </g>
  );
}
