import type { Policy } from "../core/policy.ts";
import { pairedPower, rowsNeeded, smallestVisibleGain } from "./paired-test.ts";
import { magnitude, percent, plural, workTime } from "./phrases.ts";
import { normalQuantile } from "./special-functions.ts";

/** Gains that a plan answers for, in shares of accuracy. */
export const PLANNED_GAINS = [0.02, 0.05, 0.1] as const;
/** Two models of one specialist are right on different rows about this often before anything was measured (decision-methods.md 2.1). */
const USUAL_DISCORDANCE = 0.2;
/** Spread of challengers' true gains around zero that the fleet view assumes: 5 points. */
const GAIN_SPREAD = 0.05;
/** A longer gap between two judgements of one reviewer is a pause, not work. */
const PAUSE_MS = 15 * 60_000;

export interface PlanInput {
  /** Human labels that could judge a challenger now (effective). */
  readonly gateRows: number;
  /** Share of rows where exactly one of champion and challenger was right in the last verdict; null = none yet. */
  readonly discordance: number | null;
  readonly policy: Policy;
  /** Measured time per judgement, ms; null = unknown. */
  readonly paceMs: number | null;
}

export interface LabelPlan {
  readonly gate_rows: number;
  readonly discordance: number;
  readonly power: number;
  /** Gain of accuracy that the present labels would show with this power; null = none. */
  readonly smallest_visible_gain: number | null;
  readonly gains: readonly {
    readonly gain: number;
    /** Chance that the present labels show it. */
    readonly chance: number;
    /** Further labels until the chance is the policy's; null = beyond 10 million. */
    readonly more_labels: number | null;
    readonly review_minutes: number | null;
  }[];
  readonly sentence: string;
}

/** What a gate on the present labels could see, and what more labels would buy, before anything is trained. Pure. */
export function planLabels({ gateRows, discordance, policy, paceMs }: PlanInput): LabelPlan {
  const share = discordance ?? USUAL_DISCORDANCE;
  const { power } = policy.power;
  const level = testLevel(policy);
  const visible = gateRows < 1 ? null : smallestVisibleGain(gateRows, share, level, power);
  const gains = PLANNED_GAINS.map((gain) => {
    const question = { gain, discordance: Math.max(share, gain), level };
    const rows = rowsNeeded(question, power);
    const more = rows === null ? null : Math.max(0, Math.ceil(rows - gateRows));
    return {
      gain,
      chance: pairedPower({ ...question, rows: gateRows }),
      more_labels: more,
      review_minutes: more === null || paceMs === null ? null : (more * paceMs) / 60_000,
    };
  });
  const now =
    visible === null
      ? `With ${plural(gateRows, "label")} no gain can be seen yet.`
      : `With ${plural(gateRows, "label")} a gain of ${magnitude(visible)} of accuracy is seen with ${percent(power)} chance.`;
  const middle = gains[1];
  const next =
    middle === undefined || middle.more_labels === null || middle.more_labels === 0
      ? ""
      : ` ${magnitude(middle.gain)} would take ${plural(middle.more_labels, "more label")}${middle.review_minutes === null ? "" : `, about ${workTime(middle.review_minutes)} of review`}.`;
  return { gate_rows: gateRows, discordance: share, power, smallest_visible_gain: visible, gains, sentence: now + next };
}

/** One-sided level of the policy's test; the point rule is planned as an even coin. */
export const testLevel = (policy: Policy): number =>
  policy.improvement.rule === "point" ? 0.5 : Math.max(1e-9, 1 - policy.improvement.promote_at);

/**
 * Median time between two judgements of one reviewer, pauses over 15 minutes left out; null with fewer than 5 gaps.
 * @param judgements any order; times in ms.
 */
export function reviewPaceMs(judgements: readonly { readonly reviewer: string; readonly timeMs: number }[]): number | null {
  const lastMs = new Map<string, number>();
  const gaps: number[] = [];
  for (const { reviewer, timeMs } of judgements.slice().sort((a, b) => a.timeMs - b.timeMs)) {
    const before = lastMs.get(reviewer);
    if (before !== undefined && timeMs - before <= PAUSE_MS && timeMs > before) gaps.push(timeMs - before);
    lastMs.set(reviewer, timeMs);
  }
  if (gaps.length < 5) return null;
  gaps.sort((a, b) => a - b);
  const middle = Math.floor(gaps.length / 2);
  return gaps.length % 2 === 1 ? (gaps[middle] ?? null) : ((gaps[middle - 1] ?? 0) + (gaps[middle] ?? 0)) / 2;
}

/**
 * Expected gain of accuracy from one gate of this size: the challenger's true gain is normal around 0 with a spread of 5 points, and only what
 * is promoted counts. 41 points of equal probability stand for the normal distribution.
 */
export function expectedGain(gateRows: number, discordance: number, level: number): number {
  const steps = 41;
  let sum = 0;
  for (let step = 0; step < steps; step++) {
    const gain = GAIN_SPREAD * normalQuantile((step + 0.5) / steps);
    sum += (gain * pairedPower({ rows: gateRows, gain, discordance: Math.max(discordance, Math.abs(gain)), level })) / steps;
  }
  return sum;
}

export interface FleetMember {
  readonly specialist: string;
  readonly plan: PlanInput;
  /** Opinions per week: how often a better model would be asked. */
  readonly opinionsPerWeek: number;
}

export interface FleetRank {
  readonly specialist: string;
  /** Further right opinions per week that the next labels are expected to buy. */
  readonly right_opinions_per_week: number;
  readonly gain_now: number;
  readonly gain_then: number;
}

/** Whose next labels buy most, best first; where no opinions were given, by gain of accuracy; ties by name. */
export function rankNextLabels(fleet: readonly FleetMember[], labels = 50): FleetRank[] {
  return fleet
    .map(({ specialist, plan, opinionsPerWeek }) => {
      const share = plan.discordance ?? USUAL_DISCORDANCE;
      const level = testLevel(plan.policy);
      const enough = (rows: number): number => (rows < plan.policy.evidence.min_gate_rows ? 0 : expectedGain(rows, share, level));
      const now = enough(plan.gateRows);
      const then = enough(plan.gateRows + labels);
      return { specialist, right_opinions_per_week: (then - now) * opinionsPerWeek, gain_now: now, gain_then: then };
    })
    .sort(
      (a, b) =>
        b.right_opinions_per_week - a.right_opinions_per_week ||
        b.gain_then - b.gain_now - (a.gain_then - a.gain_now) || // nobody was asked for opinions yet
        (a.specialist < b.specialist ? -1 : 1),
    );
}
