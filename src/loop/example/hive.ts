import type { Opinion } from "../../core/opinion.ts";
import type { Plan } from "../../core/plan.ts";
import { isEnded, type Run } from "../../core/run.ts";
import type { House } from "../house.ts";
import { type ImportReport, importFeedback } from "../import-documents.ts";
import { addFeedback } from "../intake.ts";
import { resumeRun, retrain } from "../retrain.ts";
import type { RunEvent } from "../run-steps.ts";
import {
  fabricateAutoFeedback,
  fabricateBalancedFeedback,
  SIMULATED_SPECIALISTS,
  simulatePlans,
  simulateReviewers,
} from "../simulate.ts";
import { DAY_MS } from "./clock.ts";
import { trainFirstChampion } from "./first-champion.ts";
import { judgeMissing } from "./judge-missing.ts";

/** As on the operators' status page of 2026-02-08. */
const FEEDBACK_COUNTS = { architecture: 201, business: 201, technical: 200, behavior: 200, evolution: 200 } as const;
type HiveSpecialist = keyof typeof FEEDBACK_COUNTS;

export interface HiveRequest {
  readonly seed: number;
  /** `simulated`: reviewers with rules, noise and disagreement; `original`: the fabricated labels of the system that Requeen replaces. */
  readonly feedback: "simulated" | "original";
  /** Search the specialists' grids, by default the original system's, inside every fit. Default false. */
  readonly tune?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: RunEvent) => void;
  readonly onStage?: (specialist: string, text: string) => void;
}

export interface HiveResult {
  readonly feedback: HiveRequest["feedback"];
  readonly feedback_total: number;
  readonly runs: readonly Run[];
}

interface Memory {
  readonly anchor_ms: number;
  readonly seed: number;
  readonly feedback: HiveRequest["feedback"];
}

const MEMORY_KEY = "example.hive";
const ACTOR = "example-hive";
/** The first champions judged for a month before people looked at them. */
const EARLY_DAYS = 30;
const REVIEW_DAYS = 12;

/**
 * The hive on simulated input: weak first champions from few and noisy labels, 201 plans judged by all five, 1,002 feedbacks, and the five
 * retrained side by side. Each is made ready while the threads train the one before it, the first one before all others. Everything has an id
 * that follows from the seed, so that a second call goes on and never doubles.
 * @throws what startRun and driveRun throw, but for refusals and failures of single runs, which stand in the runs.
 */
export async function runHiveExample(house: House, request: HiveRequest): Promise<HiveResult> {
  const memory = await remember(house, request);
  const plans = lazily(() => simulatePlans({ seed: memory.seed, count: Math.max(...Object.values(FEEDBACK_COUNTS)) }));
  const specialists = house.specialists.map(({ name }) => name).filter(isHive);
  const turns = inTurn(specialists.length);
  const runs = await Promise.all(
    specialists.map(async (specialist, index) => {
      const turn = turns[index];
      if (turn === undefined) throw new Error("a specialist has no turn");
      try {
        return await runSpecialist(house, specialist, memory, plans, turn, request);
      } finally {
        turn.announce();
        turn.pass();
      }
    }),
  );
  return {
    feedback: memory.feedback,
    feedback_total: Object.values(FEEDBACK_COUNTS).reduce((sum, count) => sum + count, 0),
    runs,
  };
}

const isHive = (name: string): name is HiveSpecialist => SIMULATED_SPECIALISTS.some((known) => known === name);

/** Seed, kind of feedback and point in time of the first call hold for all later ones. */
async function remember(house: House, { seed, feedback }: HiveRequest): Promise<Memory> {
  const known = (await house.store.getSetting(MEMORY_KEY)) as Memory | null;
  if (known !== null && known !== undefined) return known;
  const memory: Memory = { anchor_ms: house.now(), seed, feedback };
  await house.store.putSetting(MEMORY_KEY, memory);
  return memory;
}

/** What all five judge is made once, and not at all when their runs have ended. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

interface Turn {
  /** Resolves when the one before has announced this one: time to prepare what the threads are to do before the larger work of that one. */
  readonly near: Promise<void>;
  /** Resolves when the one before has passed; the first need not wait. */
  readonly came: Promise<void>;
  /** Lets the next one prepare; a second time changes nothing. */
  readonly announce: () => void;
  /** Lets the next one go on; a second time changes nothing. */
  readonly pass: () => void;
}

function inTurn(count: number): Turn[] {
  let [near, came] = [Promise.resolve(), Promise.resolve()];
  return Array.from({ length: count }, () => {
    const [nextNear, nextCame] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const turn = { near, came, announce: nextNear.resolve, pass: nextCame.resolve };
    [near, came] = [nextNear.promise, nextCame.promise];
    return turn;
  });
}

