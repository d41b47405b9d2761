import { POLICY_PRESETS, type Policy } from "../core/policy.ts";
import type { Verdict } from "../core/verdict.ts";
import { checkGateInput } from "./gate-input.ts";
import { labelsNeeded, visibleGain } from "./labels-needed.ts";
import { type Measurements, measure } from "./measure.ts";
import { plural, points, pointsRange, times } from "./phrases.ts";
import { type Judgement, judge, type RuleInput } from "./rules.ts";

/** Raised with every change after which the same rows, policy and seed may get other bytes. 2: rejection asks both measures. 3: short times are told in microseconds. */
export const GATE_VERSION = 3;

/** What the gate compares. Rows of all arrays are the same opinions in the same order. */
export interface GateInput {
  /** uint8 [n]. The person's decision, as an index of `classes`. */
  readonly labels: Uint8Array;
  /** float64 [n x c] row-major probabilities, rows sum to 1; null = no champion, the prevalence baseline stands in. */
  readonly champion: Float64Array | null;
  /** float64 [n x c]; each row made by a model that did not train on it. */
  readonly challenger: Float64Array;
  readonly classes: readonly string[];
  /** Class order of each model's columns where it differs from `classes`; must be a permutation of it. */
  readonly championClasses?: readonly string[];
  readonly challengerClasses?: readonly string[];
  /** What keeps rows together (a plan); null or absent = each row its own. */
  readonly groups?: ArrayLike<number | string>;
  /** Column name -> value of each row. */
  readonly slices?: Readonly<Record<string, readonly (string | null)[]>>;
  /** float64 [n], > 0: inverse chances with which rows were picked for review; absent = all 1. */
  readonly weights?: Float64Array;
  /** Ids of the rows, to refuse a row given twice. */
  readonly ids?: readonly string[];
  /** float64 [c]: class shares of the training rows; absent = those of the gate rows, which favours the baseline. */
  readonly prevalence?: ArrayLike<number>;
  readonly policy: Policy;
  /** A safe integer, 0 or greater. */
  readonly seed: number;
  /** Verdicts that these gate rows already served. Default 0. */
  readonly gateUses?: number;
  /** One-sided false-promotion level that the error budget grants; absent = the policy's own. */
  readonly budget?: { readonly method: string; readonly level: number };
  readonly cost?: Verdict["cost"];
}

/**
 * Decides whether the challenger may replace the champion. Same input, same answer, byte for byte (`canonicalJson(verdict)`).
 * Cost: O(n x c) plus `policy.bootstrap_draws` x min(n, 2,000) picks.
 * @throws bad_data for shapes that do not fit, labels outside the classes, NaN or improper probabilities, duplicated ids.
 * @throws bad_parameter for a seed, weights or policy that cannot be used.
 */
export function gate(given: GateInput): Verdict {
  const input = checkGateInput(given);
  const { policy, classes, seed } = input;
  const gateUses = input.gateUses ?? 0;
  if (input.labels.length === 0) return emptyVerdict(input, gateUses);
  const measured = measure(input, policy);
  const cost = input.cost ?? null;
  const rule: RuleInput = { policy, measured, classes, grantedLevel: input.budget?.level ?? null, gateUses, cost };
  const judgement = judge(rule);
  const needed = labelsNeeded(policy, measured, judgement);
  const { pairs, counts } = measured;
  return rounded({
    schema: "verdict/1",
    gate_version: GATE_VERSION,
    decision: judgement.decision,
    candidate: judgement.candidate,
    requires_approval: judgement.requiresApproval,
    headline: headline(judgement, measured, needed),
    reasons: judgement.reasons,
    compared_with: measured.comparedWith,
    classes: [...classes],
    rows: {
      count: measured.rows,
      effective: measured.effectiveRows,
      groups: measured.groups,
      per_class: classes.map((name, k) => ({ class: name, rows: measured.classRows[k] ?? 0 })),
    },
    pairs: {
      both_right: pairs.bothRight,
      challenger_only: pairs.challengerOnly,
      champion_only: pairs.championOnly,
      both_wrong: pairs.bothWrong,
      effective_wins: counts.wins,
      effective_losses: counts.losses,
    },
    test: { mid_p: measured.midP, mid_p_worse: measured.midPWorse, p_better: measured.better, promote_at: judgement.promoteAt },
    differences: measured.differences,
    harm: measured.harm,
    models: measured.models,
    floors: judgement.floors,
    slices: measured.slices.map((slice) => ({
      column: slice.column,
      value: slice.value,
      rows: slice.rows,
      wins: slice.wins,
      losses: slice.losses,
      difference: slice.difference,
      p_harm: slice.pHarm,
      p_harm_adjusted: slice.pHarmAdjusted,
      tested: slice.pHarmAdjusted !== null,
      passed: policy.slices.level === 0 || (slice.pHarmAdjusted ?? 1) > policy.slices.level,
      labels_needed: slice.labelsNeeded,
    })),
    cost,
    labels_needed: needed,
    power: visibleGain(policy, measured, judgement.promoteAt),
    other_presets: otherPresets(rule),
    budget: budgetOf(input, gateUses),
    policy,
    seed,
  });
}

