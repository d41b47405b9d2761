import { RequeenError } from "../../core/errors.ts";
import type { Plan } from "../../core/plan.ts";
import { deriveSeed, SeededRandom } from "../../engine/seeded-random.ts";
import { rememberedFeatures } from "../../features/remembered.ts";
import { checkCount, FIRST_PLAN_MS, simulatePlans } from "./plans.ts";
import { pickFrom } from "./profile.ts";
import {
  type Clause,
  clauseValue,
  DECISIONS,
  type Decision,
  fittingClause,
  SIMULATED_SPECIALISTS,
  type SimulatedSpecialist,
} from "./reviewer-rules.ts";
import { reviewTimes } from "./working-hours.ts";

/** An opinion as a reviewer gets it. */
export interface OpinionToReview {
  readonly opinionId: string;
  readonly plan: Plan;
  /** What the opinion recommends; null = nothing, so that no agreement can be rated. */
  readonly recommendation: string | null;
}

/** What a reviewer hands in. */
export interface SimulatedJudgement {
  readonly opinionId: string;
  readonly reviewer: string;
  readonly recommendation: Decision;
  /** Agreement with the opinion, 0..1 in steps of 0.05; null where the opinion recommends nothing. */
  readonly rating: number | null;
  readonly notes: string;
  readonly submittedAtMs: number;
}

export interface SimulateReviewersRequest {
  readonly seed: number;
  readonly specialist: SimulatedSpecialist;
  readonly opinions: readonly OpinionToReview[];
  /** People who share the work, 1..50. Default 3. Each is stricter or milder than the rule by some percent of every limit. */
  readonly reviewerCount?: number;
  /** Share of opinions that a second person judges too, 0..1. Default 0. */
  readonly secondReviewShare?: number;
  /** Share of decisions that are replaced by another class at random, 0..1. Default 0.08. */
  readonly noise?: number;
  /** Nobody hands in before this. Default: 2026-02-02T12:00:00Z. */
  readonly startMs?: number;
}

export const FIRST_REVIEW_MS = Date.UTC(2026, 1, 2, 12);
/** Standard deviation of a reviewer's strictness, as a share of each limit. */
const STRICTNESS = 0.03;

/** How near two decisions are: what a rating of 0..1 says when the decisions differ. */
const NEARNESS: Record<Decision, Partial<Record<string, number>>> = {
  approve: { conditional: 0.4, review_required: 0.25, reject: 0.05 },
  conditional: { approve: 0.4, review_required: 0.35, reject: 0.15 },
  review_required: { approve: 0.25, conditional: 0.35, reject: 0.3 },
  reject: { approve: 0.05, conditional: 0.15, review_required: 0.3 },
};

interface Person {
  readonly name: string;
  readonly strictness: number;
  readonly random: SeededRandom;
  readonly times: Generator<number, never>;
}

/**
 * Judgements of simulated people who follow the rule of a specialist (`REVIEWER_RULES`) with noise and differences between them; each
 * opinion once, some twice. In order of time, which is working hours. @throws bad_parameter
 */
export function simulateReviewers(request: SimulateReviewersRequest): SimulatedJudgement[] {
  const {
    seed,
    specialist,
    opinions,
    reviewerCount = 3,
    secondReviewShare = 0,
    noise = 0.08,
    startMs = FIRST_REVIEW_MS,
  } = request;
  checkSpecialist(specialist);
  if (!Number.isInteger(reviewerCount) || reviewerCount < 1 || reviewerCount > 50)
    throw new RequeenError(
      "bad_parameter",
      `reviewerCount of simulateReviewers must be an integer in 1..50; got ${reviewerCount}`,
    );
  checkShare("noise", noise);
  checkShare("secondReviewShare", secondReviewShare);
  if (secondReviewShare > 0 && reviewerCount < 2)
    throw new RequeenError("bad_parameter", "secondReviewShare of simulateReviewers needs a reviewerCount of 2 or more; got 1");
  const base = deriveSeed(seed, SIMULATED_SPECIALISTS.indexOf(specialist));
  const people = Array.from({ length: reviewerCount }, (_, index): Person => {
    const random = new SeededRandom(deriveSeed(base, index));
    return {
      name: `${specialist}-reviewer-${index + 1}@hive.example`,
      strictness: STRICTNESS * random.nextNormal(),
      random,
      times: reviewTimes(random, startMs),
    };
  });
  const dealing = new SeededRandom(deriveSeed(base, reviewerCount));
  const judgements: SimulatedJudgement[] = [];
  for (const opinion of opinions) {
    const vector = rememberedFeatures("plan/2", opinion.plan);
    const first = dealing.nextInt(people.length);
    const who = [first];
    if (dealing.next() < secondReviewShare) who.push((first + 1 + dealing.nextInt(people.length - 1)) % people.length);
    for (const index of who) {
      const person = people[index];
      if (person) judgements.push(judgeBy(person, specialist, opinion, vector, noise));
    }
  }
  return judgements.sort((a, b) => a.submittedAtMs - b.submittedAtMs);
}

