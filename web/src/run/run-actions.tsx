import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import type { ShownRun } from "../../../src/loop/present.ts";
import { ask, newKey } from "../api/http.ts";
import { queries } from "../api/queries.ts";
import { useMe } from "../api/session.tsx";
import { useLanguage } from "../i18n/text.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { WhatIf } from "./what-if.tsx";

type Action = "approve" | "decline" | "promote" | "rollback" | "cancel" | "resume";
type Open = Action | "what-if" | null;

/** What an operator may do now with this run's version. Each asks for a reason, which the audit log keeps. */
export function RunActions({ run }: { readonly run: ShownRun }): ReactNode {
  const { t } = useLanguage();
  const { may } = useMe();
  const client = useQueryClient();
  const models = useQuery(queries.models(run.specialist));
  const [open, setOpen] = useState<Open>(null);
  const version = run.challenger_version;
  // a run that goes on while one looks registers its version, and may promote it
  // biome-ignore lint/correctness/useExhaustiveDependencies: what the run has reached is what this waits for
  useEffect(() => {
    for (const name of ["models", "history", "approval"]) void client.invalidateQueries({ queryKey: [name] });
  }, [client, version, run.state, run.promoted]);
  const own = models.data?.models.find((model) => model.version === version);
  const isChampion = own?.aliases.includes("champion") ?? false;
  const approval = useQuery({
    ...queries.approval(run.verdict?.verdict_id ?? ""),
    enabled: run.verdict?.requires_approval === true,
  });
  const waits = approval.data?.state === "waiting";
  const actions: readonly Action[] = [
    ...(run.state === "running" ? (["cancel"] as const) : []),
    ...(waits ? (["approve", "decline"] as const) : []),
    ...(own !== undefined && !isChampion && !waits && run.state !== "running" ? (["promote"] as const) : []),
    ...(isChampion ? (["rollback"] as const) : []),
  ];
  const act = async (action: Action, reason: string): Promise<void> => {
    const specialist = encodeURIComponent(run.specialist);
    const verdict = encodeURIComponent(run.verdict?.verdict_id ?? "");
    const [path, body] = {
      approve: [`/verdicts/${verdict}/approve`, { reason }],
      decline: [`/verdicts/${verdict}/decline`, { reason }],
      promote: [
        `/specialists/${specialist}/promote`,
        { version, reason, force: run.verdict?.decision !== "promote" || own?.tombstone != null },
      ],
      rollback: [`/specialists/${specialist}/rollback`, { reason }],
      cancel: [`/runs/${encodeURIComponent(run.run_id ?? "")}/cancel`, undefined],
      resume: [`/runs/${encodeURIComponent(run.run_id ?? "")}/resume`, undefined],
    }[action] as [string, object | undefined];
    await ask(path, { method: "POST", body, idempotencyKey: newKey() });
    for (const name of ["run", "runs", "run-log", "models", "history", "status", "approval"])
      void client.invalidateQueries({ queryKey: [name] });
  };
  return (
    <div className="toolbar">
      {run.verdict !== null && (
        <button type="button" onClick={() => setOpen("what-if")}>
          {t("action.what-if")}
        </button>
      )}
      {may("operate") &&
        actions.map((action) => (
          <button
            key={action}
            type="button"
            className={action === "approve" || action === "promote" ? "primary" : action === "rollback" ? "danger" : undefined}
            onClick={() => setOpen(action)}
          >
            {t(`action.${action}`)}
          </button>
        ))}
      {open === "what-if" && run.verdict !== null && <WhatIf verdictId={run.verdict.verdict_id} onClose={() => setOpen(null)} />}
      {open !== null && open !== "what-if" && (
        <Confirm
          title={t(`confirm.${open}.title`, { specialist: run.specialist, version: version ?? "" })}
          action={t(`action.${open}`)}
          danger={open === "rollback" || open === "cancel" || open === "decline"}
          reasonLabel={open === "cancel" || open === "resume" ? null : t("confirm.reason")}
          onConfirm={(reason) => act(open, reason)}
          onClose={() => setOpen(null)}
        >
          <p>{t(`confirm.${open}.what`, { specialist: run.specialist, version: version ?? "" })}</p>
          {open === "promote" && run.verdict?.decision !== "promote" && (
            <p className="notice" data-kind="warn">
              {t("confirm.promote.against")}
            </p>
          )}
        </Confirm>
      )}
    </div>
  );
}
