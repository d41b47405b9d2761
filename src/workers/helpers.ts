import { Worker } from "node:worker_threads";
import { type FitHelpers, type FitTicket, reportLostHelper } from "../engine/fit-helpers.ts";

// the thread's file is TypeScript when run from source and JavaScript when built
const threadFile = new URL(import.meta.url.endsWith(".ts") ? "./helper-thread.ts" : "./helper-thread.js", import.meta.url);

/** Threads that help inside fits of many rows: pass them as `helpers` to `trainBoosting` or `fitClassifier`. */
export interface HelperThreads extends FitHelpers, AsyncDisposable {
  /** The threads that run now. */
  readonly threads: readonly Worker[];
}

interface Helper {
  readonly thread: Worker;
  /** Tickets that it was given and has not answered yet. */
  readonly tickets: FitTicket[];
}

/**
 * @param count threads besides the one that fits; more than the other cores bring nothing. They start at the first fit that uses them.
 * A thread that ends in the middle of a part ends the fit with `worker_lost`; the next fit starts another one in its place.
 * The memory of the last fit stays for the next one as long as the returned object is held.
 * @param options `leastRows` and `patienceMs` as in FitHelpers.
 */
export function createHelpers(count: number, options: Pick<FitHelpers, "leastRows" | "patienceMs"> = {}): HelperThreads {
  const helpers: (Helper | undefined)[] = [];
  let closed = false;

  function startThread(number: number): Helper {
    const thread = new Worker(threadFile, { execArgv: ["--disable-warning=ExperimentalWarning"] });
    const helper: Helper = { thread, tickets: [] };
    thread.on("message", () => helper.tickets.shift());
    thread.on("error", (error) => lose(number, helper, error.message));
    thread.on("exit", (code) => lose(number, helper, `it ended with code ${code}`));
    thread.unref();
    return helper;
  }

  function lose(number: number, helper: Helper, reason: string): void {
    if (closed || helpers[number] !== helper) return;
    helpers[number] = undefined;
    for (const ticket of helper.tickets) reportLostHelper(ticket);
    process.emitWarning(`helper thread ${number} was lost, and the next fit starts another: ${reason}`, "RequeenHelperLost");
  }

  return {
    count,
    ...options,
    get threads() {
      return helpers.flatMap((helper) => helper?.thread ?? []);
    },
    start(tickets: readonly FitTicket[]) {
      for (const ticket of tickets) {
        const helper = helpers[ticket.helper] ?? startThread(ticket.helper);
        helpers[ticket.helper] = helper;
        helper.tickets.push(ticket);
        helper.thread.postMessage(ticket);
      }
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await Promise.all(helpers.map((helper) => helper?.thread.terminate()));
      helpers.length = 0;
    },
  };
}
