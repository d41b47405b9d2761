import { join } from "node:path";
import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { grouped, percent } from "../../decide/phrases.ts";
import { PLAN_SCHEMA_NAMES } from "../../features/index.ts";
import { GENERATORS, type GeneratedDataset, generateDataset, PROMPT_LANGUAGES } from "../../loop/generate.ts";
import { defineCommand } from "../command.ts";
import { renderTable } from "../render/table.ts";
import type { Terminal } from "../terminal.ts";
import { pairsOf } from "./train.ts";

const price = z.number().min(0).optional();

export const generate = defineCommand({
  name: "generate",
  summary: "Generate synthetic plans with labels, by rule or by a language model; their labels never decide anything.",
  details: [
    "Writes plans and labels into the store (channel generator, tier synthetic), and a Parquet table with a dataset card (JSON and Markdown)",
    "beside it. Synthetic rows may carry weight in training, chosen by cross-validation on people's labels and often zero; they never",
    "calibrate and never judge.",
    "The rule generator is the default, needs no network and gives the quotas by construction. A language model is asked over HTTP; its key",
    "comes from the environment only: OPENAI_API_KEY, ANTHROPIC_API_KEY, AZURE_OPENAI_API_KEY, DEEPSEEK_API_KEY, GROQ_API_KEY,",
    "TOGETHER_API_KEY, OPENROUTER_API_KEY, or LLM_API_KEY. LLM_MODEL and LLM_BASE_URL stand in for the options of that name. Each paid answer",
    "is on disk before it is used: the same command again goes on where it stopped and pays nothing twice.",
    "Exit code 9: fewer plans than asked for, with --strict-sample-count; without it the card names the shortfall.",
  ].join("\n"),
  arguments: {
    extra: {
      summary: "pairs that this command does not know, as `mlflow run` adds them: ignored, and named",
      variadic: true,
      type: z.array(z.string()).default([]),
    },
  },
  options: {
    specialistType: { summary: "which specialist", value: "<name>", type: z.string() },
    numSamples: { summary: "plans wanted", value: "<count>", type: z.int().min(1).default(1000) },
    outputPath: {
      summary: "a .parquet file, or a folder for one; by default generated/ in the data folder",
      value: "<path>",
      type: z.string().min(1).optional(),
    },
    llmProvider: {
      summary: `who makes them: ${GENERATORS.join(", ")}`,
      value: "<name>",
      type: z.enum(GENERATORS).default("rule"),
    },
    llmModel: {
      summary: "the provider's model; for azure_openai the deployment",
      value: "<name>",
      type: z.string().min(1).optional(),
    },
    llmBaseUrl: {
      summary: "the provider's address, for example of an own server",
      value: "<url>",
      type: z.string().min(1).optional(),
    },
    temperature: { summary: "how freely a model answers", value: "<0-2>", type: z.number().min(0).max(2).default(0.7) },
    language: {
      summary: "of the prompts: en, pt or both in turn",
      value: "<name>",
      type: z.enum([...PROMPT_LANGUAGES, "both"]).default("both"),
    },
    validateSchemas: {
      summary: "without effect: what is no plan has no features, so it is always checked",
      value: "[yes]",
      type: z.boolean().default(true),
    },
    minQualityScore: {
      summary: "least mean score of a plan's descriptions",
      value: "<0-1>",
      type: z.number().min(0).max(1).default(0.5),
    },
    duplicateLimit: {
      summary: "likeness from which on a plan is refused as a near-duplicate",
      value: "<0.5-1>",
      type: z.number().min(0.5).max(1).default(0.8),
    },
    strictSampleCount: {
      summary: "fail instead of giving fewer plans than asked for",
      value: "[yes]",
      type: z.boolean().default(false),
    },
    quotas: {
      summary: "shares of the classes, e.g. approve=0.4,reject=0.2,review_required=0.25,conditional=0.15",
      value: "<shares>",
      type: z.string().optional(),
    },
    featureSchema: {
      summary: "of the table, plan/1 or plan/2; by default the specialist's own",
      value: "<name>",
      type: z.enum(PLAN_SCHEMA_NAMES).optional(),
    },
    budgetTokens: {
      summary: "stop before more tokens than this are used, input and output together",
      value: "<count>",
      type: z.number().optional(),
    },
    budgetCost: {
      summary: "stop before more than this is spent; needs the two prices",
      value: "<usd>",
      type: z.number().optional(),
    },
    inputPrice: { summary: "USD for a million input tokens", value: "<usd>", type: price },
    outputPrice: { summary: "USD for a million output tokens", value: "<usd>", type: price },
    maxTokens: { summary: "most tokens of one answer", value: "<count>", type: z.int().min(1).default(4096) },
    concurrency: { summary: "questions under way at a time", value: "<count>", type: z.int().min(1).max(256).default(4) },
    seed: { summary: "the same request and seed, the same plans", value: "<n>", type: z.int().min(0).default(42) },
    noStore: { summary: "files only: nothing goes into the store", type: z.boolean().default(false) },
  },
  examples: [
    { line: "requeen generate --specialist-type technical", does: "1,000 plans by rule, in the store and in a table" },
    {
      line: "requeen generate --specialist-type technical --num-samples 200 --llm-provider local --llm-model llama3.1 --strict-sample-count",
      does: "200 plans by a model of an Ollama server on this machine",
    },
    {
      line: "requeen generate --specialist-type business --llm-provider openai --llm-model gpt-4.1-mini --budget-tokens 500000",
      does: "as many of 1,000 plans as half a million tokens buy",
    },
  ],
  changes: true,
  allowsUnknownOptions: true,
  run: async (values, context): Promise<GeneratedDataset> => {
    const { terminal, config } = context;
    const ignored = [...pairsOf(values.extra), ...(values.validateSchemas ? [] : ["--validate-schemas false"])];
    if (ignored.length > 0) terminal.note(`${terminal.style.yellow("note:")} without effect here: ${ignored.join(", ")}`);
    const house = await context.openHouse();
    const { inputPrice: input, outputPrice: output } = values;
    const line = context.progress.begin(values.specialistType);
    line.step(values.llmProvider === "rule" ? "by rule" : `asking ${values.llmProvider}`);
    const result = await generateDataset(
      house,
      {
        specialist: values.specialistType,
        generator:
          values.llmProvider === "rule"
            ? "rule"
            : { name: values.llmProvider, model: values.llmModel, baseUrl: values.llmBaseUrl },
        count: values.numSamples,
        seed: values.seed,
        outputPath: values.outputPath ?? join(config.dataDir, "generated"),
        featureSchema: values.featureSchema ?? null,
        quotas: values.quotas === undefined ? null : readQuotas(values.quotas),
        languages: values.language === "both" ? PROMPT_LANGUAGES : [values.language],
        temperature: values.temperature,
        maxTokens: values.maxTokens,
        minQualityScore: values.minQualityScore,
        duplicateLimit: values.duplicateLimit,
        strictSampleCount: values.strictSampleCount,
        concurrency: values.concurrency,
        limits: {
          tokens: values.budgetTokens ?? null,
          usd: values.budgetCost ?? null,
          prices: input === undefined || output === undefined ? null : { input, output },
        },
        keep: !values.noStore,
        dryRun: context.dryRun,
      },
      {
        // keys are no configuration: they are read where they are used and kept nowhere
        environment: process.env,
        signal: context.signal,
        onProgress: (made) => line.share(made / values.numSamples),
      },
    );
    line.end(result.card === null ? "nothing asked" : `${grouped(result.card.made)} made`);
    return result;
  },
  render: (result, terminal) => renderGenerated(result, terminal),
});

