import { isRequeenError } from "../../../core/errors.ts";
import type { Specialist } from "../../../core/specialist.ts";
import { extractFeatures, type PlanSchemaName } from "../../../features/index.ts";
import { classCounts, contentsOf, duplicatesOf, qualityOf } from "../card-contents.ts";
import type { DatasetCard } from "../dataset-card.ts";
import type { DescriptionScore } from "../description-score.ts";
import { type GateResult, passGates, RejectionTally } from "../gates.ts";
import type { GeneratedRow } from "../generated-row.ts";
import { DuplicateIndex } from "../near-duplicates.ts";
import { refuseShortfall, shortfallOf } from "../shortfall.ts";
import { answerJsonSchema, planOfAnswer, readAnswer } from "./answer.ts";
import type { Asked, Question } from "./asker.ts";
import { type Budget, BudgetSpent } from "./budget.ts";
import { fillPrompt, PROMPTS, type PromptLanguage, promptDigest } from "./prompts.ts";
import type { Provider } from "./providers.ts";
import { dealSlots, type Slot } from "./slots.ts";

/** Candidates in all, for each plan that is asked for (original-system.md 2.22), and at least so many in all. */
const CANDIDATES_A_PLAN = 3;
const LEAST_CANDIDATES = 12;

export interface GenerateByProviderRequest {
  readonly specialist: Specialist;
  readonly featureSchema: PlanSchemaName;
  readonly count: number;
  readonly seed: number;
  readonly quotas: Readonly<Record<string, number>>;
  readonly languages: readonly PromptLanguage[];
  readonly temperature: number;
  /** Most tokens of one answer. */
  readonly maxTokens: number;
  readonly minQualityScore: number;
  readonly duplicateLimit: number;
  readonly strictSampleCount: boolean;
  /** Questions under way at a time. */
  readonly concurrency: number;
  readonly createdAtMs: number;
  readonly idPrefix: string;
  readonly name: string;
  readonly onProgress?: ((made: number) => void) | undefined;
}

/** Who is asked, and what it costs. `ask` pays each key once. */
export interface ProviderParts {
  readonly provider: Pick<Provider, "name" | "model" | "baseUrl">;
  readonly budget: Pick<Budget, "spent">;
  readonly ask: (key: string, question: Question) => Promise<Asked>;
}

/**
 * Plans with labels by a language model. The class of each slot is dealt first and asked for; an answer that a gate refuses leaves its slot to
 * the next round. Answers are looked at in the order of the slots, whatever the order in which they come, so that a resumed set is the same set.
 * @throws RequeenError generation_short; what `ask` throws, the budget's end excepted: then the set ends short and says so.
 */
export async function generateByProvider(
  request: GenerateByProviderRequest,
  { provider, budget, ask }: ProviderParts,
): Promise<{ rows: GeneratedRow[]; card: DatasetCard }> {
  const { specialist, count, quotas, seed, languages, minQualityScore, duplicateLimit, featureSchema } = request;
  const slots = dealSlots(quotas, { count, classes: specialist.classes, seed, languages });
  const gates = { classes: specialist.classes, minQualityScore, duplicates: new DuplicateIndex(duplicateLimit) };
  const schema = answerJsonSchema(specialist.classes);
  const tally = new RejectionTally();
  const taken = new Map<number, { row: GeneratedRow; score: DescriptionScore }>();
  const most = Math.max(LEAST_CANDIDATES, CANDIDATES_A_PLAN * count);
  let candidates = 0;
  let stopped: string | null = null;
  for (let round = 0, open: readonly Slot[] = slots; open.length > 0 && candidates < most && stopped === null; round++) {
    const asked = open.slice(0, most - candidates);
    const outcomes = await inParallel(asked, request.concurrency, (slot) =>
      ask(`${slot.index}.${round}`, questionOf(request, slot, schema)),
    );
    stopped = outcomes.stopped;
    const refused: Slot[] = [];
    for (const [place, slot] of asked.entries()) {
      const outcome = outcomes.values[place];
      if (outcome === undefined) continue;
      candidates++;
      const result = judge(outcome, slot, { ...request, round }, gates);
      if (!result.passed) {
        tally.count(result.gate, result.message);
        refused.push(slot);
        continue;
      }
      const vector = extractFeatures(featureSchema, result.plan);
      const generator = `${provider.name} ${provider.model}`;
      const row: GeneratedRow = {
        plan: result.plan,
        decision: slot.decision,
        vector,
        quality: result.description.score,
        tier: "synthetic",
        generator,
      };
      taken.set(slot.index, { row, score: result.description });
      request.onProgress?.(taken.size);
    }
    open = [...refused, ...open.slice(asked.length)];
  }
  const kept = slots.flatMap((slot) => taken.get(slot.index) ?? []);
  const rows = kept.map(({ row }) => row);
  const shortfall = shortfallOf(count, rows.length, tally, stopped ?? `${candidates} candidates were not enough`);
  refuseShortfall(shortfall, { asked: count, strict: request.strictSampleCount, specialist: specialist.name, tally });
  const card: DatasetCard = {
    card_version: "1.0.0",
    name: request.name,
    specialist: specialist.name,
    tier: "synthetic",
    created_at: request.createdAtMs,
    generator: {
      kind: "provider",
      provider: provider.name,
      model: provider.model,
      base_url: provider.baseUrl,
      temperature: request.temperature,
      seed,
      prompts: languages.map((language) => ({ name: PROMPTS[language].name, sha256: promptDigest(PROMPTS[language]) })),
    },
    feature_schema: featureSchema,
    asked: count,
    made: rows.length,
    shortfall,
    candidates,
    classes: classCounts(
      quotas,
      slots.map(({ decision }) => decision),
      rows,
    ),
    ...contentsOf(rows),
    quality: qualityOf(
      kept.map(({ score }) => score),
      minQualityScore,
    ),
    rejected: tally.entries(),
    duplicates: duplicatesOf(gates.duplicates, duplicateLimit),
    cost: budget.spent,
    files: [],
  };
  return { rows, card };
}

