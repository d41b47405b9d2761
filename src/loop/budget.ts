import type { Policy } from "../core/policy.ts";
import type { VerdictRecord } from "../core/verdict-record.ts";
import { type BudgetState, nextLevel, type PastGate } from "../decide/index.ts";
import type { House } from "./house.ts";

/**
 * The error budget as it stands for the next verdict of a specialist; null when its policy has none. Alpha spending counts the specialist's
 * own verdicts, LORD and SAFFRON those of the whole fleet.
 * @param exceptRun a run that is deciding right now, whose own verdict a crash may have left in the store.
 */
export async function readBudget(
  house: House,
  policy: Policy,
  specialist: string,
  exceptRun: string | null = null,
): Promise<BudgetState | null> {
  if (policy.error_budget.method === "none") return null;
  const own = policy.error_budget.method === "alpha_spending";
  const history: PastGate[] = [];
  for (let cursor: string | undefined; ; ) {
    const { items, next } = await house.store.listVerdicts(own ? { specialist } : {}, { limit: 1000, cursor });
    // a verdict that compared nothing has spent nothing
    history.push(...items.filter(({ run_id, verdict }) => run_id !== exceptRun && verdict.rows.count > 0).map(pastGate));
    if (next === null) break;
    cursor = next;
  }
  return nextLevel(
    policy,
    history.sort((a, b) => a.timeMs - b.timeMs),
    house.now(),
  );
}

const pastGate = ({ created_at, verdict, inputs, decision }: VerdictRecord): PastGate => ({
  timeMs: created_at,
  p: verdict.test.mid_p,
  level: inputs.budget?.level ?? Math.max(0, 1 - verdict.policy.improvement.promote_at),
  promoted: decision === "promote",
});

/** What is left, per specialist, as `requeen budget` shows it. */
export interface BudgetView {
  readonly specialist: string;
  readonly policy: string;
  readonly method: Policy["error_budget"]["method"];
  /** Tolerated: per period, or as a share of all promotions. */
  readonly tolerated: number;
  /** Chance of a false promotion that the next verdict may use; null without a budget. */
  readonly next_level: number | null;
  readonly spent: number | null;
  readonly left: number | null;
  readonly renews_at: string | null;
  readonly verdicts: number;
  readonly promotions: number;
  readonly sentence: string;
}

export async function viewBudgets(house: House): Promise<BudgetView[]> {
  return Promise.all(
    house.specialists.map(async (specialist): Promise<BudgetView> => {
      const policy = house.policyOf(specialist);
      const state = await readBudget(house, policy, specialist.name);
      return {
        specialist: specialist.name,
        policy: `${policy.name}/${policy.version}`,
        method: policy.error_budget.method,
        tolerated: policy.error_budget.level,
        next_level: state?.level ?? null,
        spent: state?.spent ?? null,
        left: state?.left ?? null,
        renews_at: state?.renewsAtMs == null ? null : new Date(state.renewsAtMs).toISOString(),
        verdicts: state?.gates ?? 0,
        promotions: state?.promotions ?? 0,
        sentence: state?.sentence ?? "No error budget: each verdict uses the policy's own level.",
      };
    }),
  );
}
