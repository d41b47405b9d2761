import { scaleLinear } from "d3-scale";
import type { ReactNode } from "react";
import type { ConfidenceBin } from "../../../src/decide/model-charts.ts";
import { Axes } from "./axes.tsx";

const frame = { width: 360, height: 200, left: 46, right: 12, top: 10, bottom: 40 };
const x = scaleLinear([0, 1], [frame.left, frame.width - frame.right]);

/** How sure a model is, right and wrong answers on top of each other. `most` lets two of them share a scale. */
export function ConfidenceHistogram(props: {
  readonly bins: readonly ConfidenceBin[];
  readonly most: number;
  readonly xName: string;
  readonly yName: string;
  readonly label: string;
}): ReactNode {
  const { bins, most, xName, yName, label } = props;
  const y = scaleLinear([0, Math.max(1, most)], [frame.height - frame.bottom, frame.top]).nice(4);
  const base = y(0);
  return (
    <svg className="chart" viewBox={`0 0 ${frame.width} ${frame.height}`} role="img" aria-label={label}>
      <Axes frame={frame} x={x} y={y} xName={xName} yName={yName} />
      {bins.map(({ low, high, right, wrong }) => (
        <g key={low}>
          <rect x={x(low) + 0.5} width={x(high) - x(low) - 1} y={y(right)} height={base - y(right)} className="bar-right" />
          <rect
            x={x(low) + 0.5}
            width={x(high) - x(low) - 1}
            y={y(right + wrong)}
            height={y(right) - y(right + wrong)}
            className="bar-wrong"
          />
        </g>
      ))}
    </svg>
  );
}