function questionOf(request: GenerateByProviderRequest, slot: Slot, schema: Record<string, unknown>): Question {
  const prompt = PROMPTS[slot.language];
  const { specialist } = request;
  const user = fillPrompt(prompt.user, {
    specialist: specialist.name,
    focus: prompt.words[specialist.name] ?? specialist.name,
    decision: slot.decision,
    classes: specialist.classes.join(", "),
    domain: slot.domain,
    priority: slot.priority,
    security: slot.securityLevel,
    complexity: slot.complexity,
    risk: slot.risk,
    riskLow: String(slot.riskRange[0]),
    riskHigh: String(slot.riskRange[1]),
    tasks: slot.taskRange.join("-"),
    number: String(slot.index + 1),
    schema: JSON.stringify(schema),
  });
  return { system: prompt.system, user, schema, temperature: request.temperature, maxTokens: request.maxTokens };
}

function judge(
  outcome: Asked,
  slot: Slot,
  request: GenerateByProviderRequest & { readonly round: number },
  gates: Parameters<typeof passGates>[2],
): GateResult {
  if (outcome.kind === "no_answer") return { passed: false, gate: "no_answer", message: outcome.why };
  const read = readAnswer(outcome.value);
  if (!read.ok) return { passed: false, gate: "schema", message: read.message };
  const { recommendation } = read.answer;
  if (recommendation !== slot.decision)
    return {
      passed: false,
      gate: "label",
      message: `asked for ${slot.decision}; got ${JSON.stringify(recommendation.slice(0, 40))}`,
    };
  // the round is part of the name: a set that is resumed with a larger budget never gives an id to another plan
  const name = `${slot.index + 1}.${request.round}`;
  const plan = planOfAnswer(read.answer, slot, {
    planId: `${request.idPrefix}-plan-${name}`,
    intentId: `${request.idPrefix}-intent-${name}`,
    createdAtMs: request.createdAtMs,
  });
  return passGates(plan, slot.decision, gates);
}

/**
 * Runs `work` over the items, `most` at a time, in order of their beginning. When the budget ends, no further one begins and those under way
 * are waited for; after any other failure too, so that what they paid is in the journal before the error goes on.
 */
async function inParallel<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<R>,
): Promise<{ values: (R | undefined)[]; stopped: string | null }> {
  const values: (R | undefined)[] = new Array(items.length).fill(undefined);
  let next = 0;
  let stopped: string | null = null;
  let failure: { readonly error: unknown } | null = null;
  const worker = async (): Promise<void> => {
    while (next < items.length && stopped === null && failure === null) {
      const place = next++;
      try {
        values[place] = await work(items[place] as T); // place < items.length
      } catch (error) {
        if (error instanceof BudgetSpent) stopped ??= error.message;
        // the first failure is told; a refusal of the provider says more than what it drew after it
        else if (failure === null || isRequeenError(error, "provider_refused")) failure = { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  const failed = failure as { readonly error: unknown } | null;
  if (failed !== null) throw failed.error;
  return { values, stopped };
}
