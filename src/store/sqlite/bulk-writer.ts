import type { SQLInputValue } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { RequeenError } from "../../core/errors.ts";
import type { BulkWriter, FeedbackOutcome } from "../store.ts";
import { type BulkAnswer, type BulkAsk, type BulkPlace, type BulkWork, errorOf } from "./bulk-messages.ts";
import { feedbackColumns } from "./feedback-rows.ts";
import { OPINION_PLACES, opinionColumns } from "./opinion-rows.ts";

/** Below this many rows a first call is not worth the start of a thread. */
const WORTH_A_THREAD = 2_000;

// the thread's file is TypeScript when run from source and JavaScript when built
const threadFile = new URL(import.meta.url.endsWith(".ts") ? "./bulk-thread.ts" : "./bulk-thread.js", import.meta.url);

/**
 * Writes by a thread of its own with a second connection, so that the caller reads the next documents meanwhile: half of an import is SQLite's
 * own time. What is plainly new goes over as rows, in one flat list; the rest as documents, which the thread gives to the store's own methods.
 * Small imports go through `own` and start nothing.
 * @param own the methods of the store that this writer belongs to
 * @param now wall clock, ms: when a row was written
 * @param worthAThread rows of a call from which on a thread is started; once there is one it takes all
 */
export function openBulkWriter(
  place: BulkPlace,
  own: Pick<BulkWriter, "addOpinions" | "addFeedback">,
  now: () => number,
  worthAThread = WORTH_A_THREAD,
): BulkWriter {
  let thread: BulkThread | null = null;
  const threadFor = (rows: number): BulkThread | null => (thread ??= rows < worthAThread ? null : new BulkThread(place));
  return {
    async addOpinions(opinions) {
      const writer = threadFor(opinions.length);
      if (writer === null) return own.addOpinions(opinions);
      const values: SQLInputValue[] = [];
      const vectors: Uint8Array[] = [];
      for (const opinion of opinions) {
        const row = opinionColumns(opinion);
        const vector = row[OPINION_PLACES.features];
        if (vector instanceof Uint8Array) {
          vectors.push(vector);
          row[OPINION_PLACES.features] = vector.byteLength;
        }
        values.push(...row);
      }
      const together = joined(vectors);
      const added = (await writer.ask({ kind: "opinionRows", values, vectors: together }, [together.buffer])) as Uint8Array;
      const others = opinions.filter((_, index) => added[index] === 0);
      if (others.length === 0) return opinions.map(() => "added");
      const outcomes = (await writer.ask({ kind: "opinions", opinions: others })) as ("added" | "same" | "conflict")[];
      return merged(added, outcomes, () => "added" as const);
    },

    async addFeedback(feedback) {
      const writer = threadFor(feedback.length);
      if (writer === null) return own.addFeedback(feedback);
      const recordedAt = now();
      const values: SQLInputValue[] = [];
      const unknown = { opinion: 0, feature_schema: null };
      for (const item of feedback)
        values.push(
          item.opinion_id,
          ...feedbackColumns(item, unknown, { sequence: 0, state: "current", recorded_at: recordedAt }),
        );
      const added = (await writer.ask({ kind: "feedbackRows", values, recordedAt })) as Uint8Array;
      const others = feedback.filter((_, index) => added[index] === 0);
      const outcomes =
        others.length === 0 ? [] : ((await writer.ask({ kind: "feedback", feedback: others, recordedAt })) as FeedbackOutcome[]);
      return merged(added, outcomes, (index) => ({
        outcome: "added",
        feedback_id: feedback[index]?.feedback_id ?? "",
        replaced: null,
      }));
    },

    async [Symbol.asyncDispose]() {
      await thread?.end();
    },
  };
}

function joined(vectors: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(vectors.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const vector of vectors) {
    bytes.set(vector, at);
    at += vector.byteLength;
  }
  return bytes;
}

/** The answers in the order of the call: those of new rows, and in the other places those that came for them. */
function merged<T>(added: Uint8Array, others: readonly T[], ofNew: (index: number) => T): T[] {
  let next = 0;
  return Array.from(added, (isNew, index) => (isNew === 1 ? ofNew(index) : (others[next++] as T)));
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One thread; its answers by number. Asks are worked off in their order. */
class BulkThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #lost: Error | null = null;

  constructor(place: BulkPlace) {
    this.#worker = new Worker(threadFile, { workerData: place, execArgv: ["--disable-warning=ExperimentalWarning"] });
    this.#worker.on("message", (answer: BulkAnswer) => this.#receive(answer));
    this.#worker.on("error", (error) => this.#lose(error));
    this.#worker.on("exit", (code) => this.#lose(new Error(`it ended with code ${code}`))); // after end() nobody waits any more
  }

  /** @throws RequeenError as the store's methods; worker_lost */
  ask(work: BulkWork, transfer: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    const message: BulkAsk = { id: this.#nextId++, work };
    return new Promise((resolve, reject) => {
      this.#waiting.set(message.id, { resolve, reject });
      this.#worker.postMessage(message, transfer);
    });
  }

  /** After what was asked before; the connection is then closed. */
  async end(): Promise<void> {
    await this.ask({ kind: "end" }).catch((error: unknown) => {
      if (error !== this.#lost) throw error; // of a lost thread nothing is open
    });
    await this.#worker.terminate();
  }

  #receive(answer: BulkAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("error" in answer) waiting?.reject(errorOf(answer.error));
    else waiting?.resolve(answer.answer);
  }

  #lose(cause: Error): void {
    this.#lost ??= new RequeenError("worker_lost", `the thread that writes the import was lost: ${cause.message}`, {}, { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
  }
}
