import { RequeenError } from "../../core/errors.ts";
import type { Plan } from "../../core/plan.ts";
import { deriveSeed, SeededRandom } from "../../engine/seeded-random.ts";
import { buildPlan } from "./build-plan.ts";
import { drawProfile, type PlanProfile } from "./profile.ts";

export interface SimulatePlansRequest {
  /** A safe integer, 0 or more: the same request gives the same plans. */
  readonly seed: number;
  /** Plans wanted, 0 or more. Plan i does not depend on how many are asked for. */
  readonly count: number;
  /** `created_at` of the first plan, UTC. Default: 2026-01-05T12:00:00Z. */
  readonly startMs?: number;
  /** Time from one plan to the next. Default: 7 minutes. */
  readonly stepMs?: number;
  /** Begins every plan's id. Default: `sim-<seed>`. */
  readonly idPrefix?: string;
}

export const FIRST_PLAN_MS = Date.UTC(2026, 0, 5, 12);
const PLAN_STEP_MS = 7 * 60_000;

/** Simulated plans, as production sends them (original-system.md 1.4). @throws bad_parameter */
export function simulatePlans(request: SimulatePlansRequest): Plan[] {
  checkCount("count of simulatePlans", request.count);
  return Array.from({ length: request.count }, (_, index) => simulatePlan(request, index));
}

/** Plan `index` of a request, its profile changed by `shape` before it is built. */
export function simulatePlan(
  request: SimulatePlansRequest,
  index: number,
  attempt = 0,
  shape?: (profile: PlanProfile, random: SeededRandom) => void,
): Plan {
  const random = new SeededRandom(deriveSeed(request.seed, index, attempt));
  const profile = drawProfile(random);
  shape?.(profile, random);
  const prefix = request.idPrefix ?? `sim-${request.seed}`;
  return buildPlan(random, profile, {
    planId: `${prefix}-plan-${index + 1}`,
    intentId: `${prefix}-intent-${index + 1}`,
    createdAtMs: (request.startMs ?? FIRST_PLAN_MS) + index * (request.stepMs ?? PLAN_STEP_MS),
  });
}

export function checkCount(owner: string, count: number): void {
  if (!Number.isSafeInteger(count) || count < 0)
    throw new RequeenError("bad_parameter", `${owner} must be an integer, 0 or more; got ${count}`);
}
