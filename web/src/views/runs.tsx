import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useLocation, useSearchParams } from "wouter";
import type { ShownRun } from "../../../src/loop/present.ts";
import { ask } from "../api/http.ts";
import { type List, queries } from "../api/queries.ts";
import { useMe } from "../api/session.tsx";
import { useLanguage } from "../i18n/text.tsx";
import { type Column, LongTable } from "../parts/data-table.tsx";
import { StateBadge, VerdictBadge } from "../parts/decision.tsx";
import { RunLink } from "../parts/run-link.tsx";
import { Empty, Failure, Guard, Loading } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";
import { RetrainButton } from "../run/retrain-button.tsx";

const STATES = ["running", "finished", "refused", "failed", "cancelled"] as const;
const PAGE = 100;

export default function Runs(): ReactNode {
  return (
    <Guard permission="read">
      <RunList />
    </Guard>
  );
}

function RunList(): ReactNode {
  const { t, format } = useLanguage();
  const { may } = useMe();
  const [, navigate] = useLocation();
  const [params] = useSearchParams();
  const specialist = params.get("specialist") ?? "";
  const state = params.get("state") ?? "";
  const status = useQuery(queries.status());
  const runs = useInfiniteQuery({
    queryKey: ["runs", specialist, state],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ask<List<"runs", ShownRun>>("/runs", { query: { specialist, state, limit: PAGE, cursor: pageParam }, signal }),
    getNextPageParam: (page) => page.next,
  });
  const go = (name: string, value: string): void => {
    const query = new URLSearchParams(Object.entries({ specialist, state, [name]: value }).filter(([, word]) => word !== ""));
    navigate(`/runs${query.size === 0 ? "" : `?${query}`}`);
  };
  const columns: readonly Column<ShownRun>[] = [
    {
      key: "run",
      name: "run_id",
      head: t("col.run"),
      cell: ({ run_id }) => <RunLink id={run_id} />,
      value: ({ run_id }) => run_id,
    },
    {
      key: "specialist",
      name: "specialist",
      head: t("col.specialist"),
      cell: (run) => run.specialist,
      value: (run) => run.specialist,
    },
    {
      key: "state",
      name: "state",
      head: t("col.state"),
      cell: (run) => <StateBadge state={run.state} />,
      value: (run) => run.state,
    },
    {
      key: "verdict",
      name: "verdict",
      head: <Term name="verdict">{t("col.verdict")}</Term>,
      cell: ({ verdict }) => (verdict === null ? "–" : <VerdictBadge decision={verdict.decision} />),
      value: ({ verdict }) => verdict?.decision ?? null,
    },
    {
      key: "better",
      name: "p_better",
      numeric: true,
      head: <Term name="p-better">{t("col.p-better")}</Term>,
      cell: ({ verdict }) => format.percent(verdict?.p_better),
      value: ({ verdict }) => verdict?.p_better ?? null,
    },
    {
      key: "why",
      name: "trigger",
      head: t("col.trigger"),
      cell: ({ trigger }) => (trigger === null ? "–" : t(`trigger.${trigger.reason}`)),
      value: ({ trigger }) => trigger?.reason ?? null,
    },
    {
      key: "started",
      name: "started_at",
      head: t("col.started"),
      cell: ({ started_at }) => (started_at === null ? "–" : format.moment(started_at)),
      value: ({ started_at }) => started_at,
    },
  ];
  const rows = runs.data?.pages.flatMap((page) => page.runs) ?? [];
  return (
    <>
      <header className="view-head">
        <div>
          <h1>{t("nav.runs")}</h1>
          <p className="lead">{t("runs.lead")}</p>
        </div>
        <div className="toolbar">
          <label className="inline-field">
            <span>{t("col.specialist")}</span>
            <select value={specialist} onChange={(event) => go("specialist", event.target.value)}>
              <option value="">{t("filter.all")}</option>
              {status.data?.specialists.map((one) => (
                <option key={one.specialist}>{one.specialist}</option>
              ))}
            </select>
          </label>
          <label className="inline-field">
            <span>{t("col.state")}</span>
            <select value={state} onChange={(event) => go("state", event.target.value)}>
              <option value="">{t("filter.all")}</option>
              {STATES.map((one) => (
                <option key={one} value={one}>
                  {t(`run-state.${one}`)}
                </option>
              ))}
            </select>
          </label>
          {may("operate") && (
            <RetrainButton specialists={status.data?.specialists.map((one) => one.specialist) ?? []} chosen={specialist} />
          )}
        </div>
      </header>
      {runs.isPending && <Loading lines={8} />}
      {runs.isError && runs.data === undefined && <Failure error={runs.error} retry={() => void runs.refetch()} />}
      {runs.data !== undefined && rows.length === 0 && (
        <Empty title={t("runs.empty")}>
          <p>{t("runs.empty.help")}</p>
        </Empty>
      )}
      {rows.length > 0 && (
        <LongTable
          caption={t("nav.runs")}
          file="requeen-runs"
          columns={columns}
          rows={rows}
          rowKey={(run) => run.run_id ?? `${run.specialist} ${run.started_at}`}
          widths="minmax(9rem,1.4fr) minmax(7rem,1fr) minmax(6rem,.8fr) minmax(8rem,1fr) minmax(6rem,.7fr) minmax(7rem,1fr) minmax(10rem,1.2fr)"
          onEnd={() => {
            if (runs.hasNextPage && !runs.isFetchingNextPage) void runs.fetchNextPage();
          }}
        />
      )}
    </>
  );
}
