import { listModels } from "../../loop/models.ts";
import type { ShownList, ShownModel } from "../../loop/present.ts";
import { defineCommand } from "../command.ts";
import { SPECIALIST_OPTION } from "../page-options.ts";
import { minuteOf, shortId, versionOf } from "../render/figures.ts";
import { renderTable } from "../render/table.ts";
import type { Terminal } from "../terminal.ts";

export const modelsList = defineCommand({
  name: "models list",
  summary: "List the registered versions of every specialist's model, newest first.",
  details: "`champion` is in production, `challenger` waits; a version with a tombstone was rolled back.",
  arguments: {},
  options: { ...SPECIALIST_OPTION },
  examples: [
    { line: "requeen models list", does: "everything that is registered" },
    { line: "requeen models list --specialist technical --json", does: "one specialist's versions with ids and digests" },
  ],
  changes: false,
  run: async ({ specialist }, { openHouse }): Promise<ShownList<"models", ShownModel>> =>
    listModels(await openHouse(), specialist),
  render: ({ models }, terminal) =>
    models.length === 0
      ? "No models are registered yet. `requeen retrain --all` makes the first."
      : renderTable(
          models,
          [
            { title: "SPECIALIST", shrinks: true, text: ({ specialist }) => specialist },
            { title: "VERSION", text: ({ version }) => versionOf(version) },
            { title: "STAGE", text: ({ stage }) => stage },
            { title: "ALIASES", text: (model) => aliasText(model, terminal) },
            { title: "VERDICT", text: ({ verdict_id }) => shortId(verdict_id) },
            { title: "MADE", text: ({ created_at }) => minuteOf(created_at) },
          ],
          terminal,
        ),
});

export function aliasText({ aliases, tombstone }: ShownModel, { style }: Pick<Terminal, "style">): string {
  const names = aliases.map((alias) => (alias === "champion" ? style.green(alias) : alias));
  if (tombstone !== null) names.push(style.red("tombstone"));
  return names.join(", ");
}
