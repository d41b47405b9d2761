import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { ReviewSummary, SpecialistSummary } from "../../../src/loop/review.ts";
import type { SpecialistStatus, Status } from "../../../src/loop/status.ts";
import { queries } from "../api/queries.ts";
import { readSummary } from "../api/review.ts";
import { useMe } from "../api/session.tsx";
import { useLanguage } from "../i18n/text.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { StateBadge, VerdictBadge } from "../parts/decision.tsx";
import { Answer, Empty, Guard } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";
import { needOf } from "../review/need-sentence.tsx";

/** The table of `requeen status`, live, with what to do next for each specialist. */
export default function Overview(): ReactNode {
  return (
    <Guard permission="read">
      <OverviewTable />
    </Guard>
  );
}

function OverviewTable(): ReactNode {
  const { t } = useLanguage();
  const { may } = useMe();
  const status = useQuery(queries.status());
  const summary = useQuery({
    queryKey: ["review-summary"],
    queryFn: readSummary,
    refetchInterval: 60_000,
    enabled: may("review") && status.isSuccess,
    retry: false,
  });
  return (
    <>
      <header className="view-head">
        <div>
          <h1>{t("nav.overview")}</h1>
          <p className="lead">{t("overview.lead")}</p>
        </div>
      </header>
      <Answer query={status} lines={8}>
        {(data) =>
          data.specialists.length === 0 ? (
            <Empty title={t("overview.empty")}>
              <p>{t("overview.empty.help")}</p>
            </Empty>
          ) : (
            <>
              <Totals status={data} />
              <NextSteps status={data} summary={summary.data} />
              <SpecialistTable status={data} />
            </>
          )
        }
      </Answer>
    </>
  );
}

function Totals({ status }: { readonly status: Status }): ReactNode {
  const { t, format } = useLanguage();
  const { totals, specialists } = status;
  return (
    <dl className="tiles">
      <div>
        <dt>
          <Term name="human-labels">{t("overview.human")}</Term>
        </dt>
        <dd>{format.number(totals.human_labels)}</dd>
      </div>
      <div>
        <dt>
          <Term name="new-labels">{t("overview.new")}</Term>
        </dt>
        <dd>{format.number(totals.new_labels)}</dd>
      </div>
      <div>
        <dt>{t("overview.ready")}</dt>
        <dd>{format.number(totals.ready)}</dd>
      </div>
      <div>
        <dt>
          <Term name="champion">{t("overview.champions")}</Term>
        </dt>
        <dd>{t("overview.champions.of", { count: totals.champions, all: specialists.length })}</dd>
      </div>
    </dl>
  );
}

