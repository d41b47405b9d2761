import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Interval, ModelScores, Verdict } from "../../../src/core/verdict.ts";
import type { VerdictDetails } from "../../../src/loop/verdicts.ts";
import { queries } from "../api/queries.ts";
import { IntervalChart } from "../charts/interval-chart.tsx";
import type { TermName } from "../i18n/glossary-en.ts";
import { useLanguage } from "../i18n/text.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Answer } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";
import { ReasonList } from "./reason-list.tsx";
import { verdictSentence } from "./verdict-sentence.ts";

export function VerdictView({ id }: { readonly id: string }): ReactNode {
  const verdict = useQuery(queries.verdict(id));
  return <Answer query={verdict}>{(record) => <VerdictCards record={record} />}</Answer>;
}

function VerdictCards({ record }: { readonly record: VerdictDetails }): ReactNode {
  const language = useLanguage();
  const { t, format } = language;
  const { verdict, inputs } = record;
  const waiting = verdict.labels_needed.total;
  return (
    <>
      <section className="card verdict" data-decision={verdict.decision} aria-labelledby="verdict-title">
        <h2 id="verdict-title">
          <Term name="verdict">{t("verdict.title")}</Term>
        </h2>
        <p className="sentence" lang={language.locale}>
          {verdictSentence(verdict, language)}
        </p>
        {verdict.decision === "inconclusive" && waiting !== null && waiting > 0 && (
          <p>
            {t("verdict.needs", { count: waiting })}{" "}
            <Link href={`/review?specialist=${encodeURIComponent(record.specialist)}`}>{t("next.review")}</Link>
          </p>
        )}
        {inputs.champion !== null && (
          <p className="faint">
            {t("verdict.against", { version: inputs.champion.version })}
            {record.champion_data_source === "synthetic" && ` ${t("verdict.against-synthetic")}`}
          </p>
        )}
        <h3>{t("verdict.reasons")}</h3>
        <ReasonList reasons={verdict.reasons} />
      </section>
      <div className="card-grid">
        <Pairs verdict={verdict} />
        <section className="card">
          <h2>{t("verdict.figures")}</h2>
          <dl className="facts">
            <div>
              <dt>
                <Term name="p-better">{t("col.p-better")}</Term>
              </dt>
              <dd>{format.percent(verdict.test.p_better)}</dd>
            </div>
            <div>
              <dt>
                <Term name="mid-p">mid-p</Term>
              </dt>
              <dd>{verdict.test.mid_p.toPrecision(2)}</dd>
            </div>
            <div>
              <dt>
                <Term name="gate-rows">{t("verdict.rows")}</Term>
              </dt>
              <dd>{format.number(verdict.rows.count)}</dd>
            </div>
            <div>
              <dt>
                <Term name="smallest-gain">{t("verdict.visible")}</Term>
              </dt>
              <dd>{verdict.power.smallest_visible_gain === null ? "–" : format.points(verdict.power.smallest_visible_gain)}</dd>
            </div>
            <div>
              <dt>
                <Term name="policy">{t("verdict.policy")}</Term>
              </dt>
              <dd>
                {verdict.policy.name}/{verdict.policy.version}
              </dd>
            </div>
            <div>
              <dt>{t("verdict.id")}</dt>
              <dd>
                <Link href={`/verdicts/${record.verdict_id}`}>
                  <code>{record.verdict_id.slice(0, 10)}</code>
                </Link>
              </dd>
            </div>
          </dl>
        </section>
      </div>
      <Comparison verdict={verdict} />
      <Slices verdict={verdict} />
    </>
  );
}

/** Who was right where: the four cells that a paired comparison is made of. */
function Pairs({ verdict }: { readonly verdict: Verdict }): ReactNode {
  const { t, format } = useLanguage();
  const { pairs } = verdict;
  return (
    <section className="card">
      <h2>
        <Term name="pairs">{t("pairs.title")}</Term>
      </h2>
      <table className="pairs">
        <caption className="visually-hidden">{t("pairs.title")}</caption>
        <thead>
          <tr>
            <td />
            <th scope="col">{t("pairs.champion-right")}</th>
            <th scope="col">{t("pairs.champion-wrong")}</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{t("pairs.challenger-right")}</th>
            <td>{format.number(pairs.both_right)}</td>
            <td data-tone="good">{format.number(pairs.challenger_only)}</td>
          </tr>
          <tr>
            <th scope="row">{t("pairs.challenger-wrong")}</th>
            <td data-tone="bad">{format.number(pairs.champion_only)}</td>
            <td>{format.number(pairs.both_wrong)}</td>
          </tr>
        </tbody>
      </table>
      <p className="faint">{t("pairs.help")}</p>
    </section>
  );
}

interface Measure {
  readonly name: keyof NonNullable<Verdict["differences"]> & keyof ModelScores;
  readonly term: TermName;
  readonly higherIsBetter: boolean;
}
const MEASURES: readonly Measure[] = [
  { name: "accuracy", term: "accuracy", higherIsBetter: true },
  { name: "precision", term: "precision", higherIsBetter: true },
  { name: "recall", term: "recall", higherIsBetter: true },
  { name: "f1", term: "f1", higherIsBetter: true },
  { name: "log_loss", term: "log-loss", higherIsBetter: false },
  { name: "brier", term: "brier", higherIsBetter: false },
  { name: "ece", term: "ece", higherIsBetter: false },
];

