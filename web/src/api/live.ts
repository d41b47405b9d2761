import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { RunProgress } from "../../../src/loop/events.ts";
import type { SpecialistStatus, Status } from "../../../src/loop/status.ts";
import { address } from "./http.ts";
import { withLine } from "./status-line.ts";

const LISTEN_AFTER_MS = 1_000;
/** Counting everything anew costs the server more than a decision: those who review wait for it at most so often. */
const SUMMARY_EVERY_MS = 15_000;

export type LiveState = "connecting" | "live" | "away";

/** Where the progress of a run stands in the cache: the one thing that events tell and no route answers. */
export const progressKey = (runId: string): readonly unknown[] => ["run-progress", runId];

/**
 * Listens to the server's events. The line of a specialist is put in its place; of all else what they concern is marked as old, so that
 * what is on the screen is fetched again.
 */
export function useLiveEvents(enabled: boolean): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");
  useEffect(() => {
    if (!enabled) return;
    let source: EventSource | null = null;
    // a new listener is told the status of every specialist: after the first view has its own answers
    const timer = setTimeout(() => {
      source = listen();
    }, LISTEN_AFTER_MS);
    const listen = (): EventSource => {
      const opened = new EventSource(address("/events"));
      const refreshSummary = (): void => {
        const { dataUpdatedAt = 0 } = client.getQueryState(["review-summary"]) ?? {};
        if (Date.now() - dataUpdatedAt >= SUMMARY_EVERY_MS) refresh("review-summary");
      };
      const refresh = (...names: string[]): void => {
        for (const name of names) void client.invalidateQueries({ queryKey: [name] });
      };
      opened.onopen = () => setState("live");
      // the browser connects again by itself, unless the answer was no stream at all
      opened.onerror = () => setState("away");
      opened.addEventListener("status", (event) => {
        const line = JSON.parse(event.data) as SpecialistStatus;
        const known = client.getQueryData<Status>(["status"])?.specialists.find((one) => one.specialist === line.specialist);
        client.setQueryData<Status>(["status"], (old) => old && withLine(old, line));
        if (known?.champion?.version !== line.champion?.version) refresh("models", "history");
        refreshSummary();
      });
      opened.addEventListener("feedback", () => {
        refresh("feedback");
        refreshSummary();
      });
      opened.addEventListener("run", (event) => {
        const progress = JSON.parse(event.data) as RunProgress;
        client.setQueryData(progressKey(progress.run_id), progress);
        if (progress.phase !== "progress") {
          refresh("runs", "run-log");
          void client.invalidateQueries({ queryKey: ["run", progress.run_id] });
        }
      });
      return opened;
    };
    return () => {
      clearTimeout(timer);
      source?.close();
    };
  }, [client, enabled]);
  return state;
}