/** `approve=0.5,reject=0.5`. @throws RequeenError bad_parameter */
function readQuotas(text: string): Record<string, number> {
  const entries = text.split(",").map((part): [string, number] => {
    const [name = "", share = "", ...rest] = part.split("=").map((word) => word.trim());
    const value = share === "" ? Number.NaN : Number(share);
    if (name === "" || rest.length > 0 || !Number.isFinite(value))
      throw new RequeenError(
        "bad_parameter",
        `--quotas must be class=share pairs with commas between; got ${JSON.stringify(part)}`,
      );
    return [name, value];
  });
  if (new Set(entries.map(([name]) => name)).size !== entries.length)
    throw new RequeenError("bad_parameter", `--quotas must name each class once; got ${JSON.stringify(text)}`);
  return Object.fromEntries(entries);
}

function renderGenerated({ card, kept, places, specialist, dry_run, set }: GeneratedDataset, terminal: Terminal): string {
  if (card === null) return `Would ask for the set ${set} and write ${places.parquet}. Nothing was asked and nothing written.`;
  const refused = card.rejected.filter(({ count }) => count > 0);
  const { cost } = card;
  return [
    `${grouped(card.made)} of ${grouped(card.asked)} synthetic plans for ${specialist}${dry_run ? " would be made" : ""}, from ${grouped(card.candidates)} candidates.`,
    ...(card.shortfall === null
      ? []
      : [terminal.style.yellow(`Short by ${grouped(card.shortfall.missing)}: ${card.shortfall.because}.`)]),
    "",
    renderTable(
      card.classes,
      [
        { title: "CLASS", text: ({ name }) => name },
        { title: "QUOTA", align: "right", text: ({ quota }) => percent(quota) },
        { title: "MADE", align: "right", text: ({ made }) => grouped(made) },
      ],
      terminal,
    ),
    "",
    ...(refused.length === 0 ? [] : [`Refused: ${refused.map(({ gate, count }) => `${gate} ${grouped(count)}`).join(", ")}.`]),
    ...(cost.requests === 0
      ? []
      : [
          `Cost: ${grouped(cost.requests)} calls, ${grouped(cost.input_tokens)} + ${grouped(cost.output_tokens)} tokens, ${cost.usd.toFixed(4)} USD.`,
        ]),
    ...(dry_run
      ? ["Nothing was written."]
      : [
          `Table: ${places.parquet}; card: ${places.cardMarkdown}.`,
          kept === null
            ? "Nothing went into the store (--no-store)."
            : `In the store: ${grouped(kept.added)} new, ${grouped(kept.same)} there already; tier synthetic, so they never judge a model.`,
        ]),
  ].join("\n");
}
