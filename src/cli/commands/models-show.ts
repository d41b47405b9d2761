import { z } from "zod";
import { type ModelDetails, showVersion } from "../../loop/models.ts";
import { defineCommand } from "../command.ts";
import { minuteOf, versionOf, wrap } from "../render/figures.ts";
import { renderFacts, renderTable } from "../render/table.ts";
import { bytes, DASH } from "../render/values.ts";
import { aliasText } from "./models-list.ts";

export const VERSION_ARGUMENT = {
  summary: "a number, or an alias: champion, challenger",
  type: z.string().default("champion"),
};

export const modelsShow = defineCommand({
  name: "models show",
  summary: "Show one registered version: its evidence, its digest and its files.",
  arguments: { specialist: { summary: "whose model", type: z.string() }, version: VERSION_ARGUMENT },
  options: {},
  examples: [
    { line: "requeen models show technical", does: "the champion" },
    { line: "requeen models show technical 3", does: "a version by its number" },
  ],
  changes: false,
  run: async ({ specialist, version }, { openHouse }): Promise<ModelDetails> =>
    showVersion(await openHouse(), specialist, version),
  render: (model, terminal) =>
    [
      renderFacts(
        [
          ["model", `${model.name}, ${versionOf(model.version)}`],
          ["stage", model.stage],
          ["aliases", aliasText(model, terminal) || DASH],
          ["made", minuteOf(model.created_at)],
          ["run", model.run_id ?? DASH],
          ["verdict", model.verdict_id ?? DASH],
          ["dataset", model.dataset_id ?? DASH],
          ...(model.data_source === "synthetic" ? [["trained on", terminal.style.yellow("synthetic rows alone")] as const] : []),
          ["policy", model.policy ?? DASH],
          ["SHA-256", model.sha256 ?? DASH],
          ["MLflow run", model.mlflow_run_id ?? DASH],
          ...(model.tombstone === null ? [] : [["tombstone", terminal.style.red(model.tombstone)] as const]),
        ],
        terminal,
      ),
      "",
      wrap(model.description === "" ? "It has no description." : model.description, Math.min(terminal.width, 100)),
      "",
      renderTable(
        model.files,
        [
          { title: "FILE", text: ({ path }) => path },
          { title: "SIZE", align: "right", text: ({ size_bytes }) => bytes(size_bytes) },
        ],
        terminal,
      ),
      "",
      `\`requeen models export ${model.specialist} ${model.version} FOLDER\` writes them, checked, to a folder.`,
    ].join("\n"),
});
