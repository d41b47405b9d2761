import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { canonicalJson } from "../../core/canonical-json.ts";
import { RequeenError } from "../../core/errors.ts";
import type { Specialist } from "../../core/specialist.ts";
import { deriveSeed, SeededRandom } from "../../engine/seeded-random.ts";
import type { PlanSchemaName } from "../../features/index.ts";
import { type House, specialistOf } from "../house.ts";
import { underLease } from "../lease.ts";
import { DEFAULT_QUOTAS } from "../simulate/quotas.ts";
import { DECISIONS, SIMULATED_SPECIALISTS } from "../simulate/reviewer-rules.ts";
import type { DatasetCard } from "./dataset-card.ts";
import { generateByRuleInThreads } from "./generate-by-rule.ts";
import type { GeneratedRow } from "./generated-row.ts";
import { type Kept, keepRows, opinionIdOf } from "./keep-rows.ts";
import { Asker } from "./llm/asker.ts";
import { Budget, type BudgetLimits } from "./llm/budget.ts";
import { generateByProvider } from "./llm/generate-by-provider.ts";
import { Journal } from "./llm/journal.ts";
import { PROMPT_LANGUAGES, PROMPTS, type PromptLanguage, promptDigest } from "./llm/prompts.ts";
import { openProvider, PROVIDER_NAMES, type Provider, type ProviderChoice } from "./llm/providers.ts";
import { dealShares, defaultQuotas } from "./llm/slots.ts";
import { LEAST_LIMIT } from "./near-duplicates.ts";
import { checkPlaces, type OutputPlaces, outputPlaces, writeFiles } from "./write-files.ts";

export const GENERATORS = ["rule", ...PROVIDER_NAMES] as const;

export interface GenerateDatasetRequest {
  readonly specialist: string;
  /** `rule`, or the provider's choice. */
  readonly generator: "rule" | ProviderChoice;
  readonly count: number;
  readonly seed: number;
  /** A .parquet file or a folder. */
  readonly outputPath: string;
  /** Of the table; null = the specialist's own. */
  readonly featureSchema: PlanSchemaName | null;
  /** Shares of the classes; null = 40/20/25/15 for the usual four, else the same for each. */
  readonly quotas: Readonly<Record<string, number>> | null;
  readonly languages: readonly PromptLanguage[];
  readonly temperature: number;
  readonly maxTokens: number;
  readonly minQualityScore: number;
  readonly duplicateLimit: number;
  readonly strictSampleCount: boolean;
  readonly concurrency: number;
  readonly limits: BudgetLimits;
  /** False: files only, nothing in the store. */
  readonly keep: boolean;
  readonly dryRun: boolean;
}

export interface GenerateSurroundings {
  /** Where keys are read from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly onProgress?: (made: number) => void;
  /** Of one call of a provider. Default 120,000. */
  readonly timeoutMs?: number;
  /** The first pause after a failed call. Default 1,000. */
  readonly backoffMs?: number;
}

export interface GeneratedDataset {
  readonly set: string;
  readonly specialist: string;
  readonly places: OutputPlaces;
  /** Null in a dry run of a provider: nothing was asked. */
  readonly card: DatasetCard | null;
  /** Null: nothing went into the store. */
  readonly kept: Kept | null;
  readonly dry_run: boolean;
}

/**
 * Generates a set: plans and labels of tier `synthetic` in the store, a table with its card on disk. Everything that can be wrong about the
 * request is said before any call is paid. The set's id follows from the request, so that the same call again goes on, or finds all done.
 * @throws RequeenError specialist_not_found, bad_parameter, bad_config, already_exists, store_read_only, conflict, generation_short,
 * provider_refused, provider_unavailable
 */