async function runSpecialist(
  house: House,
  specialist: HiveSpecialist,
  memory: Memory,
  allPlans: () => readonly Plan[],
  turn: Turn,
  request: HiveRequest,
): Promise<Run> {
  const finished = await finishedRun(house, specialist);
  if (finished !== null) return finished;
  // the threads load their modules while the first plans are made
  house.pool().warm();
  await turn.near;
  request.onStage?.(specialist, "first champion");
  const trainedAtMs = memory.anchor_ms - EARLY_DAYS * DAY_MS;
  const install = await trainFirstChampion({ ...house, now: () => trainedAtMs, actor: ACTOR }, specialist, {
    seed: memory.seed,
    trainedAtMs,
    signal: request.signal,
  });
  await turn.came;
  turn.announce();
  const plans = allPlans().slice(0, FEEDBACK_COUNTS[specialist]);
  await install();
  request.onStage?.(specialist, "judging plans");
  const opinions = await judgePlans(house, specialist, memory, plans);
  request.onStage?.(specialist, "feedback");
  await (memory.feedback === "simulated"
    ? review(house, specialist, memory, plans, opinions)
    : fabricate(house, specialist, memory, opinions));
  const open = await openRun(house, specialist);
  const onEvent = (event: RunEvent): void => {
    if (event.step === "train" && event.phase !== "started") turn.pass();
    request.onEvent?.(event);
  };
  const options = { signal: request.signal, onEvent };
  if (open !== null) return resumeRun(house, open.run_id, options);
  const wanted = { specialist, by: ACTOR, reason: "evidence", hyperparameterTuning: request.tune } as const;
  return retrain({ ...house, actor: ACTOR }, wanted, options);
}

/** Plans of each specialist that wait for the one who tries the review page. */
const WAITING_PLANS = 12;

/** New plans, judged by whoever is champion after the example's runs and left for a person. A second call adds nothing. */
export async function leavePlansToReview(house: House, seed: number): Promise<void> {
  const plans = simulatePlans({ seed: seed + 1, count: WAITING_PLANS });
  for (const { name } of house.specialists.filter(({ name }) => isHive(name))) {
    const requests = plans.map((plan, index) => ({ plan, opinionId: `hive-${seed}-${name}-waiting-${index + 1}` }));
    await judgeMissing({ ...house, actor: ACTOR }, name, requests);
  }
}

/** The example's own run on the 1,002 feedbacks. */
async function finishedRun(house: House, specialist: string): Promise<Run | null> {
  const { items } = await house.store.listRuns({ specialist }, { limit: 1000 });
  return items.findLast((run) => run.trigger.reason === "evidence" && run.trigger.by === ACTOR && isEnded(run)) ?? null;
}

async function openRun(house: House, specialist: string): Promise<Run | null> {
  const { items } = await house.store.listRuns({ specialist, state: "running" }, { limit: 1 });
  return items[0] ?? null;
}

async function judgePlans(house: House, specialist: HiveSpecialist, memory: Memory, plans: readonly Plan[]): Promise<Opinion[]> {
  const startMs = memory.anchor_ms - (REVIEW_DAYS + 1) * DAY_MS;
  const requests = plans.map((plan, index) => ({
    plan,
    opinionId: `hive-${memory.seed}-${specialist}-${index + 1}`,
    evaluatedAtMs: startMs + index * 5 * 60_000,
  }));
  return judgeMissing({ ...house, actor: ACTOR }, specialist, requests);
}

/** Every third opinion is judged blind, the others with the opinion in sight. */
async function review(
  house: House,
  specialist: HiveSpecialist,
  memory: Memory,
  plans: readonly Plan[],
  opinions: readonly Opinion[],
): Promise<void> {
  const toReview = plans.flatMap((plan, index) => {
    const opinion = opinions[index];
    return opinion === undefined ? [] : [{ opinionId: opinion.opinion_id, plan, recommendation: opinion.opinion.recommendation }];
  });
  const judgements = simulateReviewers({
    seed: memory.seed,
    specialist,
    opinions: toReview,
    startMs: memory.anchor_ms - REVIEW_DAYS * DAY_MS,
  });
  // reviewers who worked longer than the example's days end just before its beginning
  const lateMs = Math.max(0, ...judgements.map(({ submittedAtMs }) => submittedAtMs - memory.anchor_ms));
  const blind = new Set(opinions.filter((_, index) => index % 3 === 0).map(({ opinion_id }) => opinion_id));
  for (const channel of ["review_blind", "review_informed"] as const) {
    const own = judgements.filter(({ opinionId }) => blind.has(opinionId) === (channel === "review_blind"));
    await addFeedback(
      house,
      channel,
      own.map((judgement) => ({
        ...judgement,
        feedbackId: `feedback-${judgement.opinionId}`,
        submittedAtMs: judgement.submittedAtMs - lateMs,
      })),
    );
  }
}

/** The original's auto job for two specialists and its balanced job for the others, posted as if a person had. */
async function fabricate(
  house: House,
  specialist: HiveSpecialist,
  memory: Memory,
  opinions: readonly Opinion[],
): Promise<ImportReport> {
  const given = opinions.map(({ opinion_id, specialist_type, opinion, trace_id }) => ({
    opinionId: opinion_id,
    specialist: specialist_type,
    recommendation: opinion.recommendation,
    confidence: opinion.confidence_score ?? 0,
    traceId: trace_id,
  }));
  // ids of the auto job hold its time: each specialist has its own hour
  const startMs = memory.anchor_ms - DAY_MS + SIMULATED_SPECIALISTS.indexOf(specialist) * 3_600_000;
  const documents =
    specialist === "architecture" || specialist === "business"
      ? fabricateAutoFeedback({ opinions: given, startMs })
      : fabricateBalancedFeedback({ opinions: given, seed: memory.seed, startMs });
  return importFeedback({ ...house, actor: ACTOR }, stream(documents), {
    channel: "person",
    vouchedBy: null,
    source: `original-${specialist}`,
    examine: false, // the run is to show what it finds
  });
}

async function* stream<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
