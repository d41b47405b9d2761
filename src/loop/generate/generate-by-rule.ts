import { RequeenError } from "../../core/errors.ts";
import type { PlanSchemaName } from "../../features/index.ts";
import { DEFAULT_QUOTAS, dealQuotas, MOST_ATTEMPTS } from "../simulate/quotas.ts";
import type { Decision, SimulatedSpecialist } from "../simulate/reviewer-rules.ts";
import { classCounts, contentsOf, duplicatesOf, qualityOf } from "./card-contents.ts";
import type { DatasetCard } from "./dataset-card.ts";
import type { DescriptionScore } from "./description-score.ts";
import { fillSlots } from "./fill-slots.ts";
import { RejectionTally, refusedAsDuplicate } from "./gates.ts";
import type { GeneratedRow } from "./generated-row.ts";
import { DuplicateIndex } from "./near-duplicates.ts";
import { fillSlot, type RuleSource, type SlotAnswer } from "./rule-candidates.ts";
import { refuseShortfall, shortfallOf } from "./shortfall.ts";

export interface GenerateByRuleRequest {
  readonly specialist: SimulatedSpecialist;
  readonly featureSchema: PlanSchemaName;
  /** Plans wanted, 1 or more. */
  readonly count: number;
  readonly seed: number;
  readonly quotas?: Readonly<Record<Decision, number>>;
  /** Default 0.5. */
  readonly minQualityScore?: number;
  /** Similarity from which on a plan is refused as a near-duplicate, 0.5..1. Default 0.8. */
  readonly duplicateLimit?: number;
  /** Fail instead of giving fewer than `count`. Default false. */
  readonly strictSampleCount?: boolean;
  readonly createdAtMs: number;
  /** Begins every plan's id. Default: `rule-<specialist>-<seed>`. */
  readonly idPrefix?: string;
}

/**
 * Plans with labels by the rule of a specialist, each through the same gates as those of any generator. The slots' classes are dealt before
 * any plan is built, so the quotas hold for whatever count is reached; a slot whose plan is refused is built anew, at most 20 times.
 * @throws bad_parameter; generation_short with `strictSampleCount`
 */
export function generateByRule(request: GenerateByRuleRequest): Generated {
  const { source, slots } = planOf(request);
  return gather(
    request,
    source,
    slots,
    slots.map((decision, index) => fillSlot(source, index, decision)),
  );
}

/** Below this many plans a thread costs more than it brings. */
const WORTH_A_THREAD = 2_000;

/**
 * The same plans, made on as many threads as there are cores.
 * @throws as generateByRule; worker_lost; the signal's reason
 */
export async function generateByRuleInThreads(
  request: GenerateByRuleRequest,
  { threads, signal, onProgress }: { threads: number; signal?: AbortSignal; onProgress?: (made: number) => void },
): Promise<Generated> {
  const { source, slots } = planOf(request);
  const helpers = slots.length < WORTH_A_THREAD ? 0 : threads - 1;
  return gather(request, source, slots, await fillSlots(source, slots, { helpers, signal, onFilled: onProgress }));
}

interface Generated {
  readonly rows: GeneratedRow[];
  readonly card: DatasetCard;
}

function planOf(request: GenerateByRuleRequest): { source: RuleSource; slots: Decision[] } {
  const { specialist, featureSchema, count, seed, quotas = DEFAULT_QUOTAS, minQualityScore = 0.5, createdAtMs } = request;
  checkRequest(count, minQualityScore);
  const idPrefix = request.idPrefix ?? `rule-${specialist}-${seed}`;
  const source = { specialist, featureSchema, seed, count, idPrefix, startMs: createdAtMs, minQualityScore };
  return { source, slots: dealQuotas(quotas, count, seed) };
}

/** The last gate, which compares a plan with those before it, and the card. A slot whose plan it refuses is filled again here. */
function gather(
  request: GenerateByRuleRequest,
  source: RuleSource,
  slots: readonly Decision[],
  answers: readonly SlotAnswer[],
): Generated {
  const { specialist, featureSchema, seed, minQualityScore } = source;
  const { quotas = DEFAULT_QUOTAS, duplicateLimit = 0.8 } = request;
  const duplicates = new DuplicateIndex(duplicateLimit);
  const tally = new RejectionTally();
  const rows: GeneratedRow[] = [];
  const scores: DescriptionScore[] = [];
  let candidates = 0;
  for (const [index, decision] of slots.entries()) {
    let answer = answers[index] ?? fillSlot(source, index, decision);
    for (;;) {
      candidates += answer.refused.length;
      for (const { gate, message } of answer.refused) tally.count(gate, message);
      if (answer.candidate === null) break;
      candidates++;
      const { plan, vector, description, signature } = answer.candidate;
      const twin = duplicates.addSignature(plan.plan_id, signature);
      if (twin === null) {
        const generator = `rule seed ${seed}`;
        rows.push({ plan, decision, vector, quality: description.score, tier: "synthetic", generator });
        scores.push(description);
        break;
      }
      const { gate, message } = refusedAsDuplicate(twin);
      tally.count(gate, message);
      answer = fillSlot(source, index, decision, answer.nextAttempt);
    }
  }
  const shortfall = shortfallOf(request.count, rows.length, tally, `${MOST_ATTEMPTS} attempts a plan were not enough`);
  refuseShortfall(shortfall, { asked: request.count, strict: request.strictSampleCount === true, specialist, tally });
  const card: DatasetCard = {
    card_version: "1.0.0",
    name: `${specialist}-rule-${seed}-${rows.length}`,
    specialist,
    tier: "synthetic",
    created_at: request.createdAtMs,
    generator: { kind: "rule", seed },
    feature_schema: featureSchema,
    asked: request.count,
    made: rows.length,
    shortfall,
    candidates,
    classes: classCounts(quotas, slots, rows),
    ...contentsOf(rows),
    quality: qualityOf(scores, minQualityScore),
    rejected: tally.entries(),
    duplicates: duplicatesOf(duplicates, duplicateLimit),
    cost: { requests: 0, input_tokens: 0, output_tokens: 0, usd: 0 },
    files: [],
  };
  return { rows, card };
}

function checkRequest(count: number, minQualityScore: number): void {
  if (!Number.isSafeInteger(count) || count < 1)
    throw new RequeenError("bad_parameter", `count of generateByRule must be an integer, 1 or more; got ${count}`);
  if (!(minQualityScore >= 0 && minQualityScore <= 1))
    throw new RequeenError("bad_parameter", `minQualityScore of generateByRule must be in 0..1; got ${minQualityScore}`);
}