export async function generateDataset(
  house: House,
  request: GenerateDatasetRequest,
  surroundings: GenerateSurroundings,
): Promise<GeneratedDataset> {
  const specialist = specialistOf(house, request.specialist);
  const plan = checkRequest(request, specialist, surroundings.environment);
  const set = setIdOf(request, specialist, plan);
  const places = outputPlaces(request.outputPath, set);
  await checkPlaces(places, set, request.dryRun);
  const base = { set, specialist: specialist.name, places, dry_run: request.dryRun };
  if (request.dryRun) {
    if (plan.provider !== null) return { ...base, card: null, kept: null };
    const { card } = await makeByRule(plan, { request, specialist, set, createdAtMs: house.now(), surroundings });
    return { ...base, card, kept: null };
  }
  return underLease(house, `generate:${set}`, surroundings.signal, async ({ signal }) => {
    const createdAtMs = await createdAt(house, set, request.keep);
    const { rows, card } =
      plan.provider === null
        ? await makeByRule(plan, { request, specialist, set, createdAtMs, surroundings, signal })
        : await makeByProvider(
            { ...plan, provider: plan.provider },
            { request, specialist, set, places, createdAtMs, surroundings, signal },
          );
    signal.throwIfAborted();
    const keeping = request.keep
      ? keepRows(house, specialist, rows, { set, schema: plan.featureSchema, atMs: card.created_at, signal })
      : Promise.resolve(null);
    const generated = { rows, card, classes: specialist.classes, featureSchema: plan.featureSchema, opinionId: opinionIdOf };
    // side by side: the store writes in a thread of its own; the files appear when it has all
    const [kept, written] = await Promise.all([keeping, writeFiles(places, generated, keeping)]);
    return { ...base, card: written, kept };
  });
}

/** A request that was found possible. */
interface CheckedRequest {
  readonly featureSchema: PlanSchemaName;
  readonly quotas: Readonly<Record<string, number>>;
  readonly budget: Budget;
  readonly provider: Provider | null;
}

function checkRequest(
  request: GenerateDatasetRequest,
  specialist: Specialist,
  environment: GenerateSurroundings["environment"],
): CheckedRequest {
  const { features } = specialist;
  const refuse = (message: string): never => {
    throw new RequeenError("bad_parameter", message, { specialist: specialist.name });
  };
  if ("columns" in features) return refuse(`specialist ${specialist.name} judges named columns; the generators write plans`);
  const numbers = [
    ["--num-samples", request.count, Number.isSafeInteger(request.count) && request.count >= 1, "an integer, 1 or more"],
    ["--min-quality-score", request.minQualityScore, request.minQualityScore >= 0 && request.minQualityScore <= 1, "in [0, 1]"],
    [
      "--duplicate-limit",
      request.duplicateLimit,
      request.duplicateLimit >= LEAST_LIMIT && request.duplicateLimit <= 1,
      `in [${LEAST_LIMIT}, 1]`,
    ],
    ["--temperature", request.temperature, request.temperature >= 0 && request.temperature <= 2, "in [0, 2]"],
    [
      "--concurrency",
      request.concurrency,
      Number.isSafeInteger(request.concurrency) && request.concurrency >= 1,
      "an integer, 1 or more",
    ],
    [
      "--max-tokens",
      request.maxTokens,
      Number.isSafeInteger(request.maxTokens) && request.maxTokens >= 1,
      "an integer, 1 or more",
    ],
  ] as const;
  for (const [name, value, holds, rule] of numbers) if (!holds) refuse(`${name} must be ${rule}; got ${value}`);
  if (request.languages.length === 0) refuse(`languages must be at least one of ${PROMPT_LANGUAGES.join(", ")}; got none`);
  const quotas = request.quotas ?? defaultQuotas(specialist.classes, DEFAULT_QUOTAS);
  dealShares(quotas, request.count, specialist.classes);
  const budget = new Budget(request.limits);
  const featureSchema = request.featureSchema ?? features.schema;
  if (request.generator !== "rule")
    return { featureSchema, quotas, budget, provider: openProvider(request.generator, environment) };
  if (!SIMULATED_SPECIALISTS.some((name) => name === specialist.name))
    refuse(
      `the rule generator knows ${SIMULATED_SPECIALISTS.join(", ")}; for ${specialist.name} name a provider (--llm-provider)`,
    );
  if (specialist.classes.join() !== DECISIONS.join())
    refuse(
      `the rule generator labels ${DECISIONS.join(", ")}; ${specialist.name} has ${specialist.classes.join(", ")}: name a provider (--llm-provider)`,
    );
  return { featureSchema, quotas, budget, provider: null };
}

