import type { RunStep } from "../../../src/core/run.ts";

/** In the order in which a run takes them. */
export const RUN_STEPS = [
  "collect",
  "check",
  "train",
  "decide",
  "register",
  "promote",
  "rollout",
] as const satisfies readonly RunStep[];
