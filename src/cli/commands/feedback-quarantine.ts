import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { CHANNELS, type Channel } from "../../core/evidence.ts";
import { describeProblems } from "../../core/read-documents.ts";
import type { House } from "../../loop/house.ts";
import { type ShownList, type ShownQuarantine, showList, showQuarantine } from "../../loop/present.ts";
import { namedEntries, replayAll, waitingEntries } from "../../loop/quarantine.ts";
import type { ShownImport } from "../../loop/shown-import.ts";
import { defineCommand } from "../command.ts";
import { moreLine, PAGE_OPTIONS } from "../page-options.ts";
import { rehearse } from "../rehearse.ts";
import { minuteOf, wrap } from "../render/figures.ts";
import { exitCodeOfImport, renderImport } from "../render/import-report.ts";
import { VOUCHED_BY_OPTION } from "./feedback-import.ts";

type QuarantineResult =
  | (ShownList<"quarantine", ShownQuarantine> & { readonly replay?: undefined; readonly discarded?: undefined })
  | { readonly replay: ShownImport; readonly discarded?: undefined }
  | { readonly discarded: number; readonly dry_run: boolean; readonly replay?: undefined };

export const feedbackQuarantine = defineCommand({
  name: "feedback quarantine",
  summary: "List what could not be read, try it again, or discard it.",
  details: [
    "Opinions and feedback that an import could not read stand here whole, with field, value and reason, until they are replayed: after",
    "the missing opinions came, or the configuration was mended. Replay takes opinions first. What fails again stays.",
    "With ids only those are replayed or discarded; discarded documents are kept and no longer wait.",
  ].join("\n"),
  arguments: { ids: { summary: "ids of entries; none = all that wait", variadic: true, type: z.array(z.string()).default([]) } },
  options: {
    replay: { summary: "try them again", type: z.boolean().default(false) },
    discard: { summary: "stop waiting for them; needs ids", type: z.boolean().default(false) },
    kind: { summary: "only opinions or only feedback", value: "<kind>", type: z.enum(["opinion", "feedback"]).optional() },
    state: { summary: "which to list", value: "<state>", type: z.enum(["waiting", "replayed", "discarded"]).default("waiting") },
    ...VOUCHED_BY_OPTION,
    ...PAGE_OPTIONS,
  },
  examples: [
    { line: "requeen feedback quarantine", does: "what waits, and why" },
    {
      line: "requeen feedback quarantine --replay --vouched-by ana",
      does: "everything once more, labels vouched for by a person",
    },
    { line: "requeen feedback quarantine quarantine-feedback-3f9a --discard", does: "give one up" },
  ],
  changes: true,
  run: async (values, context): Promise<QuarantineResult> => {
    const { ids, replay, discard, kind, state, limit, cursor } = values;
    if (replay && discard) throw new RequeenError("bad_parameter", "either --replay or --discard may be given; got both");
    if (discard && ids.length === 0) throw new RequeenError("bad_parameter", "--discard needs the ids of entries; got none");
    const house = await context.openHouse();
    if (discard) return discardEntries(house, ids, context.dryRun);
    if (replay) {
      const channel: Channel = values.vouchedBy === undefined ? "import" : "import_vouched";
      const entries = ids.length > 0 ? namedEntries(house, ids) : waitingEntries(house, kind);
      const report = await replayAll(context.dryRun ? rehearse(house) : house, entries, {
        channel,
        vouchedBy: values.vouchedBy ?? null,
        signal: context.signal,
      });
      return {
        replay: {
          ...report,
          source: "the quarantine",
          tier: CHANNELS[channel],
          unreadable: 0,
          dry_run: context.dryRun,
          strict: false,
        },
      };
    }
    if (ids.length > 0) {
      const entries: ShownQuarantine[] = [];
      for await (const entry of namedEntries(house, ids)) entries.push(showQuarantine(entry));
      return showList("quarantine", entries, null);
    }
    const { items, next } = await house.store.listQuarantine({ kind, state }, { limit, cursor });
    return showList("quarantine", items.map(showQuarantine), next);
  },
  render: (result, terminal) => {
    if (result.replay !== undefined) return renderImport(result.replay, "feedback", terminal);
    if (result.discarded !== undefined) return `${result.discarded} ${result.dry_run ? "would be" : "are"} discarded.`;
    if (result.quarantine.length === 0) return "Nothing is in the quarantine.";
    const width = Math.min(terminal.width, 100);
    const entries = result.quarantine.map(({ quarantine_id, kind, source, at, problems }) =>
      [
        `${terminal.style.bold(quarantine_id)}  ${kind} from ${source}, ${minuteOf(at)}`,
        wrap(`  ${describeProblems(problems)}`, width, "  "),
      ].join("\n"),
    );
    return `${entries.join("\n")}\n\nAdd --replay to try them again.${moreLine(result.next)}`;
  },
  exitCode: (result) => (result.replay === undefined ? 0 : exitCodeOfImport(result.replay)),
});

async function discardEntries(
  house: House,
  ids: readonly string[],
  dryRun: boolean,
): Promise<{ discarded: number; dry_run: boolean }> {
  let discarded = 0;
  for await (const { quarantine_id } of namedEntries(house, ids)) {
    if (!dryRun) await house.store.setQuarantineState(quarantine_id, "discarded");
    discarded += 1;
  }
  return { discarded, dry_run: dryRun };
}
