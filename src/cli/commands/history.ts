import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { readTime } from "../../core/read-documents.ts";
import { readHistory, tracePlan } from "../../loop/history.ts";
import { type ShownList, type ShownReign, type ShownTrace, showList, showReign, showTrace } from "../../loop/present.ts";
import { defineCommand } from "../command.ts";
import { minuteOf, shortId, versionOf, wrap } from "../render/figures.ts";
import { decimal } from "../render/values.ts";
import type { Terminal } from "../terminal.ts";

type History =
  | (ShownList<"reigns", ShownReign> & { readonly opinions?: undefined })
  | (ShownList<"opinions", ShownTrace> & { readonly reigns?: undefined });

export const history = defineCommand({
  name: "history",
  summary: "Show which version was in production when, or which versions judged a plan.",
  details: "With --plan: every opinion on the plan with the dataset, the verdict and the person behind the version that gave it.",
  arguments: { specialist: { summary: "only of this specialist", type: z.string().optional() } },
  options: {
    at: {
      summary: "what was in production at this time; with --plan, only opinions given until then",
      value: "<time>",
      type: z.string().optional(),
    },
    plan: { summary: "who judged this plan, and by what right", value: "<plan-id>", type: z.string().optional() },
  },
  examples: [
    { line: "requeen history technical", does: "every promotion and rollback" },
    { line: "requeen history --at 2026-02-08T12:00:00Z", does: "what was in production at noon" },
    { line: "requeen history --plan plan-17 --json", does: "the lineage of each opinion on one plan" },
  ],
  changes: false,
  run: async ({ specialist, at, plan }, { openHouse }): Promise<History> => {
    const atMs = at === undefined ? undefined : timeOf(at);
    const house = await openHouse();
    if (plan === undefined) return showList("reigns", (await readHistory(house, { specialist, atMs })).map(showReign), null);
    const traces = await tracePlan(house, plan);
    if (traces.length === 0)
      throw new RequeenError("not_found", `there is no opinion on a plan ${JSON.stringify(plan)}`, { plan_id: plan });
    const wanted = traces.filter(
      (trace) =>
        (specialist === undefined || trace.specialist === specialist) && trace.evaluated_at <= (atMs ?? Number.POSITIVE_INFINITY),
    );
    return showList("opinions", wanted.map(showTrace), null);
  },
  render: (result, terminal) =>
    result.opinions === undefined ? renderReigns(result.reigns, terminal) : renderTraces(result.opinions, terminal),
});

/** @throws RequeenError bad_parameter */
function timeOf(text: string): number {
  const ms = readTime(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text);
  if (ms === null)
    throw new RequeenError(
      "bad_parameter",
      `--at must be a time in ISO 8601, as in 2026-02-08T12:00:00Z, or a date; got ${JSON.stringify(text)}`,
      { at: text },
    );
  return ms;
}

function renderReigns(reigns: readonly ShownReign[], { style, width }: Terminal): string {
  if (reigns.length === 0) return "Nothing was in production then. `requeen retrain --all` makes the first champions.";
  const nameWidth = Math.max(...reigns.map(({ specialist }) => specialist.length));
  return reigns
    .flatMap((reign) => {
      const { specialist, version, from, until, action, by, verdict_id, tombstone, reason, data_source } = reign;
      const time = `${minuteOf(from)} to ${until === null ? "now" : minuteOf(until)}`;
      // the evidence of a rollback is its reason: the verdict on record is that of the version that was taken back
      const why =
        action === "rollback"
          ? `instead of ${versionOf(tombstone)}`
          : verdict_id === null
            ? ""
            : `verdict ${shortId(verdict_id)}`;
      const head = `${style.bold(specialist.padEnd(nameWidth))}  ${versionOf(version).padEnd(4)}  ${time}${data_source === "synthetic" ? "  trained on synthetic rows alone" : ""}`;
      return [
        head,
        wrap(`  ${[action, `by ${by}`, why].filter((part) => part !== "").join(", ")}: ${reason}`, Math.min(width, 100), "    "),
      ];
    })
    .join("\n");
}

function renderTraces(traces: readonly ShownTrace[], { style, width }: Terminal): string {
  if (traces.length === 0) return "No such opinion was given until then.";
  return traces
    .map((trace) => {
      const { specialist, evaluated_at, recommendation, confidence, model } = trace;
      const judged = `${style.bold(specialist)} judged it ${recommendation} (confidence ${decimal(confidence)}) at ${minuteOf(evaluated_at)}, by ${model === null ? "no model: there was no champion" : `version ${model.version} of ${model.name}`}.`;
      return wrap(`${judged} ${rightOf(trace)}`, Math.min(width, 100), "  ");
    })
    .join("\n");
}

function rightOf({ model, reign }: ShownTrace): string {
  if (model === null) return "";
  if (reign === null) return "That version was not in production by Requeen's doing.";
  const evidence = `verdict ${shortId(reign.verdict_id)}, dataset ${shortId(reign.dataset_id)}, run ${shortId(reign.run_id)}`;
  return `It came into production at ${minuteOf(reign.from)} by ${reign.by} (${reign.action}: ${reign.reason.replace(/\.$/, "")}); ${evidence}.`;
}