function judgeBy(
  person: Person,
  specialist: SimulatedSpecialist,
  opinion: OpinionToReview,
  vector: Float64Array,
  noise: number,
): SimulatedJudgement {
  const { random } = person;
  const clause = fittingClause(specialist, vector, person.strictness);
  const meant = clause?.decision ?? "approve";
  const slip = random.next() < noise;
  const recommendation = slip
    ? pickFrom(
        random,
        DECISIONS.filter((decision) => decision !== meant),
      )
    : meant;
  return {
    opinionId: opinion.opinionId,
    reviewer: person.name,
    recommendation,
    rating: opinion.recommendation === null ? null : ratingOf(random, recommendation, opinion.recommendation),
    notes: slip ? "" : noteOf(clause, vector),
    submittedAtMs: person.times.next().value,
  };
}

function ratingOf(random: SeededRandom, decision: Decision, recommended: string): number {
  const centre = decision === recommended ? 0.87 : (NEARNESS[decision][recommended] ?? 0.2);
  return Math.round(Math.min(1, Math.max(0, centre + 0.07 * random.nextNormal())) * 20) / 20;
}

function noteOf(clause: Clause | null, vector: Float64Array): string {
  if (clause === null) return "";
  return `${clause.because} (${clause.feature} ${Math.round(clauseValue(clause, vector) * 100) / 100})`;
}

export interface EarlyJudgement {
  readonly plan: Plan;
  readonly judgement: SimulatedJudgement;
}

/**
 * The few and noisy judgements from which a weak first champion is trained: 40 plans, 35 % of the decisions replaced. Reviewed before
 * `FIRST_REVIEW_MS`, opinion ids `early-<plan id>`. @throws bad_parameter
 */
export function simulateEarlyJudgements(request: {
  seed: number;
  specialist: SimulatedSpecialist;
  count?: number;
  noise?: number;
}): EarlyJudgement[] {
  const { seed, specialist, count = 40, noise = 0.35 } = request;
  checkSpecialist(specialist);
  checkCount("count of simulateEarlyJudgements", count);
  const plans = simulatePlans({ seed: deriveSeed(seed, 0xea51), count, idPrefix: `early-${specialist}-${seed}` });
  const byId = new Map(plans.map((plan) => [`early-${plan.plan_id}`, plan]));
  const opinions = [...byId].map(([opinionId, plan]) => ({ opinionId, plan, recommendation: null }));
  const judgements = simulateReviewers({ seed, specialist, opinions, reviewerCount: 2, noise, startMs: FIRST_PLAN_MS });
  return judgements.flatMap((judgement) => {
    const plan = byId.get(judgement.opinionId);
    return plan ? [{ plan, judgement }] : [];
  });
}

export function checkSpecialist(specialist: string): void {
  if (!SIMULATED_SPECIALISTS.some((name) => name === specialist))
    throw new RequeenError(
      "bad_parameter",
      `simulated specialist must be one of ${SIMULATED_SPECIALISTS.join(", ")}; got ${specialist}`,
    );
}

function checkShare(name: string, value: number): void {
  if (!(value >= 0 && value <= 1))
    throw new RequeenError("bad_parameter", `${name} of simulateReviewers must be in 0..1; got ${value}`);
}
