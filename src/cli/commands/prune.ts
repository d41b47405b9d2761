import { join } from "node:path";
import { type Pruned, prune as pruneFiles } from "../../loop/prune.ts";
import { defineCommand } from "../command.ts";
import { bytes } from "../render/values.ts";

export const prune = defineCommand({
  name: "prune",
  summary: "Remove files of old runs that no verdict, version or unfinished run refers to.",
  details: [
    "Removes datasets, predictions and models of runs that ended without a verdict, after retention.endedRunsDays, and what a crash left",
    "half-written, after retention.unfinishedDays; never anything younger than a day. Verdicts stay recomputable, versions reproducible. Records",
    "(opinions, feedback, runs, audit log) are never removed. A registry that is away stops it before anything is removed.",
  ].join("\n"),
  arguments: {},
  options: {},
  examples: [{ line: "requeen prune --dry-run", does: "how much would go, and how much is referred to" }],
  changes: true,
  run: async (_values, { openHouse, config, dryRun }): Promise<Pruned> =>
    pruneFiles(await openHouse(), join(config.dataDir, "blobs"), config.retention, dryRun),
  render: ({ kept, removed, unfinished, requests, dry_run }) => {
    const verb = dry_run ? "Would remove" : "Removed";
    return [
      `${verb} ${removed.files} files of old runs, ${bytes(removed.bytes)}, and ${unfinished.files} half-written ones, ${bytes(unfinished.bytes)}.`,
      `Kept ${kept.files} files, ${bytes(kept.bytes)}: something refers to them, or they are too young.`,
      ...(requests === 0 ? [] : [`Forgot ${requests} requests whose repetition is over.`]),
    ].join("\n");
  },
});
