import type { Policy } from "../core/policy.ts";
import type { Decision, Reason, Verdict } from "../core/verdict.ts";
import type { Measurements } from "./measure.ts";
import { midP, probabilityBetter } from "./paired-test.ts";
import {
  bytes,
  chance,
  grouped,
  likelihood,
  magnitude,
  milliseconds,
  percent,
  plural,
  points,
  relation,
  thousandths,
  times,
} from "./phrases.ts";
import { wilsonInterval } from "./wilson-interval.ts";

export interface RuleInput {
  readonly policy: Policy;
  readonly measured: Measurements;
  readonly classes: readonly string[];
  /** One-sided false-promotion level that the error budget grants this verdict, or null without a budget. */
  readonly grantedLevel: number | null;
  /** Verdicts that already used these gate rows. */
  readonly gateUses: number;
  readonly cost: Verdict["cost"];
}

export interface Judgement {
  readonly decision: Decision;
  readonly candidate: boolean;
  readonly requiresApproval: boolean;
  readonly reasons: Reason[];
  readonly floors: Verdict["floors"];
  readonly promoteAt: number;
  /** What the next verdict on these rows, with further ones, would ask. */
  readonly promoteAtNext: number;
}

/**
 * The policy's answer to the measurements: any failed check of effect `reject` rejects, else any of effect `inconclusive` holds back, else
 * promote. Pure and total: every input has an answer.
 */
export function judge(input: RuleInput): Judgement {
  const { policy, measured } = input;
  const promoteAt = askedLevel(policy, input.grantedLevel, input.gateUses);
  const floors = floorResults(input);
  const reasons = [
    ...rowReasons(input),
    improvementReason(input, promoteAt),
    ...floorReasons(input, floors),
    ...harmReasons(input),
    ...lossReasons(input),
    ...sliceReasons(input),
    ...costReasons(input),
  ];
  const failed = (effect: Reason["effect"]): boolean => reasons.some((reason) => !reason.passed && reason.effect === effect);
  const decision: Decision = failed("reject") ? "reject" : failed("inconclusive") ? "inconclusive" : "promote";
  const weight = (reason: Reason): number =>
    reason.passed ? 2 : reason.effect === "reject" ? 0 : reason.effect === "inconclusive" ? 1 : 3;
  const ordered = reasons
    .map((reason, index) => ({ reason, index }))
    .sort((a, b) => weight(a.reason) - weight(b.reason) || a.index - b.index)
    .map(({ reason }) => reason);
  const onlyEvidence = reasons.every((reason) => reason.passed || reason.effect === "info" || reason.code === "improvement");
  return {
    decision,
    candidate: decision === "inconclusive" && onlyEvidence && evidenceOf(policy, measured) >= policy.improvement.candidate_at,
    requiresApproval: decision === "promote" && policy.requires_approval,
    reasons: ordered,
    floors,
    promoteAt,
    promoteAtNext: askedLevel(policy, input.grantedLevel, input.gateUses + 1),
  };
}

/**
 * The evidence that promotion asks. An error budget counts every verdict itself; without one, the tolerated error is divided by one more than
 * the verdicts that the rows already served: eight looks at a growing gate set then promote an equal model in 7 % of cases, not in 16 %.
 */
function askedLevel(policy: Policy, granted: number | null, gateUses: number): number {
  const { rule, promote_at } = policy.improvement;
  if (rule === "point") return promote_at;
  return granted === null ? 1 - (1 - promote_at) / (1 + gateUses) : Math.max(promote_at, 1 - granted);
}

/** The weaker of the two measures counts, so that the error rate of both holds. */
function evidenceOf(policy: Policy, measured: Measurements): number {
  if (policy.improvement.rule === "significance") return 1 - measured.midP;
  return Math.min(measured.better, 1 - measured.midP);
}

const rivalName = (measured: Measurements): string =>
  measured.comparedWith === "champion" ? "the champion" : "the class-share baseline";

