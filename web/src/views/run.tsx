import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense } from "react";
import { Link } from "wouter";
import type { ShownRun } from "../../../src/loop/present.ts";
import { queries } from "../api/queries.ts";
import { useLanguage } from "../i18n/text.tsx";
import { StateBadge, VerdictBadge } from "../parts/decision.tsx";
import { shortId } from "../parts/short-id.ts";
import { Answer, Guard, Loading } from "../parts/states.tsx";
import { RunActions } from "../run/run-actions.tsx";
import { RunLog } from "../run/run-log.tsx";
import { RunSteps } from "../run/run-steps.tsx";
import { VerdictView } from "../run/verdict-view.tsx";

const RunCharts = lazy(() => import("../run/run-charts.tsx"));

/** A run and its verdict: under the id of either. */
export default function Run({ id }: { readonly id: string }): ReactNode {
  return <Guard permission="read">{/^[0-9a-f]{8,64}$/.test(id) ? <ByVerdict id={id} /> : <RunPage id={id} />}</Guard>;
}

function ByVerdict({ id }: { readonly id: string }): ReactNode {
  const verdict = useQuery(queries.verdict(id));
  return <Answer query={verdict}>{({ run_id }) => <RunPage id={run_id} />}</Answer>;
}

function RunPage({ id }: { readonly id: string }): ReactNode {
  const run = useQuery(queries.run(id));
  return (
    <Answer query={run} lines={10}>
      {(data) => (
        <>
          <RunHead run={data} />
          <RunBody run={data} />
        </>
      )}
    </Answer>
  );
}

function RunHead({ run }: { readonly run: ShownRun }): ReactNode {
  const { t, format } = useLanguage();
  return (
    <header className="view-head">
      <div>
        <p className="crumbs">
          <Link href="/runs">{t("nav.runs")}</Link> /{" "}
          <Link href={`/models/${encodeURIComponent(run.specialist)}`}>{run.specialist}</Link>
        </p>
        <h1>
          {run.specialist} <code title={run.run_id ?? ""}>{shortId(run.run_id ?? "")}</code>
        </h1>
        <p className="lead">
          <StateBadge state={run.state} /> {run.verdict !== null && <VerdictBadge decision={run.verdict.decision} />}{" "}
          {run.started_at !== null && t("run.started", { when: format.moment(run.started_at) })}
          {run.trigger !== null && <> · {t(`trigger.${run.trigger.reason}`)}</>}
          {run.promoted && <> · {t("run.promoted", { version: run.challenger_version ?? "" })}</>}
        </p>
      </div>
      <RunActions run={run} />
    </header>
  );
}

function RunBody({ run }: { readonly run: ShownRun }): ReactNode {
  const { t } = useLanguage();
  const hasTrained = run.steps.some(({ step, ended_at }) => step === "train" && ended_at !== null);
  return (
    <>
      <RunSteps run={run} />
      {run.error !== null && (
        <section className="notice" data-kind="bad" role="status">
          <strong>{t("run.error")}</strong> <span lang="en">{run.error.message}</span>
        </section>
      )}
      {run.verdict !== null && <VerdictView id={run.verdict.verdict_id} />}
      {hasTrained && run.run_id !== null && (
        <Suspense fallback={<Loading />}>
          <RunCharts runId={run.run_id} />
        </Suspense>
      )}
      {run.run_id !== null && <RunLog runId={run.run_id} />}
    </>
  );
}
