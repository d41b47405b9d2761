import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { MODEL_FORMATS } from "../../engine/import/index.ts";
import { type ImportedVersion, importVersion } from "../../loop/import-version.ts";
import { defineCommand } from "../command.ts";
import { versionOf } from "../render/figures.ts";

export const modelsImport = defineCommand({
  name: "models import",
  summary: "Register a tree model that LightGBM, XGBoost or scikit-learn (as ONNX) trained elsewhere.",
  details: [
    "Reads LightGBM's text form, XGBoost's JSON form, and ONNX with one TreeEnsembleClassifier, as skl2onnx and onnxmltools write it.",
    "The version answers the same probabilities to 1e-6 and is not in production: `requeen promote --force --reason` puts it there, and",
    "from then on only newer labels judge it, since what it was trained on is not known here.",
  ].join("\n"),
  arguments: {
    specialist: { summary: "whose model it becomes", type: z.string() },
    file: { summary: "the model file", type: z.string() },
  },
  options: {
    format: { summary: "instead of looking at the first bytes", value: "<format>", type: z.enum(MODEL_FORMATS).optional() },
  },
  examples: [
    { line: "requeen models import technical model.txt", does: "a model of LightGBM" },
    { line: "requeen models import technical forest.onnx --dry-run", does: "whether it could be read" },
  ],
  changes: true,
  run: async ({ specialist, file, format }, { openHouse, dryRun }): Promise<ImportedVersion> => {
    const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
      throw new RequeenError("bad_parameter", `the model file ${file} cannot be read: ${cause.message}`, { file }, { cause });
    });
    return importVersion(await openHouse(), { specialist, bytes, file: basename(file), format: format ?? null, dryRun });
  },
  render: ({ specialist, version, trees, note }) =>
    version === null
      ? `Can be read: ${trees} trees, ${note}.`
      : `${specialist} ${versionOf(version)} is registered: ${trees} trees, ${note}.\n\`requeen promote ${specialist} ${version} --force --reason ...\` puts it into production.`,
});