function rowReasons({ policy, measured, classes, gateUses }: RuleInput): Reason[] {
  const reasons: Reason[] = [];
  const asked = policy.evidence.min_gate_rows;
  if (measured.effectiveRows < asked - 1e-9) {
    const worth =
      measured.effectiveRows < measured.rows - 0.5 ? `, worth ${grouped(measured.effectiveRows)} independent ones` : "";
    reasons.push({
      code: "too_few_rows",
      sentence: `Only ${plural(measured.rows, "gate row")}${worth}; the policy asks for ${asked} before any comparison counts.`,
      value: measured.effectiveRows,
      threshold: asked,
      passed: false,
      effect: "inconclusive",
    });
  }
  const present = classes.filter((_, k) => (measured.classRows[k] ?? 0) > 0);
  if (present.length < 2) {
    reasons.push({
      code: "one_class",
      sentence: `All gate rows have the label ${present[0] ?? "none"}; a model that always says so would be perfect, so they decide nothing.`,
      value: present.length,
      threshold: 2,
      passed: false,
      effect: "inconclusive",
    });
  }
  if (gateUses >= policy.evidence.max_gate_uses) {
    reasons.push({
      code: "gate_worn",
      sentence: `These gate rows already served ${plural(gateUses, "verdict")}; after ${policy.evidence.max_gate_uses} a challenger may be fitted to them by chance. New labels are needed.`,
      value: gateUses,
      threshold: policy.evidence.max_gate_uses,
      passed: false,
      effect: "inconclusive",
    });
  }
  return reasons;
}

function improvementReason({ policy, measured, gateUses, grantedLevel }: RuleInput, promoteAt: number): Reason {
  const { improvement } = policy;
  const { challengerOnly: wins, championOnly: losses } = measured.pairs;
  const rival = rivalName(measured);
  if (improvement.rule === "point") return measuredGainReason(policy, measured);
  const evidence = evidenceOf(policy, measured);
  const better = probabilityBetter(measured.counts);
  const what =
    wins + losses === 0
      ? `The challenger and ${rival} were right on exactly the same rows, so nothing shows a difference.`
      : `Where only one of both was right, it was the challenger ${times(wins)} and ${rival} ${times(losses)}${worthOf(measured)}: P(better) ${likelihood(better)}, mid-p ${relation(midP(measured.counts))}.`;
  const base = { code: "improvement", value: evidence, threshold: promoteAt } as const;
  const stricter = promoteAt > improvement.promote_at + 1e-12;
  const why = !stricter
    ? ""
    : grantedLevel !== null
      ? ` (${thousandths(improvement.promote_at)} by itself; the error budget grants no more)`
      : ` (${thousandths(improvement.promote_at)} by itself, more since these rows already served ${plural(gateUses, "verdict")})`;
  if (evidence >= promoteAt) {
    return {
      ...base,
      sentence: `${what} The policy asks for ${thousandths(promoteAt)}${why}.`,
      passed: true,
      effect: "inconclusive",
    };
  }
  // as for promotion, the weaker of both measures counts: one lost row is no proof of a worse model
  if (wins + losses > 0 && Math.max(better, measured.midPWorse) <= improvement.reject_at) {
    return {
      ...base,
      sentence: `${what} It is probably worse: where both P(better) and the mid-p of the losses are at most ${thousandths(improvement.reject_at)}, the policy rejects.`,
      passed: false,
      effect: "reject",
    };
  }
  return {
    ...base,
    sentence: `${what} The policy asks for ${thousandths(promoteAt)}${why}, so these labels do not decide.`,
    passed: false,
    effect: "inconclusive",
  };
}

/** What weights and groups leave of the counts, where they leave less. */
function worthOf({ counts, pairs }: Measurements): string {
  const same = Math.abs(counts.wins + counts.losses - pairs.challengerOnly - pairs.championOnly) < 0.05;
  return same ? "" : ` (after weights and groups worth ${grouped(counts.wins)} against ${grouped(counts.losses)})`;
}

