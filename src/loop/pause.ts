import { z } from "zod";
import { RequeenError } from "../core/errors.ts";
import { timestamp } from "../core/time.ts";
import type { House } from "./house.ts";

/** Setting of the store: whether the whole installation stands still, and why. */
const PAUSE = "pause";

export const pauseSchema = z.strictObject({ reason: z.string(), by: z.string(), since: timestamp });
export type Pause = z.output<typeof pauseSchema>;

type Parts = Pick<House, "store" | "now">;

/** Null: nothing is paused. */
export async function readPause({ store }: Pick<House, "store">): Promise<Pause | null> {
  const stored = await store.getSetting(PAUSE);
  return stored === null || stored === undefined ? null : pauseSchema.decode(stored as z.input<typeof pauseSchema>);
}

/**
 * From now on no run starts, none promotes, and no promotion is rolled out, in any process that shares the store; a run that is under way
 * stops before its promotion and stays resumable. A second pause keeps the first.
 */
export async function pauseAll(house: Parts, { by, reason }: { by: string; reason: string }): Promise<Pause> {
  const before = await readPause(house);
  if (before !== null) return before;
  const pause: Pause = { reason, by, since: house.now() };
  await house.store.putSetting(PAUSE, pauseSchema.encode(pause));
  await house.store.appendAudit([{ at: house.now(), actor: by, action: "pause", subject: "*", details: { reason } }]);
  return pause;
}

/** Gives the pause that ended; null when nothing was paused. */
export async function resumeAll(house: Parts, by: string): Promise<Pause | null> {
  const before = await readPause(house);
  if (before === null) return null;
  await house.store.putSetting(PAUSE, null);
  const details = { paused_by: before.by, since: new Date(before.since).toISOString(), reason: before.reason };
  await house.store.appendAudit([{ at: house.now(), actor: by, action: "resume", subject: "*", details }]);
  return before;
}

/** @throws RequeenError paused */
export async function refuseWhilePaused(house: Pick<House, "store">, what: string): Promise<void> {
  const pause = await readPause(house);
  if (pause === null) return;
  const since = new Date(pause.since).toISOString();
  throw new RequeenError("paused", `${what} must wait: paused by ${pause.by} since ${since}: ${pause.reason}`, {
    by: pause.by,
    since,
    reason: pause.reason,
  });
}
