import type { Specialist } from "../core/specialist.ts";
import { type FleetRank, type LabelPlan, type PlanInput, planLabels, rankNextLabels, reviewPaceMs } from "../decide/index.ts";
import { type House, specialistOf } from "./house.ts";
import { viewTrigger } from "./trigger.ts";

/** What more labels would buy, before anything is trained. */
export interface PlanView {
  readonly specialist: string;
  /** Median time per judgement of the last reviews, seconds; null = unknown. */
  readonly seconds_per_review: number | null;
  readonly opinions_per_week: number;
  readonly plan: LabelPlan;
}

export interface FleetPlan {
  readonly plans: readonly PlanView[];
  /** Whose next 50 labels buy most right opinions a week, best first. */
  readonly next_labels: readonly FleetRank[];
}

const WEEK_MS = 7 * 86_400_000;
/** Enough recent judgements to measure a pace. */
const RECENT = 500;

/** @param specialist null = the whole fleet. @throws RequeenError specialist_not_found */
export async function viewPlan(house: House, specialist: string | null): Promise<FleetPlan> {
  const wanted = specialist === null ? house.specialists : [specialistOf(house, specialist)];
  const members = await Promise.all(wanted.map((one) => measure(house, one)));
  return {
    plans: members.map(({ name, input, opinionsPerWeek }) => ({
      specialist: name,
      seconds_per_review: input.paceMs === null ? null : Math.round(input.paceMs / 1000),
      opinions_per_week: opinionsPerWeek,
      plan: planLabels(input),
    })),
    next_labels: rankNextLabels(
      members.map(({ name, input, opinionsPerWeek }) => ({ specialist: name, plan: input, opinionsPerWeek })),
    ),
  };
}

async function measure(
  house: House,
  specialist: Specialist,
): Promise<{ name: string; input: PlanInput; opinionsPerWeek: number }> {
  const [view, verdicts, recent, opinionsPerWeek] = await Promise.all([
    viewTrigger(house, specialist),
    house.store.listVerdicts({ specialist: specialist.name }, { limit: 1 }),
    house.store.listFeedback({ specialist: specialist.name, state: "current" }, { limit: RECENT }),
    house.store.countOpinions({ specialist: specialist.name, evaluatedFrom: house.now() - WEEK_MS }),
  ]);
  const people = recent.items.filter(({ evidence }) => evidence.tier === "blind" || evidence.tier === "informed");
  const last = verdicts.items[0];
  return {
    name: specialist.name,
    opinionsPerWeek,
    input: {
      gateRows: view.gateRows,
      discordance: last?.verdict.compared_with === "champion" ? last.verdict.power.discordance : null,
      policy: house.policyOf(specialist),
      paceMs: reviewPaceMs(people.map(({ evidence, submitted_at }) => ({ reviewer: evidence.reviewer, timeMs: submitted_at }))),
    },
  };
}
