import { scaleTime } from "d3-scale";
import type { ReactNode } from "react";
import type { ShownReign } from "../../../src/loop/present.ts";
import { Figure } from "../charts/figure.tsx";
import { useLanguage } from "../i18n/text.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { RunLink } from "../parts/run-link.tsx";
import { useNow } from "../review/review-timer.tsx";

const ROW = 34;
const NAME = 110;
const WIDTH = 860;
const BOTTOM = 22;

/** What was in production when: one lane a specialist, one bar a reign; the table below says by whom and why. */
export function Timeline({ reigns }: { readonly reigns: readonly ShownReign[] }): ReactNode {
  const { t, format } = useLanguage();
  const now = useNow(60_000);
  const lanes = [...new Set(reigns.map(({ specialist }) => specialist))].sort();
  const first = Math.min(...reigns.map(({ from }) => Date.parse(from)));
  // a first reign of minutes is still a bar, not a hair
  const x = scaleTime([first, Math.max(now, first + 3_600_000)], [NAME, WIDTH - 8]);
  const height = lanes.length * ROW + BOTTOM;
  const isShort = x.domain().every((end) => Math.abs(end.getTime() - now) < 3 * 86_400_000);
  const tickText = (tick: Date): string => (isShort ? format.moment(tick.getTime()) : format.day(tick.getTime()));
  const columns: readonly Column<ShownReign>[] = [
    {
      key: "specialist",
      name: "specialist",
      head: t("col.specialist"),
      cell: (reign) => reign.specialist,
      value: (reign) => reign.specialist,
    },
    {
      key: "version",
      name: "version",
      head: t("models.version"),
      cell: ({ version }) => (version === null ? "–" : `v${version}`),
      value: ({ version }) => version,
    },
    { key: "from", name: "from", head: t("history.from"), cell: ({ from }) => format.moment(from), value: ({ from }) => from },
    {
      key: "until",
      name: "until",
      head: t("history.until"),
      cell: ({ until }) => (until === null ? t("history.now") : format.moment(until)),
      value: ({ until }) => until,
    },
    {
      key: "action",
      name: "action",
      head: t("history.action"),
      cell: ({ action }) => t(`history.${action}`),
      value: ({ action }) => action,
    },
    { key: "by", name: "by", head: t("history.by"), cell: ({ by }) => by, value: ({ by }) => by },
    {
      key: "reason",
      name: "reason",
      head: t("history.reason"),
      cell: ({ reason }) => <span className="wrap">{reason}</span>,
      value: ({ reason }) => reason,
    },
    {
      key: "run",
      name: "run_id",
      head: t("col.run"),
      cell: ({ run_id }) => <RunLink id={run_id} />,
      value: ({ run_id }) => run_id,
    },
  ];
  return (
    <>
      <Figure title={t("history.title")} name="requeen-history">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
        <section className="timeline-frame" tabIndex={0} aria-label={t("history.title")}>
          <svg className="chart timeline" viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={t("history.title")}>
            {x.ticks(5).map((tick) => (
              <g key={tick.getTime()} className="axes">
                <line x1={x(tick)} x2={x(tick)} y1="0" y2={height - BOTTOM} className="grid" />
                <text x={x(tick)} y={height - 6} textAnchor="middle">
                  {tickText(tick)}
                </text>
              </g>
            ))}
            {lanes.map((lane, index) => (
              <g key={lane} transform={`translate(0 ${index * ROW})`}>
                <text x={NAME - 10} y={ROW / 2} dy="0.32em" textAnchor="end">
                  {lane}
                </text>
                {reigns
                  .filter(({ specialist, version }) => specialist === lane && version !== null)
                  .map((reign) => {
                    const from = x(Date.parse(reign.from));
                    const width = Math.max(3, x(reign.until === null ? now : Date.parse(reign.until)) - from);
                    return (
                      <g key={reign.from}>
                        <rect
                          x={from}
                          y="5"
                          width={width}
                          height={ROW - 10}
                          rx="4"
                          className="reign"
                          data-now={reign.until === null}
                          data-back={reign.action === "rollback"}
                        >
                          <title>{`v${reign.version}: ${reign.reason}`}</title>
                        </rect>
                        {width > 26 && (
                          <text x={from + 8} y={ROW / 2} dy="0.32em" className="reign-name">
                            v{reign.version}
                          </text>
                        )}
                      </g>
                    );
                  })}
              </g>
            ))}
          </svg>
        </section>
      </Figure>
      <DataTable
        caption={t("history.title")}
        file="requeen-history"
        columns={columns}
        rows={reigns}
        rowKey={({ specialist, from, version }) => `${specialist} ${from} ${version}`}
      />
    </>
  );
}
