import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { RunProgress } from "../../../src/loop/events.ts";
import type { ShownRun } from "../../../src/loop/present.ts";
import { progressKey } from "../api/live.ts";
import { RUN_STEPS } from "../api/run-step-names.ts";
import { useLanguage } from "../i18n/text.tsx";
import { Icon } from "../parts/icon.tsx";

/** The way of a run, and where it is now. */
export function RunSteps({ run }: { readonly run: ShownRun }): ReactNode {
  const { t, format } = useLanguage();
  const progress = useQuery<RunProgress | null>({ queryKey: progressKey(run.run_id ?? ""), queryFn: () => null, enabled: false });
  const isRunning = run.state === "running";
  const done = run.steps.filter(({ ended_at }) => ended_at !== null).length;
  return (
    <section className="card" aria-label={t("run.steps")}>
      <ol className="steps">
        {RUN_STEPS.map((step) => {
          const record = run.steps.find((one) => one.step === step);
          const state = record === undefined ? "coming" : record.ended_at !== null ? "done" : isRunning ? "now" : "stopped";
          return (
            <li key={step} data-state={state} aria-current={state === "now" ? "step" : undefined}>
              <span className="step-mark">
                <Icon name={state === "done" ? "check" : state === "stopped" ? "cross" : "wait"} />
              </span>
              <span>{t(`step.${step}`)}</span>
              <small className="faint">
                {record?.ended_at == null
                  ? state === "now"
                    ? t("step.now")
                    : ""
                  : format.duration(Date.parse(record.ended_at) - Date.parse(record.started_at))}
                {record !== undefined && record.attempts > 1 && ` · ${t("step.attempts", { count: record.attempts })}`}
              </small>
              {state === "now" && progress.data?.step === step && progress.data.phase === "progress" && (
                <progress max={1} value={progress.data.share} aria-label={t("step.progress", { step: t(`step.${step}`) })} />
              )}
            </li>
          );
        })}
      </ol>
      <p className="visually-hidden" role="status">
        {isRunning ? t("run.progress", { done, all: RUN_STEPS.length }) : ""}
      </p>
    </section>
  );
}
