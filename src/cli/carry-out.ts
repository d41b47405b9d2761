import type { House } from "../loop/house.ts";
import { rollOut } from "../loop/rollout.ts";
import type { CommandContext } from "./command.ts";
import { versionOf } from "./render/figures.ts";

/**
 * After a change of production by hand: carries it to the pods at once, where a strategy is configured that does anything. What goes wrong
 * there is told and recorded; the change itself stands.
 */
export async function carryOutNow(
  house: House,
  specialist: string,
  { signal, progress }: Pick<CommandContext, "signal" | "progress">,
): Promise<void> {
  if (house.rollout === undefined) return;
  const line = progress.begin(specialist);
  line.step("rolling out");
  const record = await rollOut(house, specialist, { signal, by: house.actor });
  if (record === null) return line.end("nothing is in production");
  const why = record.error === null ? "" : `: ${record.error.message}`;
  line.end(`rollout of ${versionOf(record.version)} ${record.state}${why}`);
}
