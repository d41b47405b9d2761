import { RequeenError } from "../core/errors.ts";
import type { Run } from "../core/run.ts";
import { toIso } from "../core/time.ts";
import { everyItem } from "./find-record.ts";
import type { House } from "./house.ts";

/** One thing that happened in a run, from its record and the audit log. */
export interface RunLogLine {
  readonly at: string;
  readonly event: string;
  readonly step: string | null;
  readonly text: string;
  readonly details: unknown;
}

export interface RunLog {
  readonly run_id: string;
  readonly specialist: string;
  readonly state: Run["state"];
  /** Oldest first. */
  readonly lines: readonly RunLogLine[];
}

/** What a run did, told from what it stored; nothing here depends on the process that drove it. @throws RequeenError run_not_found */
export async function readRunLog(house: Pick<House, "store">, runId: string): Promise<RunLog> {
  const run = await house.store.getRun(runId);
  if (run === null) throw new RequeenError("run_not_found", `there is no run ${JSON.stringify(runId)}`, { run_id: runId });
  const lines: (RunLogLine & { readonly atMs: number })[] = [];
  const add = (atMs: number, event: string, step: string | null, text: string, details: unknown = null): void => {
    lines.push({ atMs, at: toIso(atMs), event, step, text, details });
  };
  const { reason, by } = run.trigger;
  add(run.started_at, "run.started", null, `Begun by ${by}, because of ${reason}.`, run.options);
  for (const { step, started_at, ended_at, attempts, result } of run.steps) {
    add(started_at, "step.started", step, attempts > 1 ? `${step} began, for the ${attempts}. time.` : `${step} began.`);
    if (ended_at !== null) add(ended_at, "step.done", step, `${step} ended after ${ended_at - started_at} ms.`, result);
  }
  if (run.error !== null) add(run.ended_at ?? run.updated_at, "run.error", null, run.error.message, run.error.details);
  if (run.ended_at !== null)
    add(run.ended_at, `run.${run.state}`, null, run.promoted ? "Ended; its version is in production." : `Ended: ${run.state}.`);
  for await (const entry of everyItem((page) => house.store.listAudit({ subject: run.specialist }, page)))
    if (entry.details.run_id === run.run_id && entry.action !== `run.${run.state}`)
      add(entry.at, entry.action, null, `${entry.action}, by ${entry.actor}.`, entry.details);
  // sort is stable: what was added first stands first among equal times
  lines.sort((a, b) => a.atMs - b.atMs);
  return {
    run_id: run.run_id,
    specialist: run.specialist,
    state: run.state,
    lines: lines.map(({ atMs: _ms, ...line }) => line),
  };
}
