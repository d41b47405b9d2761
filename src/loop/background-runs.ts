import { isRequeenError, RequeenError } from "../core/errors.ts";
import type { Run } from "../core/run.ts";
import type { House } from "./house.ts";
import { cancelRun, resumeRun } from "./retrain.ts";
import type { DriveOptions } from "./run-steps.ts";

/** Runs that a server drives beside its requests. What is stopped stands where it is and can be resumed. */
export interface BackgroundRuns {
  /** Drives a run to its end; a run that is driven here already is left to it. */
  drive(run: Run): void;
  /**
   * Ends a run for good; one that is driven here is stopped first, one that another process drives is ended there.
   * @throws RequeenError run_not_found, conflict (it has ended, or the process that drives it does not answer)
   */
  cancel(run: Run, by: string): Promise<Run>;
  /** Stops all at their next boundary. */
  close(): Promise<void>;
}

interface Driven {
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

export function openBackgroundRuns(house: House, onEvent?: DriveOptions["onEvent"]): BackgroundRuns {
  const driven = new Map<string, Driven>();
  let isClosed = false;

  const drive = (run: Run): void => {
    if (isClosed || driven.has(run.run_id)) return;
    const stop = new AbortController();
    const ended = resumeRun(house, run.run_id, { signal: stop.signal, onEvent })
      .then(
        () => undefined,
        // the record says what became of it; here it is only told that nobody waits for the answer
        (error: unknown) =>
          house.log("run.stopped", {
            run_id: run.run_id,
            specialist: run.specialist,
            code: isRequeenError(error) ? error.code : "internal",
          }),
      )
      .finally(() => void driven.delete(run.run_id));
    driven.set(run.run_id, { stop, ended });
  };
  const halt = async ({ stop, ended }: Driven): Promise<void> => {
    stop.abort(new RequeenError("cancelled", "the run was interrupted; it stands where it was and can be resumed"));
    await ended;
  };

  return {
    drive,
    async cancel(run, by) {
      const here = driven.get(run.run_id);
      if (here !== undefined) await halt(here);
      return cancelRun(house, run.run_id, by);
    },
    async close() {
      isClosed = true;
      await Promise.all([...driven.values()].map(halt));
    },
  };
}
