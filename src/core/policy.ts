import { z } from "zod";
import { parseCron } from "./cron.ts";
import { RequeenError } from "./errors.ts";
import { FINDING_CODES, FINDING_EFFECTS } from "./finding-codes.ts";

const share = z.number().min(0).max(1);
const count = z.number().int().min(0);
const durationMs = z.number().min(0);
const HOUR_MS = 3_600_000;

/** The versioned rule that turns measurements into a verdict. Stored whole with each verdict, so that the verdict recomputes. */
export const policySchema = z.strictObject({
  name: z.string().min(1).max(64).describe("name of the policy"),
  version: z.number().int().min(1).describe("raised by its owner at every change"),
  requires_approval: z.boolean().describe("a verdict `promote` waits for an admin's approval"),
  approval_expires_after_ms: durationMs.describe("an approval not given within this time is a decline, milliseconds"),
  gate_tiers: z
    .array(z.enum(["blind", "informed", "bulk"]))
    .min(1)
    .describe("evidence tiers whose rows may judge a challenger"),
  improvement: z
    .strictObject({
      rule: z
        .enum(["posterior", "significance", "point"])
        .describe(
          "posterior: P(better) on paired decisions; significance: one-sided mid-p McNemar; point: measured F1 gain, as the original system did",
        ),
      promote_at: share.describe("evidence needed to promote: P(better), or 1 - mid-p"),
      candidate_at: share.describe("evidence from which an inconclusive challenger is marked a candidate"),
      reject_at: share.describe("rejected when neither P(better) nor the mid-p of the losses is above this"),
      min_f1_gain: z.number().min(-1).max(1).describe("rule `point`: least measured gain of F1"),
    })
    .describe("what counts as better"),
  floors: z
    .strictObject({
      average: z.enum(["weighted", "macro", "positive"]).describe("how precision, recall and F1 are averaged over the classes"),
      positive_class: z.string().nullable().describe("average `positive`: the class that is meant"),
      precision: share,
      recall: share,
      f1: share,
      class_recall: share.describe("least recall of each class with enough rows; 0 = not asked"),
      class_min_rows: count.describe("a class with fewer gate rows is not held to class_recall"),
      if_champion_below: z
        .enum(["hold", "not_worse"])
        .describe(
          "a champion that is itself below a floor: hold the floor all the same, or ask only that the challenger is not lower",
        ),
    })
    .describe("absolute figures that a promoted model must reach"),
  no_harm: z
    .strictObject({
      log_loss: z.number().min(0).describe("tolerated rise of log loss, nats per row"),
      brier: z.number().min(0).describe("tolerated rise of the Brier score"),
      calibration: z.number().min(0).describe("tolerated rise of the expected calibration error"),
      suspect_at: share.describe("P(harm) from which the verdict is held back as inconclusive"),
      reject_at: share.describe("P(harm) from which the challenger is rejected"),
      max_precision_loss: share.nullable().describe("largest measured loss of precision; null = not asked"),
      max_recall_loss: share.nullable().describe("largest measured loss of recall; null = not asked"),
      max_latency_ratio: z.number().min(1).nullable().describe("challenger's time per opinion / champion's"),
      max_size_ratio: z.number().min(1).nullable().describe("challenger's model size / champion's"),
      latency_free_ms: z.number().min(0).describe("a challenger this fast passes whatever the ratio, milliseconds"),
      size_free_bytes: z.number().min(0).describe("a challenger this small passes whatever the ratio, bytes"),
    })
    .describe("what must not become worse"),
  slices: z
    .strictObject({
      min_rows: z.number().int().min(2).describe("smaller slices are shown, not tested"),
      level: share.describe("family-wise error over all tested slices (Holm); 0 = slices never decide"),
      relevant_loss: share.describe("the loss of accuracy in a slice that its labels should be able to show"),
    })
    .describe("no group of plans may pay for the gain of the others"),
  power: z
    .strictObject({
      power: z.number().min(0.5).max(0.999).describe("chance of seeing a real gain that labels_needed is computed for"),
      relevant_gain: z.number().gt(0).max(1).describe("smallest gain of accuracy worth labels"),
    })
    .describe("planning figures"),
  evidence: z
    .strictObject({
      min_training_rows: z.number().int().min(2).describe("least rows that a challenger may train on"),
      min_gate_rows: z.number().int().min(2).describe("least rows of the gate"),
      folds: z.number().int().min(2).max(50).describe("cross-fitting folds while labels are few"),
      repeats: z
        .number()
        .int()
        .min(1)
        .max(50)
        .describe("cross-fitting repeats, each with other folds and another seed; their probabilities are averaged"),
      holdout_from_rows: z.number().int().min(2).describe("from this many gate rows on: one temporal hold-out instead of folds"),
      holdout_share: z.number().gt(0).lt(1).describe("share of the newest gate rows that the hold-out takes"),
      blind_alone_from_rows: z
        .number()
        .int()
        .min(2)
        .describe("from this many gate rows of tier blind on, they judge alone: people who saw the opinion first are led by it"),
      max_gate_uses: z.number().int().min(1).describe("verdicts after which a gate row is worn out"),
      shelf_life_ms: durationMs.describe("a gate row older than this is out, milliseconds"),
    })
    .describe("which rows train and which judge"),
  trigger: z
    .strictObject({
      enabled: z.boolean(),
      threshold: z
        .number()
        .int()
        .min(1)
        .describe("new distinct human judgements, as many as they are worth together, that start a run"),
      cooldown_ms: durationMs.describe("least time between the starts of two runs, milliseconds"),
      backoff_base_ms: durationMs.describe("wait after a first failure; doubles with each further one, milliseconds"),
      backoff_max_ms: durationMs.describe("longest wait after failures, milliseconds"),
      hysteresis: share.describe(
        "after a verdict without promotion, the next run needs threshold x (1 + this) further judgements",
      ),
      schedule: z
        .string()
        .nullable()
        .optional()
        .describe(
          "five fields of cron, UTC, for example `0 3 * * 0`: then a run starts without the threshold, if there are new judgements and enough rows; null = never",
        ),
      on_drift: z
        .boolean()
        .optional()
        .describe("true: drift that `requeen drift check` found since the last run starts one without the threshold"),
    })
    .describe("when a run starts by itself"),
  error_budget: z
    .strictObject({
      method: z.enum(["none", "alpha_spending", "lord", "saffron"]),
      level: share.describe(
        "false promotions tolerated: per period (alpha spending) or as a share of all promotions (LORD, SAFFRON)",
      ),
      period_ms: durationMs.describe("alpha spending: the budget renews after this time, milliseconds"),
    })
    .describe("error control over many verdicts"),
  forensics: z
    .strictObject({
      at_intake: z.boolean().optional().describe("false: labels are examined before a run only, not as they arrive"),
      effects: z
        .partialRecord(z.enum(FINDING_CODES), z.enum(FINDING_EFFECTS))
        .optional()
        .describe("by finding, what becomes of its labels where it differs from the usual: demote, quarantine or warn"),
    })
    .optional()
    .describe("labels that no person decided; without it they are examined at intake too, with the usual effects"),
  bootstrap_draws: z.number().int().min(200).max(100_000).describe("resamples behind each interval of log loss and Brier score"),
});
export type Policy = z.infer<typeof policySchema>;