/** One line a specialist: the thing that brings it on. */
function NextSteps({ status, summary }: { readonly status: Status; readonly summary: ReviewSummary | undefined }): ReactNode {
  const { t } = useLanguage();
  return (
    <section className="card">
      <h2>{t("overview.next")}</h2>
      <ul className="next-steps">
        {status.specialists.map((one) => (
          <li key={one.specialist}>
            <StateBadge state={one.state} />
            <span>
              <NextStep status={one} need={summary?.specialists.find(({ specialist }) => specialist === one.specialist)} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function NextStep(props: { readonly status: SpecialistStatus; readonly need: SpecialistSummary | undefined }): ReactNode {
  const language = useLanguage();
  const { t } = language;
  const { may } = useMe();
  const { status, need } = props;
  const { specialist } = status;
  if (status.state === "RUNNING")
    return <Link href={`/runs?specialist=${encodeURIComponent(specialist)}`}>{t("next.running", { specialist })}</Link>;
  if (status.state === "READY") return t("next.ready", { specialist });
  if (status.state === "BLOCKED")
    return (
      <>
        {t("next.blocked", { specialist })} <span lang="en">{status.why}</span>
      </>
    );
  const missing = Math.max(0, status.threshold - status.new_labels);
  const text = need === undefined ? t("need.run", { count: missing, specialist }) : needOf(need, language);
  if (text === null) return t("next.nothing", { specialist });
  const hasWork = may("review") && (need?.waiting ?? 1) > 0;
  return (
    <>
      {text} {hasWork && <Link href={`/review?specialist=${encodeURIComponent(specialist)}`}>{t("next.review")}</Link>}
    </>
  );
}

function SpecialistTable({ status }: { readonly status: Status }): ReactNode {
  const { t, format } = useLanguage();
  const columns: readonly Column<SpecialistStatus>[] = [
    {
      key: "specialist",
      name: "specialist",
      head: t("col.specialist"),
      cell: ({ specialist }) => <Link href={`/models/${encodeURIComponent(specialist)}`}>{specialist}</Link>,
      value: ({ specialist }) => specialist,
    },
    {
      key: "state",
      name: "state",
      head: t("col.state"),
      cell: ({ state, why }) => (
        <span title={why}>
          <StateBadge state={state} />
        </span>
      ),
      value: ({ state }) => state,
    },
    {
      key: "human",
      name: "human_labels",
      numeric: true,
      head: <Term name="human-labels">{t("col.human")}</Term>,
      cell: (one) => format.number(one.human_labels),
      value: (one) => one.human_labels,
    },
    {
      key: "machine",
      name: "machine_labels",
      numeric: true,
      head: <Term name="machine-labels">{t("col.machine")}</Term>,
      cell: (one) => format.number(one.machine_labels),
      value: (one) => one.machine_labels,
    },
    {
      key: "new",
      name: "new_labels",
      numeric: true,
      head: <Term name="new-labels">{t("col.new")}</Term>,
      cell: (one) => (
        <span className="threshold">
          {format.number(one.new_labels)} / {format.number(one.threshold)}
          <progress max={one.threshold} value={Math.min(one.new_labels, one.threshold)} aria-label={t("col.new")} />
        </span>
      ),
      value: (one) => one.new_labels,
    },
    {
      key: "champion",
      name: "champion",
      head: <Term name="champion">{t("col.champion")}</Term>,
      cell: ({ champion, specialist }) =>
        champion === null ? (
          t("overview.no-champion")
        ) : (
          <Link href={`/models/${encodeURIComponent(specialist)}/${encodeURIComponent(champion.version)}`}>
            v{champion.version}
            {champion.data_source === "synthetic" && ` (${t("models.synthetic")})`}
          </Link>
        ),
      value: ({ champion }) => champion?.version ?? null,
    },
    {
      key: "confidence",
      name: "confidence",
      numeric: true,
      head: <Term name="mean-confidence">{t("col.confidence")}</Term>,
      cell: (one) => format.percent(one.confidence),
      value: (one) => one.confidence,
    },
    {
      key: "accuracy",
      name: "accuracy",
      numeric: true,
      head: <Term name="accuracy">{t("col.accuracy")}</Term>,
      cell: ({ accuracy }) =>
        accuracy === null ? (
          "–"
        ) : (
          <span title={t(accuracy.source === "gate" ? "accuracy.gate" : "accuracy.opinions", { count: accuracy.labels })}>
            {format.percent(accuracy.value)}{" "}
            <small className="faint">
              {format.percent(accuracy.low, 0)}–{format.percent(accuracy.high, 0)}
            </small>
          </span>
        ),
      value: ({ accuracy }) => accuracy?.value ?? null,
    },
    {
      key: "verdict",
      name: "last_verdict",
      head: <Term name="verdict">{t("col.verdict")}</Term>,
      cell: ({ last_verdict: last, specialist }) =>
        last === null ? (
          "–"
        ) : (
          <Link href={`/runs/${encodeURIComponent(last.run_id)}`} className="verdict-link">
            <span className="visually-hidden">{t("overview.verdict-of", { specialist })}</span>
            <VerdictBadge decision={last.decision} /> <small className="faint">{format.day(last.at)}</small>
          </Link>
        ),
      value: ({ last_verdict: last }) => last?.decision ?? null,
    },
  ];
  return (
    <section className="card">
      <DataTable
        caption={t("overview.table")}
        file="requeen-status"
        columns={columns}
        rows={status.specialists}
        rowKey={({ specialist }) => specialist}
        showCaption
      />
    </section>
  );
}
