import type { FeedbackSummary } from "../store/feedback-summary.ts";
import type { House } from "./house.ts";
import { specialistOf } from "./house.ts";

const DAY_MS = 86_400_000;

/** Ratings and decisions of current judgements, in the fields of the original system. */
export interface FeedbackStatistics {
  readonly count: number;
  /** To 3 decimals; 0 without judgements, null where none of them has a rating. */
  readonly avg_rating: number | null;
  readonly min_rating: number | null;
  readonly max_rating: number | null;
  /** Judgements by decision. */
  readonly distribution: Readonly<Record<string, number>>;
}

export interface SpecialistStatistics extends FeedbackStatistics {
  readonly specialist_type: string;
  /** Null: all there is. */
  readonly window_days: number | null;
}

export interface FleetStatistics {
  readonly total_opinions: number;
  /** Opinions with a current judgement of a person. */
  readonly with_feedback: number;
  readonly pending_feedback: number;
  readonly distribution: Readonly<Record<string, number>>;
  readonly window_days: number | null;
  readonly specialists: readonly SpecialistStatistics[];
}

/** @throws RequeenError specialist_not_found */
export async function specialistStatistics(
  house: Pick<House, "store" | "now" | "specialists">,
  name: string,
  windowDays: number | null,
): Promise<SpecialistStatistics> {
  const { name: specialist } = specialistOf(house, name);
  const rows = await house.store.summarizeFeedback({ specialist, ...since(house, windowDays) });
  return { ...statisticsOf(rows), specialist_type: specialist, window_days: windowDays };
}

/** All specialists of the house, and their totals. */
export async function fleetStatistics(
  house: Pick<House, "store" | "now" | "specialists">,
  windowDays: number | null,
): Promise<FleetStatistics> {
  const names = house.specialists.map(({ name }) => name);
  const [all, ...counts] = await Promise.all([
    house.store.summarizeFeedback(since(house, windowDays)),
    ...names.map(async (specialist) => ({
      total: await house.store.countOpinions({ specialist }),
      pending: await house.store.countOpinions({ specialist, pending: true }),
    })),
  ]);
  const rows = all.filter(({ specialist }) => names.includes(specialist));
  const total = counts.reduce((sum, count) => sum + count.total, 0);
  const pending = counts.reduce((sum, count) => sum + count.pending, 0);
  return {
    total_opinions: total,
    with_feedback: total - pending,
    pending_feedback: pending,
    distribution: statisticsOf(rows).distribution,
    window_days: windowDays,
    specialists: names.map((name) => ({
      ...statisticsOf(rows.filter(({ specialist }) => specialist === name)),
      specialist_type: name,
      window_days: windowDays,
    })),
  };
}

const since = ({ now }: Pick<House, "now">, windowDays: number | null): { submittedFrom?: number } =>
  windowDays === null ? {} : { submittedFrom: now() - windowDays * DAY_MS };

export function statisticsOf(rows: readonly Omit<FeedbackSummary, "specialist">[]): FeedbackStatistics {
  const sum = (of: (row: Omit<FeedbackSummary, "specialist">) => number): number => rows.reduce((all, row) => all + of(row), 0);
  const [count, rated] = [sum((row) => row.count), sum((row) => row.rated)];
  const extremes = (pick: (...values: number[]) => number, values: readonly (number | null)[]): number | null => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? null : pick(...known);
  };
  const distribution: Record<string, number> = {};
  for (const row of rows) distribution[row.recommendation] = (distribution[row.recommendation] ?? 0) + row.count;
  return {
    count,
    avg_rating: rated > 0 ? Math.round((1_000 * sum((row) => row.rating_sum)) / rated) / 1_000 : count === 0 ? 0 : null,
    min_rating: extremes(
      Math.min,
      rows.map((row) => row.rating_min),
    ),
    max_rating: extremes(
      Math.max,
      rows.map((row) => row.rating_max),
    ),
    distribution,
  };
}
