import type { Policy } from "../core/policy.ts";
import type { Reason, Verdict } from "../core/verdict.ts";
import type { Measurements } from "./measure.ts";
import { furtherRowsNeeded, smallestVisibleGain } from "./paired-test.ts";
import { magnitude, percent, plural, points } from "./phrases.ts";
import type { Judgement } from "./rules.ts";

/** No plan looks further ahead than this; beyond it, "more labels" is no advice. */
const MOST_LABELS = 100_000;

/** Share of rows where exactly one is right, drawn towards 1/4 by one pseudo-pair so that no discordance is never taken for certain. */
export function discordanceOf(measured: Measurements): number {
  const { challengerOnly, championOnly } = measured.pairs;
  return (challengerOnly + championOnly + 0.5) / (measured.rows + 2);
}

/** One-sided level of the test behind a level of evidence. The point rule has no error rate; it is planned as a coin that favours neither. */
const levelOf = (promoteAt: number): number => (promoteAt <= 0 ? 0.5 : Math.max(1e-9, 1 - promoteAt));

/**
 * Further gate labels until an undecided verdict should decide, with the policy's chance, if the gain is what it assumes: the one measured,
 * but at least `policy.power.relevant_gain`. The largest need of all undecided checks counts. Where the interval already excludes a gain that
 * the policy calls relevant, no number of labels is advised.
 */
export function labelsNeeded(policy: Policy, measured: Measurements, judgement: Judgement): Verdict["labels_needed"] {
  const { power, relevant_gain } = policy.power;
  const seen = measured.differences.accuracy.value ?? 0;
  const assumed = Math.max(seen, relevant_gain);
  if (judgement.decision !== "inconclusive") {
    return { total: 0, assumed_gain: null, power, sentence: "No further label is needed for this verdict." };
  }
  const needs = judgement.reasons
    .filter((reason) => !reason.passed && reason.effect === "inconclusive")
    .map((reason) => needOf(reason, policy, measured, judgement, assumed));
  const surelySmall = smallForSure(policy, measured, judgement);
  if (surelySmall !== null) return { total: null, assumed_gain: relevant_gain, power, sentence: surelySmall };
  const most = needs.reduce((largest, need) => (need.labels > largest.labels ? need : largest), {
    labels: 0,
    sentence: (_: string) => "",
  });
  const rounded = Math.max(1, Math.ceil(most.labels));
  if (rounded > MOST_LABELS) {
    const sentence = `More than ${plural(MOST_LABELS, "label")} would be needed to tell; a better challenger would decide sooner.`;
    return { total: null, assumed_gain: assumed, power, sentence };
  }
  return { total: rounded, assumed_gain: assumed, power, sentence: most.sentence(plural(rounded, "more human label")) };
}

/** A gain that the policy calls relevant lies above the whole interval: labels are not what is missing. */
function smallForSure(policy: Policy, measured: Measurements, { reasons }: Judgement): string | null {
  const { relevant_gain } = policy.power;
  const { high, level } = measured.differences.accuracy;
  const undecided = reasons.some(({ code, passed }) => code === "improvement" && !passed);
  if (!undecided || measured.pairs.challengerOnly + measured.pairs.championOnly === 0) return null;
  if (high === null || high >= relevant_gain || measured.rows < policy.evidence.min_gate_rows) return null;
  return `A gain of ${magnitude(relevant_gain)} of accuracy, the least that the policy calls relevant, is above the ${percent(level)} interval: more labels would hardly change this, a better challenger would.`;
}

interface Need {
  readonly labels: number;
  /** The advice, given the rounded number as text. */
  readonly sentence: (labels: string) => string;
}

/** What one undecided check needs. */
function needOf(reason: Reason, policy: Policy, measured: Measurements, judgement: Judgement, assumed: number): Need {
  const { power } = policy.power;
  const seen = measured.differences.accuracy.value ?? 0;
  if (reason.code === "improvement") {
    const question = {
      gain: assumed,
      discordance: Math.max(discordanceOf(measured), assumed),
      level: levelOf(judgement.promoteAtNext),
    };
    const rows = furtherRowsNeeded(measured.counts, question, power, MOST_LABELS);
    const cause =
      seen >= assumed
        ? `if the gain is the ${magnitude(assumed)} seen here`
        : `if the real gain is ${magnitude(assumed)} (here ${points(seen)} were seen)`;
    return {
      labels: rows === null ? Infinity : (rows * measured.rows) / measured.effectiveRows,
      sentence: (labels) => `About ${labels} would decide with ${percent(power)} chance ${cause}.`,
    };
  }
  if (reason.code.startsWith("floor_")) {
    return {
      labels: floorLabels(reason, judgement, measured),
      sentence: (labels) =>
        `About ${labels} would settle whether it clears the floor, if the figure stays where it is; a better challenger would do so sooner.`,
    };
  }
  if (reason.code === "gate_worn" || reason.code === "one_class" || reason.code === "too_few_rows") {
    const worth = measured.rows / measured.effectiveRows;
    const labels = (policy.evidence.min_gate_rows - (reason.code === "too_few_rows" ? measured.effectiveRows : 0)) * worth;
    return { labels, sentence: (text) => `About ${text} are the least for a verdict.` };
  }
  // A suspicion of harm: twice the rows halve its variance.
  return { labels: measured.rows, sentence: (labels) => `About ${labels} would show whether the suspected harm is real.` };
}

/** Rows until the floor's interval no longer holds the floor, at the value seen: its width falls with the square root of the rows. */
function floorLabels(reason: Reason, judgement: Judgement, measured: Measurements): number {
  const floor = judgement.floors.find((each) => !each.passed && each.value === reason.value && each.floor === reason.threshold);
  if (floor === undefined || floor.value === null || floor.high === null) return measured.rows;
  const gap = floor.floor - floor.value;
  const half = floor.high - floor.value;
  return gap <= 0 ? measured.rows : measured.rows * ((half / gap) ** 2 - 1);
}

/** The power of this gate, as a sentence: what it could not have seen. */
export function visibleGain(policy: Policy, measured: Measurements, promoteAt: number): Verdict["power"] {
  const { power } = policy.power;
  const discordance = discordanceOf(measured);
  const gain = smallestVisibleGain(measured.effectiveRows, discordance, levelOf(promoteAt), power);
  const sentence =
    gain === null
      ? `On ${plural(measured.rows, "row")} this gate cannot see any gain with ${percent(power)} chance.`
      : `On ${plural(measured.rows, "row")} this gate sees a real gain of ${magnitude(gain)} of accuracy with ${percent(power)} chance; smaller ones often stay unseen.`;
  return { smallest_visible_gain: gain, power, discordance, sentence };
}