function measuredGainReason(policy: Policy, measured: Measurements): Reason {
  const asked = policy.improvement.min_f1_gain;
  const gain = measured.differences.f1.value ?? 0;
  if (measured.comparedWith === "prevalence") {
    return {
      code: "improvement",
      sentence: "There is no champion; this policy asks a first model for the floors only.",
      value: gain,
      threshold: null,
      passed: true,
      effect: "reject",
    };
  }
  return {
    code: "improvement",
    sentence: `Measured F1 changed by ${points(gain)}; this policy asks for at least ${magnitude(asked)} and does not ask whether chance explains it.`,
    value: gain,
    threshold: asked,
    passed: gain >= asked - 1e-12,
    effect: "reject",
  };
}

function floorResults({ policy, measured, classes }: RuleInput): Verdict["floors"] {
  const { floors } = policy;
  const relaxed = (champion: number | null, floor: number): number =>
    floors.if_champion_below === "not_worse" && champion !== null && champion < floor ? champion : floor;
  const results: Verdict["floors"] = (["precision", "recall", "f1"] as const).map((metric) => {
    const champion = measured.models.champion?.[metric] ?? null;
    const own = measured.figures[metric];
    const passed = (own.value ?? 0) >= relaxed(champion, floors[metric]) - 1e-12;
    return { metric, class: null, floor: floors[metric], value: own.value, low: own.low, high: own.high, champion, passed };
  });
  if (floors.class_recall > 0) {
    measured.models.challenger.per_class.forEach((own, k) => {
      if (own.rows < Math.max(1, floors.class_min_rows)) return;
      const champion = measured.models.champion?.per_class[k]?.recall ?? null;
      const value = own.recall ?? 0;
      const { low, high } = wilsonInterval(Math.min(own.rows, value * own.rows), own.rows);
      results.push({
        metric: "recall",
        class: classes[k] ?? "",
        floor: floors.class_recall,
        value,
        low,
        high,
        champion,
        passed: value >= relaxed(champion, floors.class_recall) - 1e-12,
      });
    });
  }
  return results;
}

function floorReasons({ policy, measured }: RuleInput, floors: Verdict["floors"]): Reason[] {
  const average =
    policy.floors.average === "positive" ? `class ${policy.floors.positive_class}` : `${policy.floors.average} average`;
  return floors.map((result) => {
    const name =
      result.class === null
        ? `${result.metric === "f1" ? "F1" : capital(result.metric)} (${average})`
        : `Recall of class ${result.class}`;
    const range =
      result.low === null || result.high === null ? "" : ` (95 % interval ${percent(result.low)} to ${percent(result.high)})`;
    const spared =
      result.passed && (result.value ?? 0) < result.floor
        ? `; the champion itself stands at ${percent(result.champion ?? 0)}, so the challenger only has to match that`
        : "";
    const sure = policy.improvement.rule === "point" || result.high === null || result.high < result.floor;
    const doubt = !result.passed && !sure ? "; the interval reaches the floor, so these labels do not decide" : "";
    return {
      code: result.class === null ? `floor_${result.metric}` : "floor_class_recall",
      sentence: `${name} is ${percent(result.value ?? 0)}${range} on ${plural(measured.rows, "row")}; the floor is ${percent(result.floor)}${spared}${doubt}.`,
      value: result.value,
      threshold: result.floor,
      passed: result.passed,
      effect: sure ? "reject" : "inconclusive",
    };
  });
}

const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);

function harmReasons({ policy, measured }: RuleInput): Reason[] {
  if (policy.improvement.rule === "point") return [];
  const { no_harm } = policy;
  // The class shares of the gate rows themselves have no calibration error there, so only the proper losses are compared with them.
  const compared = measured.comparedWith === "champion" ? 3 : 2;
  const checks = [
    {
      code: "harm_log_loss",
      name: "log loss",
      margin: no_harm.log_loss,
      probability: measured.harm.log_loss,
      change: measured.differences.log_loss,
    },
    {
      code: "harm_brier",
      name: "Brier score",
      margin: no_harm.brier,
      probability: measured.harm.brier,
      change: measured.differences.brier,
    },
    {
      code: "harm_calibration",
      name: "calibration error",
      margin: no_harm.calibration,
      probability: measured.harm.ece,
      change: measured.differences.ece,
    },
  ];
  return checks.slice(0, compared).map(({ code, name, margin, probability, change }) => {
    const value = change.value ?? 0;
    const moved = `${capital(name)} ${value <= 0 ? "fell" : "rose"} by ${thousandths(Math.abs(value))}`;
    const beyond = margin > 0 ? `by more than the tolerated ${thousandths(margin)}` : "at all";
    const passed = probability < no_harm.suspect_at;
    // The log loss judges calibration too: where it surely fell, confidence that no longer fits is a note, not harm.
    const outweighed = !passed && code === "harm_calibration" && measured.harm.log_loss <= 1 - no_harm.reject_at;
    const held = outweighed
      ? "; since the log loss surely fell, this does not decide"
      : `, and from ${percent(no_harm.suspect_at)} on the challenger is held back`;
    return {
      code,
      sentence: `${moved} on the same rows; the chance that it is worse ${beyond} is ${chance(probability)}${passed ? "" : held}.`,
      value: probability,
      threshold: no_harm.suspect_at,
      passed,
      effect: outweighed ? "info" : probability >= no_harm.reject_at ? "reject" : "inconclusive",
    };
  });
}

