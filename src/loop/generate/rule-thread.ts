import { parentPort, workerData } from "node:worker_threads";
import type { Decision } from "../simulate/reviewer-rules.ts";
import { fillSlot, type RuleSource, type SlotAnswer } from "./rule-candidates.ts";

/** A thread of generateByRuleInThreads: fills slots for it, a share at a time. */

export interface SlotShare {
  /** The first slot. */
  readonly from: number;
  readonly decisions: readonly Decision[];
}

export interface FilledShare {
  readonly from: number;
  readonly answers: readonly SlotAnswer[];
}

const source = workerData as RuleSource; // what generate-by-rule.ts gives
const port = parentPort;
if (port === null) throw new Error("rule-thread.ts runs as a worker thread");

port.on("message", ({ from, decisions }: SlotShare) => {
  const answers = decisions.map((decision, place) => fillSlot(source, from + place, decision));
  port.postMessage({ from, answers } satisfies FilledShare);
});
