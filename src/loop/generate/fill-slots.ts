import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { RequeenError } from "../../core/errors.ts";
import type { Decision } from "../simulate/reviewer-rules.ts";
import { fillSlot, type RuleSource, type SlotAnswer } from "./rule-candidates.ts";
import type { FilledShare, SlotShare } from "./rule-thread.ts";

/** Slots of one share: small enough that the threads end together. */
const SHARE = 250;

// the thread's file is TypeScript when run from source and JavaScript when built
const threadFile = new URL(import.meta.url.endsWith(".ts") ? "./rule-thread.ts" : "./rule-thread.js", import.meta.url);

/**
 * Fills all slots, on this thread and on `helpers` more: each takes the next share when it has done one, so that nobody waits for a slow one.
 * What comes of a slot does not depend on who filled it.
 * @throws RequeenError worker_lost; the signal's reason
 */
export async function fillSlots(
  source: RuleSource,
  slots: readonly Decision[],
  { helpers, signal, onFilled }: { helpers: number; signal?: AbortSignal | undefined; onFilled?: (slots: number) => void },
): Promise<SlotAnswer[]> {
  const answers = new Array<SlotAnswer>(slots.length);
  let next = 0;
  let filled = 0;
  const take = (): SlotShare | null => {
    if (next >= slots.length) return null;
    const share = { from: next, decisions: slots.slice(next, next + SHARE) };
    next += SHARE;
    return share;
  };
  const put = ({ from, answers: own }: FilledShare): void => {
    own.forEach((answer, place) => {
      answers[from + place] = answer;
    });
    filled += own.length;
    onFilled?.(filled);
  };
  const help = async (): Promise<void> => {
    const thread = new Worker(threadFile, { workerData: source, execArgv: ["--disable-warning=ExperimentalWarning"] });
    try {
      for (let share = take(); share !== null; share = take()) {
        signal?.throwIfAborted();
        put(await answerOf(thread, share));
      }
    } finally {
      await thread.terminate();
    }
  };
  const fillHere = async (): Promise<void> => {
    for (let share = take(); share !== null; share = take()) {
      const { from, decisions } = share;
      put({ from, answers: decisions.map((decision, place) => fillSlot(source, from + place, decision)) });
      await turn(); // the answers of the others
      signal?.throwIfAborted();
    }
  };
  await Promise.all([...Array.from({ length: helpers }, help), fillHere()]);
  return answers;
}

function answerOf(thread: Worker, share: SlotShare): Promise<FilledShare> {
  return new Promise((resolve, reject) => {
    const lost = (cause: Error): void => {
      reject(
        new RequeenError(
          "worker_lost",
          `a thread that generates plans ended before it answered: ${cause.message}`,
          {},
          { cause },
        ),
      );
    };
    thread.removeAllListeners();
    thread.once("message", resolve);
    thread.once("error", lost);
    thread.once("exit", (code) => lost(new Error(`it ended with code ${code}`)));
    thread.postMessage(share);
  });
}
