import { z } from "zod";
import type { pauseSchema } from "../../loop/pause.ts";
import type { ShownRollout } from "../../loop/rollout.ts";
import { listOf, shape, time } from "./shared.ts";

const rollout = shape<ShownRollout>(
  "Rollout",
  z.strictObject({
    specialist: z.string(),
    champion: z.string().nullable().describe("in production by the registry; null = none"),
    state: z
      .enum(["none", "pending", "rolling", "done", "verified", "failed", "rolled_back"])
      .describe("pending: not carried out yet; done: nobody asks the pods; verified: every pod reports the version"),
    strategy: z.enum(["pull", "notify", "restart"]),
    started_at: time.nullable(),
    ended_at: time.nullable(),
    pods: z.array(
      z.strictObject({
        pod: z.string(),
        version: z.string().nullable().describe("that it reports"),
        model_loaded: z.boolean(),
        problem: z.string().describe("empty when it is as it should be"),
      }),
    ),
    error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  }),
);
export const rolloutsAnswer = listOf<{ readonly rollouts: readonly ShownRollout[]; readonly next: string | null }>(
  "Rollouts",
  "rollouts",
  rollout,
);

type ShownPause = z.input<typeof pauseSchema>;
const pause = shape<ShownPause>("Pause", z.strictObject({ reason: z.string(), by: z.string(), since: time }));
export const pausedAnswer = shape<{ readonly paused: ShownPause; readonly dry_run: boolean }>(
  "Paused",
  z.strictObject({ paused: pause, dry_run: z.boolean() }),
);
export const pauseEndedAnswer = shape<{ readonly ended: ShownPause | null; readonly dry_run: boolean }>(
  "PauseEnded",
  z.strictObject({ ended: pause.nullable(), dry_run: z.boolean() }),
);
