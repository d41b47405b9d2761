import { isHeld } from "../../core/review.ts";
import type { Specialist } from "../../core/specialist.ts";
import { toIso } from "../../core/time.ts";
import { duration, plural } from "../../decide/phrases.ts";
import { reviewPaceMs } from "../../decide/planner.ts";
import type { House } from "../house.ts";
import { viewTrigger } from "../trigger.ts";

/** What a reviewer sees before he begins. */
export interface ReviewSummary {
  readonly reviewer: string;
  /** Submitted by this reviewer since `since`. */
  readonly done: number;
  readonly since: string;
  /** Opinions that this reviewer holds now. */
  readonly held: number;
  /** Median time from one of his judgements to the next, seconds, pauses left out; null with fewer than 5 of them. */
  readonly seconds_per_review: number | null;
  readonly waiting: number;
  readonly specialists: readonly SpecialistSummary[];
}

export interface SpecialistSummary {
  readonly specialist: string;
  /** Opinions that wait for a person. */
  readonly waiting: number;
  readonly new_labels: number;
  /** New labels that start the next run. */
  readonly threshold: number;
  /** Until the next run starts; 0 = enough. */
  readonly labels_to_next_run: number;
  /** Until the last verdict, if it was inconclusive, should decide; null = it did, or there is none. */
  readonly labels_to_decide: number | null;
  readonly minutes: number | null;
  readonly sentence: string;
}

const RECENT = 200;
const DAY_MS = 86_400_000;
const MOST_COUNTED = 1_000;

/**
 * @param house whose specialists are those of the reviewer's scope
 * @param sinceMs from when on `done` counts; null = midnight UTC
 */
export async function reviewSummary(house: House, reviewer: string, sinceMs: number | null): Promise<ReviewSummary> {
  const now = house.now();
  const since = sinceMs ?? now - (now % DAY_MS);
  const [recent, submitted, open] = await Promise.all([
    house.store.listFeedback({ reviewer, state: "current", submittedFrom: now - 30 * DAY_MS }, { limit: RECENT }),
    house.store.listClaims({ reviewer, state: "submitted", claimedFrom: since - DAY_MS }, { limit: MOST_COUNTED }),
    house.store.listClaims({ reviewer, state: "open" }, { limit: MOST_COUNTED }),
  ]);
  const paceMs = reviewPaceMs(recent.items.map(({ submitted_at }) => ({ reviewer, timeMs: submitted_at })));
  const specialists = await Promise.all(house.specialists.map((specialist) => summaryOf(house, specialist, paceMs)));
  return {
    reviewer,
    done: submitted.items.filter(({ closed_at }) => (closed_at ?? 0) >= since).length,
    since: toIso(since),
    held: open.items.filter((claim) => isHeld(claim, now)).length,
    seconds_per_review: paceMs === null ? null : Math.round(paceMs / 1_000),
    waiting: specialists.reduce((sum, { waiting }) => sum + waiting, 0),
    specialists,
  };
}

async function summaryOf(house: House, specialist: Specialist, paceMs: number | null): Promise<SpecialistSummary> {
  const [waiting, view, verdicts] = await Promise.all([
    house.store.countWaiting(specialist.name),
    viewTrigger(house, specialist),
    house.store.listVerdicts({ specialist: specialist.name }, { limit: 1 }),
  ]);
  const last = verdicts.items[0];
  const { threshold } = house.policyOf(specialist).trigger;
  const toNextRun = Math.max(0, threshold - view.newLabels);
  const asked = last?.decision === "inconclusive" ? last.verdict.labels_needed.total : null;
  const toDecide = asked === null ? null : Math.max(0, asked - view.newLabels);
  const labels = toDecide === null || toDecide === 0 ? toNextRun : toDecide;
  const minutes = labels === 0 || paceMs === null ? null : Math.round((labels * paceMs) / 6_000) / 10;
  const time = minutes === null ? "" : `; about ${duration(minutes * 60_000)}`;
  const { name } = specialist;
  const sentence =
    labels === 0
      ? `${name} has enough new labels for its next run.`
      : labels === toDecide
        ? `${plural(labels, "more label")} should decide ${name}${time}.`
        : `${plural(labels, "more label")} start the next run of ${name}${time}.`;
  return {
    specialist: name,
    waiting,
    new_labels: view.newLabels,
    threshold,
    labels_to_next_run: toNextRun,
    labels_to_decide: toDecide,
    minutes,
    sentence,
  };
}
