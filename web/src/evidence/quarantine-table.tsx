import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { ShownQuarantine } from "../../../src/loop/present.ts";
import { ask, newKey } from "../api/http.ts";
import type { List } from "../api/queries.ts";
import { useMe } from "../api/session.tsx";
import { useLanguage } from "../i18n/text.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Answer, Failure } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";

/** Documents that could not be read, with the reason; read again when the reason is gone. */
export function QuarantineTable(): ReactNode {
  const { t, format } = useLanguage();
  const { may } = useMe();
  const client = useQueryClient();
  const quarantine = useQuery({
    queryKey: ["quarantine"],
    queryFn: ({ signal }) =>
      ask<List<"quarantine", ShownQuarantine>>("/quarantine", { query: { state: "waiting", limit: 200 }, signal }),
    enabled: may("import"),
  });
  const act = useMutation({
    mutationFn: ({ id, verb }: { readonly id: string; readonly verb: "replay" | "discard" }) =>
      ask(`/quarantine/${encodeURIComponent(id)}/${verb}`, {
        method: "POST",
        body: verb === "discard" ? { reason: "discarded on the page" } : {},
        idempotencyKey: newKey(),
      }),
    onSettled: () => {
      for (const name of ["quarantine", "status", "findings"]) void client.invalidateQueries({ queryKey: [name] });
    },
  });
  if (!may("import")) return null;
  const why = ({ problems }: ShownQuarantine): string => problems.map(({ field, reason }) => `${field}: ${reason}`).join("; ");
  const columns: readonly Column<ShownQuarantine>[] = [
    { key: "kind", name: "kind", head: t("quarantine.kind"), cell: ({ kind }) => kind, value: ({ kind }) => kind },
    {
      key: "why",
      name: "problems",
      head: t("quarantine.why"),
      cell: (entry) => <span className="wrap">{why(entry)}</span>,
      value: why,
    },
    {
      key: "source",
      name: "source",
      head: t("quarantine.source"),
      cell: ({ source }) => <span className="wrap">{source}</span>,
      value: ({ source }) => source,
    },
    { key: "at", name: "at", head: t("audit.at"), cell: ({ at }) => format.moment(at), value: ({ at }) => at },
    {
      key: "act",
      name: "quarantine_id",
      head: t("quarantine.act"),
      cell: ({ quarantine_id: id }) => (
        <span className="toolbar">
          <button type="button" className="small" disabled={act.isPending} onClick={() => act.mutate({ id, verb: "replay" })}>
            {t("quarantine.replay")}
          </button>
          <button
            type="button"
            className="small danger"
            disabled={act.isPending}
            onClick={() => act.mutate({ id, verb: "discard" })}
          >
            {t("quarantine.discard")}
          </button>
        </span>
      ),
      value: ({ quarantine_id }) => quarantine_id,
    },
  ];
  return (
    <section className="card">
      <h2>
        <Term name="quarantine">{t("quarantine.title")}</Term>
      </h2>
      {act.isError && <Failure error={act.error} />}
      <Answer query={quarantine} lines={3}>
        {({ quarantine: entries }) =>
          entries.length === 0 ? (
            <p>{t("quarantine.empty")}</p>
          ) : (
            <DataTable
              caption={t("quarantine.title")}
              file="requeen-quarantine"
              columns={columns}
              rows={entries}
              rowKey={({ quarantine_id }) => quarantine_id}
            />
          )
        }
      </Answer>
    </section>
  );
}
