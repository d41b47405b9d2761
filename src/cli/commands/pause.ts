import { z } from "zod";
import { type Pause, pauseAll, pauseSchema, readPause, resumeAll } from "../../loop/pause.ts";
import { defineCommand } from "../command.ts";
import { minuteOf } from "../render/figures.ts";

type ShownPause = z.input<typeof pauseSchema>;
const shown = (pause: Pause | null): ShownPause | null => (pause === null ? null : pauseSchema.encode(pause));

export const pause = defineCommand({
  name: "pause",
  summary: "Stop everything that changes production: no run starts, none promotes, no promotion is rolled out.",
  details: [
    "Holds for every process that shares the store, until `requeen resume`. Feedback is taken and opinions are given as before; a run that is",
    "under way trains on, stops before its promotion and goes on afterwards. A rollback is never held up.",
  ].join("\n"),
  arguments: {},
  options: {
    reason: {
      summary: "why, for everybody who is held up, and the audit log",
      value: "<text>",
      type: z.string().min(1).max(2000),
    },
  },
  examples: [{ line: "requeen pause --reason 'incident 4711: nobody changes models'", does: "freeze production" }],
  changes: true,
  run: async ({ reason }, { openHouse, dryRun, now }): Promise<{ paused: ShownPause; dry_run: boolean }> => {
    const house = await openHouse();
    const by = house.actor;
    const paused = dryRun ? ((await readPause(house)) ?? { reason, by, since: now() }) : await pauseAll(house, { by, reason });
    return { paused: pauseSchema.encode(paused), dry_run: dryRun };
  },
  render: ({ paused, dry_run }) =>
    `${dry_run ? "Would be paused" : "Paused"} by ${paused.by} since ${minuteOf(paused.since)}: ${paused.reason}. \`requeen resume\` ends it.`,
});

export const resume = defineCommand({
  name: "resume",
  summary: "End a pause: runs, promotions and rollouts go on.",
  arguments: {},
  options: {},
  examples: [{ line: "requeen resume", does: "after `requeen pause`" }],
  changes: true,
  run: async (_values, { openHouse, dryRun }): Promise<{ ended: ShownPause | null; dry_run: boolean }> => {
    const house = await openHouse();
    const ended = dryRun ? await readPause(house) : await resumeAll(house, house.actor);
    return { ended: shown(ended), dry_run: dryRun };
  },
  render: ({ ended, dry_run }) => {
    if (ended === null) return "Nothing is paused.";
    const what = `the pause of ${ended.by} since ${minuteOf(ended.since)}: ${ended.reason}`;
    return dry_run
      ? `Would end ${what}.`
      : `Ended ${what}. \`requeen serve\` goes on with waiting runs; \`requeen runs list\` shows them.`;
  },
});