function lossReasons({ policy, measured }: RuleInput): Reason[] {
  if (measured.comparedWith === "prevalence") return [];
  const limits = [
    { metric: "precision", most: policy.no_harm.max_precision_loss },
    { metric: "recall", most: policy.no_harm.max_recall_loss },
  ] as const;
  return limits.flatMap(({ metric, most }) => {
    if (most === null) return [];
    const change = measured.differences[metric].value ?? 0;
    return [
      {
        code: `loss_${metric}`,
        sentence: `Measured ${metric} changed by ${points(change)}; this policy tolerates a loss of ${magnitude(most)}.`,
        value: change,
        threshold: -most,
        passed: change >= -most - 1e-12,
        effect: "reject" as const,
      },
    ];
  });
}

function sliceReasons({ policy, measured }: RuleInput): Reason[] {
  const { level } = policy.slices;
  if (level === 0) return [];
  const tested = measured.slices.filter((slice) => slice.pHarmAdjusted !== null);
  const hurt = tested.filter((slice) => (slice.pHarmAdjusted ?? 1) <= level);
  if (hurt.length === 0) {
    if (tested.length === 0) return [];
    const least = Math.min(...tested.map((slice) => slice.pHarmAdjusted ?? 1));
    return [
      {
        code: "slices",
        sentence: `None of ${plural(tested.length, "tested slice")} became surely worse (least adjusted p ${relation(least)}).`,
        value: least,
        threshold: level,
        passed: true,
        effect: "reject",
      },
    ];
  }
  return hurt.map((slice) => ({
    code: "slice_harm",
    sentence: `Rows with ${slice.column} = ${slice.value} became worse: ${plural(slice.losses, "loss", "losses")} against ${plural(slice.wins, "win")} on ${plural(slice.rows, "row")} (p ${relation(slice.pHarmAdjusted ?? 1)} after Holm's correction).`,
    value: slice.pHarmAdjusted,
    threshold: level,
    passed: false,
    effect: "reject",
  }));
}

function costReasons({ policy, cost }: RuleInput): Reason[] {
  if (cost === null) return [];
  const { no_harm } = policy;
  const checks = [
    {
      code: "latency",
      name: "Time per opinion",
      pair: cost.latency_ms,
      most: no_harm.max_latency_ratio,
      free: no_harm.latency_free_ms,
      unit: milliseconds,
    },
    {
      code: "size",
      name: "Model size",
      pair: cost.size_bytes,
      most: no_harm.max_size_ratio,
      free: no_harm.size_free_bytes,
      unit: bytes,
    },
  ];
  return checks.flatMap(({ code, name, pair, most, free, unit }) => {
    const { champion, challenger } = pair;
    if (most === null || champion === null || challenger === null || champion <= 0) return [];
    const ratio = challenger / champion;
    const passed = challenger <= free || ratio <= most;
    return [
      {
        code,
        sentence: `${name} goes from ${unit(champion)} to ${unit(challenger)}; allowed are ${most} times the champion's, or ${unit(free)}.`,
        value: ratio,
        threshold: most,
        passed,
        effect: "reject" as const,
      },
    ];
  });
}
