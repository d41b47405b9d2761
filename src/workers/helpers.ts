import { Worker } from "node:worker_threads";
import type { FitHelpers, FitTicket } from "../engine/index.ts";

// the thread's file is TypeScript when run from source and JavaScript when built
const threadFile = new URL(import.meta.url.endsWith(".ts") ? "./helper-thread.ts" : "./helper-thread.js", import.meta.url);

/** Threads that help inside fits of many rows: pass them as `helpers` to `trainBoosting` or `fitClassifier`. */
export interface HelperThreads extends FitHelpers, AsyncDisposable {}

/** @param count threads besides the one that fits; more than the other cores bring nothing. They start at the first fit that uses them. */
export function createHelpers(count: number, { leastRows }: Pick<FitHelpers, "leastRows"> = {}): HelperThreads {
  let threads: Worker[] = [];
  return {
    count,
    ...(leastRows === undefined ? {} : { leastRows }),
    start(tickets: readonly FitTicket[]) {
      if (threads.length === 0) {
        threads = Array.from({ length: count }, () => {
          const thread = new Worker(threadFile, { execArgv: ["--disable-warning=ExperimentalWarning"] });
          // a helper that is lost after it has claimed a part would leave the fit waiting: better that the process says why and ends
          thread.on("error", (error) => {
            throw new Error("a helper thread of a fit failed", { cause: error });
          });
          thread.unref();
          return thread;
        });
      }
      for (const ticket of tickets) threads[ticket.helper]?.postMessage(ticket);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(threads.map((thread) => thread.terminate()));
      threads = [];
    },
  };
}
