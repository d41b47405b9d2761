import { Worker } from "node:worker_threads";
import { ERRORS, type ErrorCode, RequeenError } from "../core/errors.ts";
import type { Trial } from "../engine/index.ts";
import { HelperRoster } from "./helper-roster.ts";
import type { AskMessage, JobName, Jobs, PoolHelpers, ThreadMessage } from "./protocol.ts";

export interface AskOptions {
  /** Aborting ends the thread at once; the promise is rejected with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  /** Share done, 0..1. */
  readonly onProgress?: (share: number) => void;
  /** A trial of the job's search that was not given with it, as soon as it is done. */
  readonly onTrial?: (trial: Trial) => void;
}

/**
 * A pool of training threads: jobs wait in order, one job a thread at a time, threads are started when first needed. Threads without a job
 * help inside a boosting fit of many rows that another one makes, and leave it as soon as a job waits; the fit's result is the same.
 */
export interface Pool extends AsyncDisposable {
  readonly threads: number;
  /** Threads that help in a fit now. */
  readonly helping: number;
  /** Threads that run. */
  readonly started: number;
  /** Starts the threads that do not run yet, beside whatever the caller does before its first job. */
  warm(): void;
  /** @throws RequeenError worker_lost when the thread ended before it answered; cancelled; and whatever the job throws. */
  ask<N extends JobName>(job: N, ask: Jobs[N]["ask"], options?: AskOptions): Promise<Jobs[N]["answer"]>;
}

interface Waiting {
  readonly message: AskMessage;
  readonly options: AskOptions;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
}

// the thread's file is TypeScript when run from source and JavaScript when built
const threadFile = new URL(import.meta.url.endsWith(".ts") ? "./thread.ts" : "./thread.js", import.meta.url);

/**
 * @param threads at least 1; more than the cores there are brings nothing.
 * @param help `leastRows` and `patienceMs` of the fits that are helped, as in FitHelpers.
 */
export function createPool(threads: number, help: Omit<PoolHelpers, "count"> = {}): Pool {
  const helpers: PoolHelpers = { ...help, count: threads - 1 };
  const idle: Worker[] = [];
  const roster = new HelperRoster<Worker>();
  const busy = new Map<Worker, Waiting>();
  const queue: Waiting[] = [];
  let nextId = 1;
  let closed = false;

  function start(): Worker {
    const worker = new Worker(threadFile, { execArgv: ["--disable-warning=ExperimentalWarning"] });
    worker.on("message", (message: ThreadMessage) => receive(worker, message));
    worker.on("error", (error) => lose(worker, error));
    worker.on("exit", (code) => lose(worker, new Error(`the thread ended with code ${code}`)));
    worker.unref();
    return worker;
  }

  const running = (): number => idle.length + busy.size + roster.helping;

  function receive(worker: Worker, message: ThreadMessage): void {
    if (message.kind === "helped") {
      roster.leave(worker);
      idle.push(worker);
      pump();
      return;
    }
    const waiting = busy.get(worker);
    if (waiting === undefined || waiting.message.id !== message.id) return;
    if (message.kind === "progress") {
      waiting.options.onProgress?.(message.share);
      return;
    }
    if (message.kind === "trial") {
      waiting.options.onTrial?.(message.trial);
      return;
    }
    if (message.kind === "tickets") {
      roster.open(worker, message.tickets);
      pump();
      return;
    }
    busy.delete(worker);
    roster.close(worker);
    worker.unref();
    idle.push(worker);
    if (message.kind === "answer") waiting.resolve(message.answer as never);
    else waiting.reject(revive(message));
    pump();
  }

  /** The thread is gone, by a crash or because its job was cancelled. */
  function lose(worker: Worker, cause: Error): void {
    const position = idle.indexOf(worker);
    if (position >= 0) idle.splice(position, 1);
    if (roster.lose(worker)) {
      pump();
      return;
    }
    const waiting = busy.get(worker);
    if (waiting === undefined) return;
    busy.delete(worker);
    roster.close(worker);
    waiting.reject(
      new RequeenError(
        "worker_lost",
        `the thread of job ${waiting.message.job} ended before it answered: ${cause.message}`,
        {},
        { cause },
      ),
    );
    pump();
  }

  function pump(): void {
    if (closed) return;
    while (queue.length > 0 && (idle.length > 0 || running() < threads)) {
      const waiting = queue.shift();
      if (waiting === undefined) return;
      const worker = idle.pop() ?? start();
      busy.set(worker, waiting);
      worker.ref();
      worker.postMessage(waiting.message);
    }
    // a job goes before help: whoever helps comes back for it
    roster.dismiss(queue.length);
    while (queue.length === 0 && (idle.length > 0 || running() < threads)) {
      const ticket = roster.nextTicket();
      if (ticket === null) return;
      const worker = idle.pop() ?? start();
      roster.join(worker, ticket);
      worker.postMessage({ ticket });
    }
  }

  function cancel(waiting: Waiting): void {
    const error = new RequeenError("cancelled", `job ${waiting.message.job} was cancelled`);
    const position = queue.indexOf(waiting);
    if (position >= 0) {
      queue.splice(position, 1);
      waiting.reject(error);
      return;
    }
    for (const [worker, job] of busy) {
      if (job !== waiting) continue;
      busy.delete(worker);
      roster.close(worker);
      waiting.reject(error);
      void worker.terminate();
    }
    pump();
  }

  return {
    threads,
    get started() {
      return running();
    },
    get helping() {
      return roster.helping;
    },
    warm() {
      while (!closed && running() < threads) idle.push(start());
    },
    ask(job, ask, options = {}) {
      return new Promise((resolve, reject) => {
        if (closed) return reject(new RequeenError("cancelled", `job ${job} came after the pool was closed`));
        if (options.signal?.aborted) return reject(new RequeenError("cancelled", `job ${job} was cancelled before it began`));
        const message: AskMessage = { id: nextId++, job, ask, helpers };
        const onAbort = () => cancel(waiting);
        const settle =
          <T>(done: (value: T) => void) =>
          (value: T) => {
            options.signal?.removeEventListener("abort", onAbort);
            done(value);
          };
        const waiting: Waiting = { message, options, resolve: settle(resolve), reject: settle(reject) };
        options.signal?.addEventListener("abort", onAbort, { once: true });
        queue.push(waiting);
        pump();
      });
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      for (const waiting of queue.splice(0)) waiting.reject(new RequeenError("cancelled", "the pool was closed"));
      await Promise.all([...idle, ...busy.keys(), ...roster.workers()].map((worker) => worker.terminate()));
    },
  };
}

function revive(message: Extract<ThreadMessage, { kind: "error" }>): Error {
  const cause = new Error(message.message);
  cause.stack = message.stack;
  if (message.code === null || !(message.code in ERRORS)) return cause;
  return new RequeenError(message.code as ErrorCode, message.message.replace(`${message.code}: `, ""), message.details, {
    cause,
  });
}
