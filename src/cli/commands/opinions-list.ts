import { z } from "zod";
import type { OpinionDocument } from "../../core/opinion.ts";
import { specialistOf } from "../../loop/house.ts";
import { type ShownList, showList, showOpinion } from "../../loop/present.ts";
import { defineCommand } from "../command.ts";
import { moreLine, PAGE_OPTIONS, SPECIALIST_OPTION } from "../page-options.ts";
import { minuteOf, versionOf } from "../render/figures.ts";
import { renderTable } from "../render/table.ts";
import { decimal } from "../render/values.ts";
import type { Terminal } from "../terminal.ts";

export const opinionsList = defineCommand({
  name: "opinions list",
  summary: "List opinions, newest first.",
  arguments: {},
  options: {
    ...SPECIALIST_OPTION,
    plan: { summary: "only on this plan", value: "<plan-id>", type: z.string().optional() },
    model: { summary: "only by this version of the specialist's model", value: "<version>", type: z.string().optional() },
    pending: { summary: "only those that no person has judged yet", type: z.boolean().default(false) },
    ...PAGE_OPTIONS,
  },
  examples: [
    { line: "requeen opinions list --specialist technical --pending", does: "what waits for a reviewer" },
    { line: "requeen opinions list --plan plan-17 --json", does: "every specialist's opinion on one plan, whole" },
  ],
  changes: false,
  run: async (
    { specialist, plan, model, pending, limit, cursor },
    { openHouse },
  ): Promise<ShownList<"opinions", OpinionDocument>> => {
    const house = await openHouse();
    if (specialist !== undefined) specialistOf(house, specialist);
    const filter = { specialist, planId: plan, modelVersion: model, ...(pending ? { pending } : {}) };
    const { items, next } = await house.store.listOpinions(filter, { limit, cursor });
    const ids = items.map(({ opinion_id }) => opinion_id);
    await house.store.markSeen(house.actor, ids, house.now()); // whoever has seen an opinion does not review it blind
    return showList("opinions", items.map(showOpinion), next);
  },
  render: ({ opinions, next }, terminal) =>
    opinions.length === 0
      ? "No such opinions. `requeen judge SPECIALIST FILE` makes some; `requeen opinions import FILE` brings them."
      : renderOpinions(opinions, terminal) + moreLine(next),
});

export const renderOpinions = (opinions: readonly OpinionDocument[], terminal: Terminal): string =>
  renderTable(
    opinions,
    [
      { title: "OPINION", text: ({ opinion_id }) => opinion_id },
      { title: "SPECIALIST", text: ({ specialist_type }) => specialist_type },
      { title: "DECISION", text: ({ opinion }) => opinion.recommendation },
      { title: "CONF", align: "right", text: ({ opinion }) => decimal(opinion.confidence_score) },
      { title: "MODEL", text: ({ model, state }) => (model === null ? state : versionOf(model.version)) },
      { title: "JUDGED", text: ({ evaluated_at }) => minuteOf(evaluated_at) },
    ],
    terminal,
  );
