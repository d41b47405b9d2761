import type { ReactNode } from "react";
import type { QualityReport } from "../../../src/decide/quality-report.ts";
import type { ShownDataset } from "../../../src/loop/present.ts";
import type { RunCharts } from "../../../src/loop/run-charts.ts";
import { Bars } from "../charts/bars.tsx";
import { Figure } from "../charts/figure.tsx";
import { useLanguage } from "../i18n/text.tsx";
import type { TextKey } from "../i18n/translate.ts";
import { useClassName } from "../parts/decision.tsx";
import { Icon } from "../parts/icon.tsx";
import { Term } from "../parts/term.tsx";

/** What the challenger was made of, and what the checks before training said of it. */
export function DatasetCards(props: { readonly dataset: ShownDataset; readonly times: RunCharts["rows_by_time"] }): ReactNode {
  const { dataset, times } = props;
  const { t, format } = useLanguage();
  const label = useClassName();
  const bars = (counts: Readonly<Record<string, number>>, name: (key: string) => string) =>
    Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([key, count]) => ({ name: name(key), value: count, text: format.number(count) }));
  const groups: readonly [TextKey, ReturnType<typeof bars>][] = [
    ["dataset.by-tier", bars(dataset.rows_by_tier, (tier) => t(`tier.${tier}` as TextKey))],
    ["dataset.by-role", bars(dataset.rows_by_role, (role) => t(`role.${role}` as TextKey))],
    ["dataset.by-class", bars(dataset.rows_by_class, label)],
    ["dataset.by-time", times.map(({ from, rows }) => ({ name: format.moment(from), value: rows, text: format.number(rows) }))],
    ["dataset.left-out", bars(dataset.rows_left_out, (reason) => reason.replaceAll("_", " "))],
  ];
  return (
    <>
      <h2>
        {t("dataset.title", { count: dataset.rows })} <code title={dataset.dataset_id}>{dataset.dataset_id.slice(0, 10)}</code>
      </h2>
      <div className="figure-grid">
        {groups.map(([title, rows]) =>
          rows.length === 0 ? null : (
            <Figure
              key={title}
              title={<Term name={title === "dataset.by-tier" ? "tier" : "dataset"}>{t(title)}</Term>}
              name={title.replace(".", "-")}
            >
              <Bars rows={rows} label={t(title)} />
            </Figure>
          ),
        )}
      </div>
      {isReport(dataset.quality) && <Quality report={dataset.quality} />}
    </>
  );
}

const isReport = (value: unknown): value is QualityReport =>
  typeof value === "object" && value !== null && "checks" in value && Array.isArray(value.checks);

/** The checks before training; what failed stands first. */
export function Quality({ report }: { readonly report: QualityReport }): ReactNode {
  const { t } = useLanguage();
  const checks = [...report.checks].sort((a, b) => Number(a.passed) - Number(b.passed));
  const failed = checks.filter(({ passed }) => !passed).length;
  return (
    <details className="card" open={failed > 0}>
      <summary>
        <h3>
          {t("quality.title")}: {t("quality.sum", { passed: checks.length - failed, all: checks.length })}
        </h3>
      </summary>
      <p>
        <Term name="quality">{t("quality.what")}</Term>
      </p>
      <ul className="reasons">
        {checks.map(({ code, passed, effect, sentence, subjects }) => (
          <li
            key={`${code} ${subjects.join(" ")}`}
            data-mark={passed ? "passed" : effect === "block" ? "reject" : "inconclusive"}
          >
            <span className="reason-mark">
              <Icon name={passed ? "check" : effect === "block" ? "cross" : "warn"} />
            </span>
            <p lang="en">{sentence}</p>
          </li>
        ))}
      </ul>
    </details>
  );
}
