import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { type ReactNode, useMemo } from "react";
import { useLocation, useSearchParams } from "wouter";
import type { ShownAuditEntry } from "../../../src/loop/present.ts";
import type { AuditCheck } from "../../../src/store/audit-chain.ts";
import { ask } from "../api/http.ts";
import type { List } from "../api/queries.ts";
import { useLanguage } from "../i18n/text.tsx";
import { type Column, LongTable } from "../parts/data-table.tsx";
import { Empty, Failure, Guard, Loading } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";

const PAGE = 1_000;

export default function Audit(): ReactNode {
  return (
    <Guard permission="administer">
      <AuditLog />
    </Guard>
  );
}

/** Who changed what, in the order in which it happened; and whether the log is as it was written. */
function AuditLog(): ReactNode {
  const { t, format } = useLanguage();
  const [, navigate] = useLocation();
  const [params] = useSearchParams();
  const subject = params.get("subject") ?? "";
  const log = useInfiniteQuery({
    queryKey: ["audit", subject],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ask<List<"audit", ShownAuditEntry>>("/audit", { query: { subject, limit: PAGE, cursor: pageParam }, signal }),
    getNextPageParam: (page) => page.next,
  });
  const check = useMutation({ mutationFn: () => ask<AuditCheck>("/audit/verify") });
  const rows = useMemo(() => log.data?.pages.flatMap((page) => page.audit) ?? [], [log.data]);
  const columns: readonly Column<ShownAuditEntry>[] = [
    {
      key: "sequence",
      name: "sequence",
      head: "#",
      numeric: true,
      cell: (entry) => format.number(entry.sequence),
      value: (entry) => entry.sequence,
    },
    { key: "at", name: "at", head: t("audit.at"), cell: ({ at }) => format.moment(at), value: ({ at }) => at },
    { key: "actor", name: "actor", head: t("audit.actor"), cell: ({ actor }) => actor, value: ({ actor }) => actor },
    {
      key: "action",
      name: "action",
      head: t("audit.action"),
      cell: ({ action }) => <code>{action}</code>,
      value: ({ action }) => action,
    },
    {
      key: "subject",
      name: "subject",
      head: t("audit.subject"),
      cell: (entry) => entry.subject,
      value: (entry) => entry.subject,
    },
    {
      key: "details",
      name: "details",
      head: t("audit.details"),
      cell: ({ details }) => <code title={JSON.stringify(details, null, 2)}>{JSON.stringify(details)}</code>,
      value: ({ details }) => JSON.stringify(details),
    },
  ];
  return (
    <>
      <header className="view-head">
        <div>
          <h1>{t("nav.audit")}</h1>
          <p className="lead">
            <Term name="audit-chain">{t("audit.lead")}</Term>
          </p>
        </div>
        <div className="toolbar">
          <label className="inline-field">
            <span>{t("audit.filter")}</span>
            <input
              type="search"
              defaultValue={subject}
              onKeyDown={(event) => {
                if (event.key !== "Enter") return;
                const wanted = event.currentTarget.value.trim();
                navigate(wanted === "" ? "/audit" : `/audit?${new URLSearchParams({ subject: wanted })}`);
              }}
            />
          </label>
          <button type="button" onClick={() => check.mutate()} disabled={check.isPending}>
            {check.isPending ? t("state.working") : t("audit.verify")}
          </button>
        </div>
      </header>
      {check.isError && <Failure error={check.error} />}
      {check.data !== undefined && (
        <p className="notice" role="status" data-kind={check.data.intact ? "good" : "bad"}>
          {check.data.intact
            ? t("audit.intact", { count: check.data.entries })
            : t("audit.broken", { sequence: check.data.sequence })}{" "}
          {check.data.intact ? <code className="wrap">{check.data.last_hash}</code> : <span lang="en">{check.data.problem}</span>}
        </p>
      )}
      {log.isPending && <Loading lines={8} />}
      {log.isError && log.data === undefined && <Failure error={log.error} retry={() => void log.refetch()} />}
      {log.data !== undefined && rows.length === 0 && <Empty title={t("audit.empty")} />}
      {rows.length > 0 && (
        <LongTable
          caption={t("nav.audit")}
          file="requeen-audit"
          columns={columns}
          rows={rows}
          rowKey={({ sequence }) => String(sequence)}
          widths="5rem 11rem minmax(7rem,1fr) minmax(9rem,1.2fr) minmax(8rem,1fr) minmax(12rem,3fr)"
          onEnd={() => {
            if (log.hasNextPage && !log.isFetchingNextPage) void log.fetchNextPage();
          }}
        />
      )}
    </>
  );
}