interface MeasureRow extends Measure {
  readonly champion: number | null;
  readonly challenger: number | null;
  readonly difference: Interval | null;
}

function Comparison({ verdict }: { readonly verdict: Verdict }): ReactNode {
  const { t, format } = useLanguage();
  const { models, differences } = verdict;
  const other = verdict.compared_with === "champion" ? models.champion : models.prevalence;
  const figure = (value: unknown): number | null => (typeof value === "number" ? value : null);
  const rows: readonly MeasureRow[] = MEASURES.map((measure) => ({
    ...measure,
    champion: figure(other?.[measure.name]),
    challenger: figure(models.challenger?.[measure.name]),
    difference: differences?.[measure.name] ?? null,
  }));
  const show = (value: number | null): string => (value === null ? "–" : format.number(value, 3));
  const columns: readonly Column<MeasureRow>[] = [
    {
      key: "name",
      name: "measure",
      head: t("measure.name"),
      cell: ({ name, term, higherIsBetter }) => (
        <>
          <Term name={term}>{t(`measure.${name}`)}</Term>{" "}
          <small className="faint">{t(higherIsBetter ? "measure.higher" : "measure.lower")}</small>
        </>
      ),
      value: ({ name }) => name,
    },
    {
      key: "champion",
      name: verdict.compared_with,
      numeric: true,
      head:
        verdict.compared_with === "champion" ? (
          <Term name="champion">{t("col.champion")}</Term>
        ) : (
          <Term name="prevalence">{t("measure.prevalence")}</Term>
        ),
      cell: ({ champion }) => show(champion),
      value: ({ champion }) => champion,
    },
    {
      key: "challenger",
      name: "challenger",
      numeric: true,
      head: <Term name="challenger">{t("measure.challenger")}</Term>,
      cell: ({ challenger }) => show(challenger),
      value: ({ challenger }) => challenger,
    },
    {
      key: "difference",
      name: "difference",
      numeric: true,
      head: t("measure.difference"),
      cell: ({ difference }) => format.signed(difference?.value),
      value: ({ difference }) => difference?.value ?? null,
    },
    {
      key: "low",
      name: "low",
      numeric: true,
      head: <Term name="interval">{t("measure.interval")}</Term>,
      cell: ({ difference }) =>
        difference === null ? "–" : `${format.signed(difference.low)} … ${format.signed(difference.high)}`,
      value: ({ difference }) => difference?.low ?? null,
    },
    {
      key: "chart",
      name: "high",
      head: t("measure.chart"),
      cell: ({ difference, higherIsBetter, name }) =>
        difference === null ? null : (
          <IntervalChart interval={difference} higherIsBetter={higherIsBetter} label={t(`measure.${name}`)} />
        ),
      value: ({ difference }) => difference?.high ?? null,
    },
  ];
  return (
    <section className="card">
      <DataTable
        caption={t("measure.title")}
        file="requeen-comparison"
        columns={columns}
        rows={rows}
        rowKey={({ name }) => name}
        showCaption
      />
    </section>
  );
}

function Slices({ verdict }: { readonly verdict: Verdict }): ReactNode {
  const { t, format } = useLanguage();
  if (verdict.slices.length === 0) return null;
  type Slice = Verdict["slices"][number];
  const columns: readonly Column<Slice>[] = [
    {
      key: "slice",
      name: "slice",
      head: t("slices.slice"),
      cell: ({ column, value }) => <span className="wrap">{`${column} = ${value}`}</span>,
      value: ({ column, value }) => `${column}=${value}`,
    },
    {
      key: "rows",
      name: "rows",
      numeric: true,
      head: t("slices.rows"),
      cell: ({ rows }) => format.number(rows),
      value: ({ rows }) => rows,
    },
    {
      key: "wins",
      name: "wins",
      numeric: true,
      head: t("slices.wins"),
      cell: ({ wins }) => format.number(wins),
      value: ({ wins }) => wins,
    },
    {
      key: "losses",
      name: "losses",
      numeric: true,
      head: t("slices.losses"),
      cell: ({ losses }) => format.number(losses),
      value: ({ losses }) => losses,
    },
    {
      key: "difference",
      name: "difference",
      numeric: true,
      head: t("measure.difference"),
      cell: ({ difference }) => format.points(difference),
      value: ({ difference }) => difference,
    },
    {
      key: "result",
      name: "passed",
      head: <Term name="slices">{t("slices.result")}</Term>,
      cell: ({ tested, passed, labels_needed }) => (
        <span className="badge" data-tone={!tested ? "other" : passed ? "good" : "bad"}>
          {!tested ? t("slices.untested", { count: labels_needed }) : t(passed ? "slices.passed" : "slices.harmed")}
        </span>
      ),
      value: ({ tested, passed }) => (tested ? String(passed) : "untested"),
    },
  ];
  return (
    <section className="card">
      <DataTable
        caption={t("slices.title")}
        file="requeen-slices"
        columns={columns}
        rows={verdict.slices}
        rowKey={({ column, value }) => JSON.stringify([column, value])}
        showCaption
      />
    </section>
  );
}