const evidence: Policy = {
  name: "evidence",
  version: 1,
  requires_approval: false,
  approval_expires_after_ms: 7 * 24 * HOUR_MS,
  gate_tiers: ["blind", "informed"],
  improvement: { rule: "posterior", promote_at: 0.95, candidate_at: 0.8, reject_at: 0.2, min_f1_gain: 0 },
  floors: {
    average: "weighted",
    positive_class: null,
    precision: 0.75,
    recall: 0.7,
    f1: 0.72,
    class_recall: 0,
    class_min_rows: 20,
    if_champion_below: "not_worse",
  },
  no_harm: {
    log_loss: 0,
    brier: 0,
    calibration: 0.02,
    suspect_at: 0.8,
    reject_at: 0.95,
    max_precision_loss: null,
    max_recall_loss: null,
    max_latency_ratio: 3,
    max_size_ratio: 10,
    latency_free_ms: 5,
    size_free_bytes: 5_000_000,
  },
  slices: { min_rows: 30, level: 0.05, relevant_loss: 0.1 },
  power: { power: 0.8, relevant_gain: 0.05 },
  evidence: {
    min_training_rows: 60,
    min_gate_rows: 30,
    folds: 5,
    repeats: 1,
    holdout_from_rows: 2_000,
    holdout_share: 0.3,
    blind_alone_from_rows: 200,
    max_gate_uses: 8,
    shelf_life_ms: 365 * 24 * HOUR_MS,
  },
  trigger: {
    enabled: true,
    threshold: 100,
    cooldown_ms: 24 * HOUR_MS,
    backoff_base_ms: HOUR_MS,
    backoff_max_ms: 7 * 24 * HOUR_MS,
    hysteresis: 0,
  },
  error_budget: { method: "none", level: 0.1, period_ms: 90 * 24 * HOUR_MS },
  bootstrap_draws: 10_000,
};

/** The policies that need no writing. `original` is the old rule on the same rows, for comparison; it knows no uncertainty. */
export const POLICY_PRESETS = {
  evidence,
  original: {
    ...evidence,
    name: "original",
    improvement: { rule: "point", promote_at: 0, candidate_at: 0, reject_at: 0, min_f1_gain: 0.02 },
    floors: { ...evidence.floors, if_champion_below: "hold" },
    no_harm: {
      ...evidence.no_harm,
      suspect_at: 1,
      reject_at: 1,
      max_precision_loss: 0.01,
      max_recall_loss: 0.01,
      max_latency_ratio: null,
      max_size_ratio: null,
    },
    slices: { ...evidence.slices, level: 0 },
  },
  strict: {
    ...evidence,
    name: "strict",
    requires_approval: true,
    improvement: { rule: "significance", promote_at: 0.95, candidate_at: 0.8, reject_at: 0.2, min_f1_gain: 0 },
    floors: { ...evidence.floors, if_champion_below: "hold" },
  },
  "always-ask": { ...evidence, name: "always-ask", requires_approval: true },
} as const satisfies Record<string, Policy>;
export type PolicyPreset = keyof typeof POLICY_PRESETS;

