import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { ask, newKey } from "../api/http.ts";
import { useLanguage } from "../i18n/text.tsx";
import { Confirm } from "../parts/dialog.tsx";

/** Starts a run of one specialist and goes there, where it can be watched. */
export function RetrainButton({
  specialists,
  chosen,
}: {
  readonly specialists: readonly string[];
  readonly chosen: string;
}): ReactNode {
  const { t } = useLanguage();
  const [, navigate] = useLocation();
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const [specialist, setSpecialist] = useState("");
  const [promote, setPromote] = useState(true);
  const wanted = specialist || chosen || specialists[0] || "";
  const start = async (): Promise<void> => {
    const { run_id } = await ask<{ run_id: string }>(`/specialists/${encodeURIComponent(wanted)}/retrain`, {
      method: "POST",
      body: { promote },
      idempotencyKey: newKey(),
    });
    void client.invalidateQueries({ queryKey: ["runs"] });
    navigate(`/runs/${encodeURIComponent(run_id)}`);
  };
  return (
    <>
      <button type="button" className="primary" onClick={() => setOpen(true)} disabled={specialists.length === 0}>
        {t("retrain.button")}
      </button>
      {open && (
        <Confirm
          title={t("retrain.title")}
          action={t("retrain.go")}
          reasonLabel={null}
          onConfirm={start}
          onClose={() => setOpen(false)}
        >
          <p>{t("retrain.what")}</p>
          <label className="field">
            {t("col.specialist")}
            <select value={wanted} onChange={(event) => setSpecialist(event.target.value)}>
              {specialists.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
          <label className="check">
            <input type="checkbox" checked={promote} onChange={(event) => setPromote(event.target.checked)} />
            {t("retrain.promote")}
          </label>
        </Confirm>
      )}
    </>
  );
}
