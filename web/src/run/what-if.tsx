import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { RecomputedVerdict } from "../../../src/loop/recompute.ts";
import { ask } from "../api/http.ts";
import { useLanguage } from "../i18n/text.tsx";
import { VerdictBadge } from "../parts/decision.tsx";
import { Failure } from "../parts/states.tsx";
import { ReasonList } from "./reason-list.tsx";

const PRESETS = ["evidence", "original", "strict", "always-ask"] as const;

/** The same evidence under another policy: nothing is stored or changed. */
export function WhatIf({ verdictId, onClose }: { readonly verdictId: string; onClose(): void }): ReactNode {
  const { t } = useLanguage();
  const dialog = useRef<HTMLDialogElement>(null);
  const [preset, setPreset] = useState<(typeof PRESETS)[number]>("strict");
  useEffect(() => dialog.current?.showModal(), []);
  const again = useMutation({
    mutationFn: (policy: string | null) =>
      ask<RecomputedVerdict>(`/verdicts/${encodeURIComponent(verdictId)}/recompute`, {
        method: "POST",
        body: policy === null ? {} : { policy },
      }),
  });
  return (
    <dialog ref={dialog} className="wide" aria-labelledby="what-if-title" onClose={onClose}>
      <h2 id="what-if-title">{t("what-if.title")}</h2>
      <p>{t("what-if.what")}</p>
      <div className="toolbar">
        <label className="inline-field">
          <span>{t("what-if.policy")}</span>
          <select value={preset} onChange={(event) => setPreset(PRESETS.find((one) => one === event.target.value) ?? "strict")}>
            {PRESETS.map((one) => (
              <option key={one} value={one}>
                {t(`policy.${one}`)}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="primary" disabled={again.isPending} onClick={() => again.mutate(preset)}>
          {again.isPending ? t("state.working") : t("what-if.go")}
        </button>
        <button type="button" disabled={again.isPending} onClick={() => again.mutate(null)}>
          {t("what-if.verify")}
        </button>
      </div>
      {again.isError && <Failure error={again.error} />}
      {again.data !== undefined && (
        <div role="status">
          {again.data.policy_changed ? (
            <>
              <p>
                {t("what-if.instead", { policy: t(`policy.${preset}`) })}{" "}
                <VerdictBadge decision={again.data.recomputed_decision} /> ({t("what-if.was")}{" "}
                <VerdictBadge decision={again.data.decision} />)
              </p>
              <p lang="en">{again.data.verdict.headline}</p>
              <ReasonList reasons={again.data.verdict.reasons} />
            </>
          ) : (
            <p className="notice" data-kind={again.data.same ? "good" : "bad"}>
              {again.data.same ? t("what-if.same") : t("what-if.differs", { at: again.data.differs_at.join(", ") })}
            </p>
          )}
        </div>
      )}
      <div className="actions">
        <button type="button" onClick={() => dialog.current?.close()}>
          {t("action.close")}
        </button>
      </div>
    </dialog>
  );
}
