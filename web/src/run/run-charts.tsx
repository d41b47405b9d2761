import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { ClassCurves } from "../../../src/decide/model-charts.ts";
import type { RunCharts as Charts } from "../../../src/loop/run-charts.ts";
import { queries } from "../api/queries.ts";
import { Bars } from "../charts/bars.tsx";
import { Confusion } from "../charts/confusion.tsx";
import { type Series, UnitCurves } from "../charts/curves.tsx";
import { Figure, Legend } from "../charts/figure.tsx";
import { ConfidenceHistogram } from "../charts/histogram.tsx";
import { Reliability } from "../charts/reliability.tsx";
import { useLanguage } from "../i18n/text.tsx";
import { useClassName } from "../parts/decision.tsx";
import { Answer } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";
import { DatasetCards } from "./dataset-cards.tsx";

/** What the verdict is made of, drawn from the files that the run left. */
export default function RunCharts({ runId }: { readonly runId: string }): ReactNode {
  const charts = useQuery(queries.charts(runId));
  return (
    <Answer query={charts} lines={8}>
      {(data) => (
        <>
          <ModelFigures charts={data} />
          {data.dataset !== null && <DatasetCards dataset={data.dataset} times={data.rows_by_time} />}
        </>
      )}
    </Answer>
  );
}

function ModelFigures({ charts }: { readonly charts: Charts }): ReactNode {
  const { t, format } = useLanguage();
  const label = useClassName();
  const [chosen, setChosen] = useState(charts.classes[0] ?? "");
  const models = [
    { kind: "challenger" as const, charts: charts.challenger, name: t("measure.challenger") },
    ...(charts.champion === null ? [] : [{ kind: "champion" as const, charts: charts.champion, name: t("col.champion") }]),
  ];
  const legend = <Legend entries={models.map(({ kind, name }) => [kind, name])} />;
  const series = (points: (one: ClassCurves) => Series["points"]): readonly Series[] =>
    models.flatMap(({ kind, charts: { classes } }) => {
      const one = classes.find((entry) => entry.class === chosen);
      return one === undefined ? [] : [{ kind, points: points(one) }];
    });
  const area = (pick: (one: ClassCurves) => number | null): string =>
    models
      .map(({ name, charts: { classes } }) => {
        const one = classes.find((entry) => entry.class === chosen);
        const value = one === undefined ? null : pick(one);
        return `${name} ${value === null ? "–" : format.number(value, 3)}`;
      })
      .join(" · ");
  const mostSure = Math.max(
    ...models.flatMap(({ charts: { confidence } }) => confidence.map(({ right, wrong }) => right + wrong)),
  );
  return (
    <>
      <div className="section-head">
        <h2>{t("charts.title", { count: charts.rows })}</h2>
        <label className="inline-field">
          <span>{t("charts.class")}</span>
          <select value={chosen} onChange={(event) => setChosen(event.target.value)}>
            {charts.classes.map((name) => (
              <option key={name} value={name}>
                {label(name)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div className="figure-grid">
        <Figure
          title={<Term name="roc">{t("charts.roc")}</Term>}
          name={`roc-${chosen}`}
          legend={legend}
          note={t("charts.roc.note", { areas: area((one) => one.roc_auc) })}
        >
          <UnitCurves
            series={series(({ roc }) => roc.map((point) => [point.false_positive_rate, point.true_positive_rate]))}
            xName={t("charts.fpr")}
            yName={t("charts.tpr")}
            label={t("charts.roc")}
            diagonal
          />
        </Figure>
        <Figure
          title={<Term name="pr">{t("charts.pr")}</Term>}
          name={`precision-recall-${chosen}`}
          legend={legend}
          note={t("charts.pr.note", { areas: area((one) => one.average_precision) })}
        >
          <UnitCurves
            series={series(({ pr }) => pr.map(({ recall, precision }) => [recall, precision]))}
            xName={t("measure.recall")}
            yName={t("measure.precision")}
            label={t("charts.pr")}
          />
        </Figure>
        <Figure
          title={<Term name="reliability">{t("charts.reliability")}</Term>}
          name="reliability"
          legend={legend}
          note={t("charts.reliability.note")}
        >
          <Reliability
            series={models.map(({ kind, charts: { reliability } }) => ({ kind, points: reliability }))}
            xName={t("charts.said")}
            yName={t("charts.was")}
            countName={t("charts.rows")}
            label={t("charts.reliability")}
          />
        </Figure>
        {models.map(({ kind, name, charts: { confusion } }) => (
          <Figure
            key={kind}
            title={<Term name="confusion">{t("charts.confusion", { model: name })}</Term>}
            name={`confusion-${kind}`}
          >
            <Confusion classes={charts.classes} matrix={confusion} names={label} label={t("charts.confusion", { model: name })} />
          </Figure>
        ))}
        {[...models].reverse().map(({ kind, name, charts: { confidence, review } }) => (
          <Figure
            key={`sure-${kind}`}
            title={<Term name="confidence">{t("charts.sure", { model: name })}</Term>}
            name={`confidence-${kind}`}
            note={
              review.least_probability === null
                ? t("charts.review.none", { coverage: format.percent(review.coverage) })
                : t("charts.review", {
                    coverage: format.percent(review.coverage),
                    sure: format.percent(review.sure),
                    review: format.number(review.review, 0),
                    decided: format.number(review.decided, 0),
                    wrong: format.number(review.wrong, 0),
                  })
            }
            legend={
              <Legend
                entries={[
                  ["right", t("charts.right")],
                  ["wrong", t("charts.wrong")],
                ]}
              />
            }
          >
            <ConfidenceHistogram
              bins={confidence}
              most={mostSure}
              xName={t("col.confidence")}
              yName={t("charts.rows")}
              label={t("charts.sure", { model: name })}
            />
          </Figure>
        ))}
        <Figure
          title={<Term name="importance">{t("charts.importance")}</Term>}
          name="importance"
          note={t(`charts.importance.${charts.importance_method}`)}
        >
          <Bars
            rows={charts.importance
              .slice(0, 15)
              .map(({ feature, share }) => ({ name: feature, value: share, text: format.percent(share) }))}
            label={t("charts.importance")}
          />
        </Figure>
      </div>
    </>
  );
}