/** What each preset says to the same measurements; the bootstrap and the averages stay those of the policy in force. */
function otherPresets(rule: RuleInput): Verdict["other_presets"] {
  return Object.values(POLICY_PRESETS)
    .filter((preset) => preset.name !== rule.policy.name)
    .map((preset) => {
      const { decision, requiresApproval, reasons } = judge({ ...rule, policy: preset });
      const first = reasons[0]?.sentence ?? "";
      return { preset: preset.name, decision, because: requiresApproval ? `Needs an admin's approval. ${first}` : first };
    });
}

function headline(judgement: Judgement, measured: Measurements, needed: Verdict["labels_needed"]): string {
  const rival = measured.comparedWith === "champion" ? "the champion" : "the class-share baseline";
  const rows = plural(measured.rows, "human-labelled row");
  const first = judgement.reasons[0]?.sentence ?? "";
  if (judgement.decision === "promote") {
    const { challengerOnly: wins, championOnly: losses } = measured.pairs;
    const { value, low, high } = measured.differences.accuracy;
    const range = low === null || high === null ? "" : ` (95 % interval ${pointsRange(low, high)})`;
    const then = judgement.requiresApproval ? "may replace it once an admin approves" : "replaces it";
    return `Promote: on ${rows} the challenger alone was right ${times(wins)}, ${rival} alone ${times(losses)}; accuracy changes by ${points(value ?? 0)}${range}. The challenger ${measured.comparedWith === "champion" ? then : judgement.requiresApproval ? "may become the first champion once an admin approves" : "becomes the first champion"}.`;
  }
  const stays = measured.comparedWith === "champion" ? "the champion stays" : "there is still no champion";
  if (judgement.decision === "reject") return `Reject: ${stays}. ${first}`;
  return `Inconclusive: ${stays}${judgement.candidate ? " and the challenger is marked a candidate" : ""}. ${first} ${needed.sentence}`.trim();
}

function budgetOf(input: GateInput, gateUses: number): Verdict["budget"] {
  if (input.budget === undefined) return null;
  const { method, level } = input.budget;
  return {
    method,
    level,
    gate_uses: gateUses,
    sentence: `The error budget (${method}) grants this verdict a chance of ${level.toPrecision(3)} of a false promotion.`,
  };
}

function emptyVerdict(input: GateInput, gateUses: number): Verdict {
  const { policy, classes } = input;
  const asked = policy.evidence.min_gate_rows;
  const sentence = `There is no gate row: no human label that the champion has not seen. About ${plural(asked, "label")} are needed first.`;
  return rounded({
    schema: "verdict/1",
    gate_version: GATE_VERSION,
    decision: "inconclusive",
    candidate: false,
    requires_approval: false,
    headline: `Inconclusive: nothing was compared. ${sentence}`,
    reasons: [{ code: "no_gate_rows", sentence, value: 0, threshold: asked, passed: false, effect: "inconclusive" }],
    compared_with: input.champion === null ? "prevalence" : "champion",
    classes: [...classes],
    rows: { count: 0, effective: 0, groups: 0, per_class: classes.map((name) => ({ class: name, rows: 0 })) },
    pairs: { both_right: 0, challenger_only: 0, champion_only: 0, both_wrong: 0, effective_wins: 0, effective_losses: 0 },
    test: { mid_p: 0.5, mid_p_worse: 0.5, p_better: 0.5, promote_at: policy.improvement.promote_at },
    differences: null,
    harm: { log_loss: null, brier: null, ece: null },
    models: { champion: null, challenger: null, prevalence: null },
    floors: [],
    slices: [],
    cost: input.cost ?? null,
    labels_needed: { total: asked, assumed_gain: policy.power.relevant_gain, power: policy.power.power, sentence },
    power: {
      smallest_visible_gain: null,
      power: policy.power.power,
      discordance: null,
      sentence: "Without rows no gain can be seen.",
    },
    other_presets: Object.values(POLICY_PRESETS)
      .filter((preset) => preset.name !== policy.name)
      .map((preset) => ({ preset: preset.name, decision: "inconclusive" as const, because: sentence })),
    budget: budgetOf(input, gateUses),
    policy,
    seed: input.seed,
  });
}

/** Numbers to 12 significant digits, so that a last-bit difference of another machine's mathematics cannot change a stored verdict. */
function rounded<T>(value: T): T;
function rounded(value: unknown): unknown {
  if (typeof value === "number")
    return Number.isFinite(value) ? (Math.abs(value) < 1e-15 ? 0 : Number(value.toPrecision(12))) : null;
  if (Array.isArray(value)) return value.map((item) => rounded(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, rounded(member)]));
}
