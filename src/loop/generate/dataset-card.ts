import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { timestamp } from "../../core/time.ts";
import { GATE_NAMES, GATES } from "./gates.ts";

const count = z.int().nonnegative();
const share = z.number().min(0).max(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** How the plans were made. `rule`: the simulator and a specialist's rule, no network. `provider`: a language model. */
export const generatorSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("rule"), seed: count }),
  z.strictObject({
    kind: z.literal("provider"),
    provider: z.string(),
    model: z.string(),
    /** Where it was asked, without credentials. */
    base_url: z.string(),
    temperature: z.number().min(0),
    seed: count,
    /** The prompts by name, with the digest of the text that was sent. */
    prompts: z.array(z.strictObject({ name: z.string(), sha256 })),
  }),
]);

/** What a generated dataset is: how it was made, what it holds, what was refused, what it cost. Written beside the data. */
export const datasetCardSchema = z.strictObject({
  card_version: z.literal("1.0.0"),
  name: z.string().min(1),
  specialist: z.string(),
  /** Never another: no label of a generated set may decide anything. */
  tier: z.literal("synthetic"),
  created_at: timestamp,
  generator: generatorSchema,
  feature_schema: z.string(),
  asked: count,
  made: count,
  /** Why fewer were made than asked for; null = none is missing. */
  shortfall: z.strictObject({ missing: count, because: z.string() }).nullable(),
  /** Candidates that were looked at, refused ones included. */
  candidates: count,
  classes: z.array(z.strictObject({ name: z.string(), quota: share, asked: count, made: count })),
  domains: z.record(z.string(), count),
  priorities: z.record(z.string(), count),
  security_levels: z.record(z.string(), count),
  tasks: z.strictObject({ least: count, median: z.number(), most: count }),
  quality: z.strictObject({
    asked: share,
    mean: share,
    least: share,
    parts: z.strictObject({ length: share, diversity: share, domain: share, security: share, qos: share }),
  }),
  rejected: z.array(z.strictObject({ gate: z.enum(GATE_NAMES), count, example: z.string().nullable() })),
  duplicates: z.strictObject({ limit: share, mean_nearest: share, highest_nearest: share }),
  cost: z.strictObject({ requests: count, input_tokens: count, output_tokens: count, usd: z.number().nonnegative() }),
  files: z.array(z.strictObject({ path: z.string(), sha256, size_bytes: count, rows: count })).default([]),
});
export type DatasetCard = z.output<typeof datasetCardSchema>;

/** The card as JSON text, the form that stands beside the data. */
export const writeDatasetCard = (card: DatasetCard): string => `${JSON.stringify(z.encode(datasetCardSchema, card), null, 2)}\n`;

/** @throws bad_document */
export function readDatasetCard(text: string): DatasetCard {
  const read = datasetCardSchema.safeParse(parseJson(text));
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new RequeenError("bad_document", `dataset card: ${issue?.path.join(".")}: ${issue?.message}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RequeenError(
      "bad_document",
      `dataset card: it is not JSON; got ${JSON.stringify(text.slice(0, 60))}`,
      {},
      { cause },
    );
  }
}

/** The card as a page for people. */
export function datasetCardMarkdown(card: DatasetCard): string {
  const { generator, quality, duplicates, cost } = card;
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]) =>
    [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map((cell) => clean(String(cell))).join(" | ")} |`).join("\n");
  const counts = (values: Readonly<Record<string, number>>) =>
    Object.entries(values)
      .sort(([, a], [, b]) => b - a)
      .map(([name, value]) => [name, value, percent(card.made > 0 ? value / card.made : 0)]);
  return `${[
    `# ${clean(card.name)}`,
    `**Synthetic.** ${card.made} generated plans with labels for the specialist ${clean(card.specialist)}. The labels were made by a ${
      generator.kind === "rule" ? "rule" : "language model"
    }, not by people: they may carry weight in training, they never calibrate a model and never decide a promotion.`,
    ...(card.shortfall === null
      ? []
      : [`**${card.shortfall.missing} fewer than the ${card.asked} asked for**: ${clean(card.shortfall.because)}.`]),
    "## How it was made",
    table(
      ["what", "value"],
      [
        ["made at", new Date(card.created_at).toISOString()],
        ...(generator.kind === "rule"
          ? [
              ["generator", "rule (seeded, no network)"],
              ["seed", generator.seed],
            ]
          : [
              ["generator", `${generator.provider}, model ${generator.model}, temperature ${generator.temperature}`],
              ["asked at", generator.base_url],
              ["seed", generator.seed],
              ...generator.prompts.map((prompt) => [`prompt ${prompt.name}`, `sha256 ${prompt.sha256}`]),
            ]),
        ["features", card.feature_schema],
        ["candidates looked at", card.candidates],
        ["cost", `${cost.requests} requests, ${cost.input_tokens} + ${cost.output_tokens} tokens, ${cost.usd.toFixed(4)} USD`],
      ],
    ),
    "## What it holds",
    table(
      ["class", "quota", "asked", "made"],
      card.classes.map(({ name, quota, asked, made }) => [name, percent(quota), asked, made]),
    ),
    table(["domain", "plans", "share"], counts(card.domains)),
    table(["priority", "plans", "share"], counts(card.priorities)),
    table(["security level", "plans", "share"], counts(card.security_levels)),
    `Tasks per plan: ${card.tasks.least} to ${card.tasks.most}, median ${card.tasks.median}.`,
    "## Quality",
    `Mean description score ${quality.mean.toFixed(3)}, lowest ${quality.least.toFixed(3)}; at least ${quality.asked} was asked for.`,
    table(
      ["part", "mean"],
      Object.entries(quality.parts).map(([part, value]) => [part, value.toFixed(3)]),
    ),
    `Likeness (MinHash): a plan is ${duplicates.mean_nearest.toFixed(2)} like the most similar one before it, at most ${duplicates.highest_nearest.toFixed(2)}; from ${duplicates.limit} on it is refused.`,
    "## What was refused",
    table(
      ["gate", "refused", "meaning", "first example"],
      card.rejected.map(({ gate, count: refused, example }) => [gate, refused, GATES[gate], example ?? ""]),
    ),
    ...(card.files.length > 0
      ? [
          "## Files",
          table(
            ["file", "rows", "bytes", "SHA-256"],
            card.files.map((file) => [file.path, file.rows, file.size_bytes, file.sha256]),
          ),
        ]
      : []),
  ].join("\n\n")}\n`;
}

/** One line without table borders or markup: examples quote what a generator answered. */
const clean = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .slice(0, 300)
    .replaceAll(/[\\`*_[\]<>|]/g, (mark) => `\\${mark}`);
