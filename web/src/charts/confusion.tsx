import type { ReactNode } from "react";
import { useLanguage } from "../i18n/text.tsx";

const CELL = 66;
const NAME = 104;
const TOP = 44;

/** Rows are what people said, columns what the model said; the diagonal is where both agree. */
export function Confusion(props: {
  readonly classes: readonly string[];
  readonly matrix: readonly (readonly number[])[];
  readonly names: (name: string) => string;
  readonly label: string;
}): ReactNode {
  const { classes, matrix, names, label } = props;
  const { t, format } = useLanguage();
  const size = classes.length * CELL;
  const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  return (
    <svg className="chart" viewBox={`0 0 ${NAME + size + 4} ${TOP + size + 4}`} role="img" aria-label={label}>
      <text x={NAME + size / 2} y="13" textAnchor="middle" className="axis-name">
        {t("confusion.model")}
      </text>
      <text x="4" y={TOP - 8} className="axis-name">
        {t("confusion.people")}
      </text>
      {classes.map((name, column) => (
        <text key={name} x={NAME + column * CELL + CELL / 2} y={TOP - 8} textAnchor="middle">
          {cut(names(name), 10)}
        </text>
      ))}
      {matrix.map((row, actual) => {
        const total = Math.max(
          1,
          row.reduce((sum, count) => sum + count, 0),
        );
        const name = classes[actual] ?? "";
        return (
          <g key={name} transform={`translate(0 ${TOP + actual * CELL})`}>
            <text x={NAME - 8} y={CELL / 2} dy="0.32em" textAnchor="end">
              {cut(names(name), 14)}
            </text>
            {row.map((count, called) => {
              const share = count / total;
              return (
                <g key={classes[called]} transform={`translate(${NAME + called * CELL} 0)`}>
                  <rect
                    width={CELL - 3}
                    height={CELL - 3}
                    rx="4"
                    className={actual === called ? "cell-right" : "cell-wrong"}
                    fillOpacity={count === 0 ? 0.04 : 0.15 + 0.55 * share}
                  />
                  <text x={(CELL - 3) / 2} y={CELL / 2 - 4} textAnchor="middle" className="cell-count">
                    {count}
                  </text>
                  <text x={(CELL - 3) / 2} y={CELL / 2 + 12} textAnchor="middle" className="cell-share">
                    {format.percent(share, 0)}
                  </text>
                </g>
              );
            })}
          </g>
        );
      })}
    </svg>
  );
}