const policyFileSchema = z.looseObject({ preset: z.enum(["evidence", "original", "strict", "always-ask"]).default("evidence") });

/**
 * Reads a policy: a preset's name, or a file's data `{ preset?, ...changes }`; what is not named comes from the preset (default `evidence`).
 * @throws bad_config naming the field, or the two fields that contradict each other.
 */
export function readPolicy(data: unknown): Policy {
  const file = policyFileSchema.safeParse(typeof data === "string" ? { preset: data } : (data ?? {}));
  if (!file.success) throw badPolicy(file.error);
  const { preset, ...changes } = file.data;
  const parsed = policySchema.safeParse(overlay(POLICY_PRESETS[preset], changes));
  if (!parsed.success) throw badPolicy(parsed.error);
  const problems = policyProblems(parsed.data);
  if (problems.length > 0) {
    throw new RequeenError("bad_config", `policy ${parsed.data.name} contradicts itself: ${problems.join("; ")}`, { problems });
  }
  return parsed.data;
}

/**
 * What makes a policy fire a run and then refuse it, or decide nothing at all. An empty list = consistent.
 * A run that the threshold fires has at least `threshold` gate rows, and each fold trains on at least (folds - 1) / folds of them.
 */
export function policyProblems(policy: Policy): string[] {
  const problems: string[] = [];
  const { trigger, evidence, improvement, no_harm, floors } = policy;
  const leastFoldRows = Math.floor((trigger.threshold * (evidence.folds - 1)) / evidence.folds);
  if (evidence.min_gate_rows > trigger.threshold) {
    problems.push(`evidence.min_gate_rows ${evidence.min_gate_rows} is more than trigger.threshold ${trigger.threshold} brings`);
  }
  if (evidence.min_gate_rows > evidence.blind_alone_from_rows) {
    problems.push(
      `evidence.min_gate_rows ${evidence.min_gate_rows} is more than evidence.blind_alone_from_rows ${evidence.blind_alone_from_rows} leaves`,
    );
  }
  if (evidence.min_training_rows > leastFoldRows) {
    problems.push(
      `evidence.min_training_rows ${evidence.min_training_rows} is more than the ${leastFoldRows} rows that trigger.threshold ${trigger.threshold} leaves each of ${evidence.folds} folds`,
    );
  }
  const holdoutRows = Math.floor(evidence.holdout_from_rows * evidence.holdout_share);
  if (holdoutRows < evidence.min_gate_rows) {
    problems.push(
      `evidence.holdout_share of holdout_from_rows is ${holdoutRows} rows, fewer than evidence.min_gate_rows ${evidence.min_gate_rows}`,
    );
  }
  if (evidence.holdout_from_rows - holdoutRows < evidence.min_training_rows) {
    problems.push(`evidence.holdout_from_rows leaves fewer rows than evidence.min_training_rows ${evidence.min_training_rows}`);
  }
  if (evidence.shelf_life_ms < trigger.cooldown_ms) problems.push("evidence.shelf_life_ms is shorter than trigger.cooldown_ms");
  if (improvement.candidate_at > improvement.promote_at)
    problems.push("improvement.candidate_at is above improvement.promote_at");
  if (improvement.reject_at > improvement.candidate_at) problems.push("improvement.reject_at is above improvement.candidate_at");
  if (no_harm.suspect_at > no_harm.reject_at) problems.push("no_harm.suspect_at is above no_harm.reject_at");
  if (trigger.schedule != null && parseCron(trigger.schedule) === null)
    problems.push(`trigger.schedule must be five fields of cron, as in 0 3 * * 0; got ${JSON.stringify(trigger.schedule)}`);
  if (trigger.backoff_base_ms > trigger.backoff_max_ms) problems.push("trigger.backoff_base_ms is above trigger.backoff_max_ms");
  if ((floors.average === "positive") !== (floors.positive_class !== null)) {
    problems.push("floors.positive_class must be named with floors.average `positive`, and only then");
  }
  return problems;
}

function badPolicy(error: z.ZodError): RequeenError {
  const issues = error.issues.map((issue) => `${issue.path.join(".") || "policy"}: ${issue.message}`);
  return new RequeenError("bad_config", `the policy cannot be read: ${issues.join("; ")}`, { issues });
}

function overlay(base: object, changes: object): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, change] of Object.entries(changes)) {
    const before = merged[key];
    merged[key] = isRecord(before) && isRecord(change) ? overlay(before, change) : change;
  }
  return merged;
}

const isRecord = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);
