import type { ReactNode } from "react";
import type { Interval } from "../../../src/core/verdict.ts";

const WIDTH = 150;
const HEIGHT = 22;

/** A difference as a dot with its interval on either side of nought. The figures stand beside it. */
export function IntervalChart(props: {
  readonly interval: Interval;
  readonly higherIsBetter: boolean;
  readonly label: string;
}): ReactNode {
  const { interval, higherIsBetter, label } = props;
  const { value, low, high } = interval;
  if (value === null || low === null || high === null) return null;
  const reach = Math.max(Math.abs(low), Math.abs(high), 1e-9) * 1.1;
  const at = (amount: number): number => ((amount + reach) / (2 * reach)) * WIDTH;
  const isGood = higherIsBetter ? low > 0 : high < 0;
  const isBad = higherIsBetter ? high < 0 : low > 0;
  return (
    <svg
      width={WIDTH}
      height={HEIGHT}
      className="interval"
      data-tone={isGood ? "good" : isBad ? "bad" : "other"}
      role="img"
      aria-label={label}
    >
      <line x1={WIDTH / 2} x2={WIDTH / 2} y1="2" y2={HEIGHT - 2} className="interval-zero" />
      <line x1={at(low)} x2={at(high)} y1={HEIGHT / 2} y2={HEIGHT / 2} className="interval-bar" />
      <circle cx={at(value)} cy={HEIGHT / 2} r="4.5" className="interval-dot" />
    </svg>
  );
}