/** Same request, same set. What only says how it is asked (budget, concurrency) is no part of it: it may change when a set is resumed. */
function setIdOf(
  request: GenerateDatasetRequest,
  specialist: Specialist,
  { provider, quotas, featureSchema }: CheckedRequest,
): string {
  const identity = {
    specialist: specialist.name,
    classes: specialist.classes,
    count: request.count,
    seed: request.seed,
    quotas,
    featureSchema,
    minQualityScore: request.minQualityScore,
    duplicateLimit: request.duplicateLimit,
    by:
      provider === null
        ? "rule"
        : {
            provider: provider.name,
            model: provider.model,
            baseUrl: provider.baseUrl,
            temperature: request.temperature,
            maxTokens: request.maxTokens,
            prompts: request.languages.map((language) => promptDigest(PROMPTS[language])),
          },
  };
  const digest = createHash("sha256").update(canonicalJson(identity)).digest("hex");
  return `${specialist.name}-${provider?.name ?? "rule"}-${digest.slice(0, 12)}`;
}

/** When the set was first begun here: part of its content, so a second call must find the same. */
async function createdAt(house: House, set: string, keep: boolean): Promise<number> {
  const key = `generate.${set}`;
  const stored = (await house.store.getSetting(key)) as { created_at: number } | null;
  if (stored !== null) return stored.created_at;
  const nowMs = house.now();
  if (keep) await house.store.putSetting(key, { created_at: nowMs });
  return nowMs;
}

async function makeByRule(
  { featureSchema, quotas }: CheckedRequest,
  { request, specialist, set, createdAtMs, surroundings, signal = surroundings.signal }: RuleWork,
): Promise<{ rows: GeneratedRow[]; card: DatasetCard }> {
  const name = SIMULATED_SPECIALISTS.find((known) => known === specialist.name);
  if (name === undefined) throw new Error(`no rule for ${specialist.name}`);
  const { approve = 0, reject = 0, review_required = 0, conditional = 0 } = quotas;
  const made = await generateByRuleInThreads(
    {
      specialist: name,
      featureSchema,
      count: request.count,
      seed: request.seed,
      quotas: { approve, reject, review_required, conditional },
      minQualityScore: request.minQualityScore,
      duplicateLimit: request.duplicateLimit,
      strictSampleCount: request.strictSampleCount,
      createdAtMs,
      idPrefix: set,
    },
    { threads: availableParallelism(), signal, onProgress: surroundings.onProgress },
  );
  return { rows: made.rows, card: { ...made.card, name: set } };
}

interface RuleWork {
  readonly request: GenerateDatasetRequest;
  readonly specialist: Specialist;
  readonly set: string;
  readonly createdAtMs: number;
  readonly surroundings: GenerateSurroundings;
  readonly signal?: AbortSignal;
}

interface ProviderWork extends RuleWork {
  readonly places: OutputPlaces;
  readonly signal: AbortSignal;
}

async function makeByProvider(
  { featureSchema, quotas, budget, provider }: CheckedRequest & { readonly provider: Provider },
  { request, specialist, set, places, createdAtMs, surroundings, signal }: ProviderWork,
): Promise<{ rows: GeneratedRow[]; card: DatasetCard }> {
  const journal = await Journal.open(places.journal, set, createdAtMs);
  try {
    const asker = new Asker({
      provider,
      budget,
      journal,
      timeoutMs: surroundings.timeoutMs ?? 120_000,
      backoffMs: surroundings.backoffMs ?? 1_000,
      random: new SeededRandom(deriveSeed(request.seed, 0xa5c)),
      signal,
    });
    return await generateByProvider(
      {
        ...request,
        specialist,
        featureSchema,
        quotas,
        createdAtMs: journal.createdAtMs,
        idPrefix: set,
        name: set,
        onProgress: surroundings.onProgress,
      },
      { provider, budget, ask: (key, question) => asker.ask(key, question) },
    );
  } finally {
    await journal.close();
  }
}
