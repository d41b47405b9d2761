import type { ShownFeedback } from "../../../src/loop/present.ts";

export interface Week {
  /** Of its Monday, 0:00 UTC. */
  readonly startMs: number;
  readonly total: number;
  /** Labels of each class, in class order. */
  readonly counts: readonly number[];
}

const DAY_MS = 86_400_000;

/** Monday, 0:00 UTC, of the week of a moment. 1970-01-01 was a Thursday. */
export const mondayOf = (ms: number): number => {
  const day = Math.floor(ms / DAY_MS);
  return (day - ((((day + 3) % 7) + 7) % 7)) * DAY_MS;
};

/** Current labels of people, counted by week and class; weeks without labels are left out. */
export function labelsByWeek(
  feedback: readonly Pick<ShownFeedback, "submitted_at" | "human_recommendation" | "state" | "evidence">[],
): {
  readonly classes: readonly string[];
  readonly weeks: readonly Week[];
} {
  const people = feedback.filter(
    ({ state, evidence }) => state === "current" && ["blind", "informed", "bulk"].includes(evidence.tier),
  );
  const classes = [...new Set(people.map(({ human_recommendation }) => human_recommendation))].sort();
  const byWeek = Map.groupBy(people, ({ submitted_at }) => mondayOf(Date.parse(submitted_at)));
  const weeks = [...byWeek].map(([startMs, items]) => ({
    startMs,
    total: items.length,
    counts: classes.map((name) => items.filter(({ human_recommendation }) => human_recommendation === name).length),
  }));
  return { classes, weeks: weeks.sort((a, b) => a.startMs - b.startMs) };
}
