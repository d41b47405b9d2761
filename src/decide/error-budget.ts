import type { Policy } from "../core/policy.ts";
import { duration, percent, plural, relation } from "./phrases.ts";

/** One earlier verdict, as the budget counts it. */
export interface PastGate {
  readonly timeMs: number;
  /** One-sided mid-p of the verdict. */
  readonly p: number;
  /** Level that the budget granted it. */
  readonly level: number;
  readonly promoted: boolean;
}

export interface BudgetState {
  readonly method: Exclude<Policy["error_budget"]["method"], "none">;
  /** False-promotion level that the next verdict may use; 0 = nothing is left. */
  readonly level: number;
  /** Alpha spending: what this period has spent and has left. Null for the others, whose budget grows with each promotion. */
  readonly spent: number | null;
  readonly left: number | null;
  readonly renewsAtMs: number | null;
  readonly gates: number;
  readonly promotions: number;
  readonly sentence: string;
}

/** Alpha spending gives each verdict this part of what is left of the period. */
const SPENDING_SHARE = 0.2;
/** Share of the level that LORD and SAFFRON start with. */
const INITIAL_WEALTH = 0.5;
/** SAFFRON: p-values up to this are candidates. */
const CANDIDATE_AT = 0.5;

/**
 * The level for the next verdict. `alpha_spending` looks at one specialist's verdicts: over each period the chance of any false promotion is at
 * most `error_budget.level`. `lord` and `saffron` look at the whole fleet's verdicts in time order: of all promotions at most the share
 * `error_budget.level` is false, in expectation, at every moment.
 * Sources: Lan and DeMets 1983 (spending); Ramdas, Yang, Wainwright, Jordan 2017 (LORD++); Ramdas, Zrnic, Wainwright, Jordan 2018 (SAFFRON).
 * @param history verdicts in time order: the specialist's for alpha spending, the fleet's for LORD and SAFFRON.
 * @returns null if the policy has no budget.
 */
export function nextLevel(policy: Policy, history: readonly PastGate[], nowMs: number): BudgetState | null {
  const { method, level } = policy.error_budget;
  if (method === "none") return null;
  if (method === "alpha_spending") return alphaSpending(policy, history, nowMs);
  const granted = method === "lord" ? lordLevel(history, level) : saffronLevel(history, level);
  const promotions = history.filter((gate) => gate.promoted).length;
  return {
    method,
    level: granted,
    spent: null,
    left: null,
    renewsAtMs: null,
    gates: history.length,
    promotions,
    sentence: `After ${plural(history.length, "verdict")} with ${plural(promotions, "promotion")}, the next may promote at p <${relation(granted)}, so that at most ${percent(level)} of all promotions are false.`,
  };
}

function alphaSpending(policy: Policy, history: readonly PastGate[], nowMs: number): BudgetState {
  const { level, period_ms } = policy.error_budget;
  // Periods are fixed in calendar time, so that their ends do not depend on who asks when.
  const startMs = period_ms > 0 ? Math.floor(nowMs / period_ms) * period_ms : nowMs;
  const own = history.filter((gate) => gate.timeMs >= startMs && gate.timeMs <= nowMs);
  const spent = own.reduce((sum, gate) => sum + gate.level, 0);
  const left = Math.max(0, level - spent);
  const granted = Math.min(left * SPENDING_SHARE, 1 - policy.improvement.promote_at);
  const renewsAtMs = startMs + period_ms;
  return {
    method: "alpha_spending",
    level: granted,
    spent,
    left,
    renewsAtMs,
    gates: own.length,
    promotions: own.filter((gate) => gate.promoted).length,
    sentence: `${percent(spent)} of this period's ${percent(level)} chance of a false promotion are spent by ${plural(own.length, "verdict")}; the next gets ${percent(granted)}. The budget renews in ${duration(renewsAtMs - nowMs)}.`,
  };
}

/** LORD++: level of test t = |history| + 1. */
export function lordLevel(history: readonly { readonly promoted: boolean }[], level: number): number {
  const t = history.length + 1;
  const wealth = INITIAL_WEALTH * level;
  let granted = lordShare(t) * wealth;
  let found = 0;
  history.forEach(({ promoted }, index) => {
    if (!promoted) return;
    granted += (found === 0 ? level - wealth : level) * lordShare(t - (index + 1));
    found++;
  });
  return Math.min(1, granted);
}

/** SAFFRON: level of test t = |history| + 1. */
export function saffronLevel(history: readonly { readonly p: number; readonly promoted: boolean }[], level: number): number {
  const t = history.length + 1;
  const wealth = INITIAL_WEALTH * level;
  const candidates = new Float64Array(t); // candidates[i] = candidates among the first i tests
  history.forEach(({ p }, index) => {
    candidates[index + 1] = (candidates[index] ?? 0) + (p <= CANDIDATE_AT ? 1 : 0);
  });
  const all = candidates[t - 1] ?? 0;
  let granted = wealth * saffronShare(t - all);
  let found = 0;
  history.forEach(({ promoted }, index) => {
    if (!promoted) return;
    const since = all - (candidates[index + 1] ?? 0);
    granted += (found === 0 ? level - wealth : level) * saffronShare(t - (index + 1) - since);
    found++;
  });
  return Math.min(CANDIDATE_AT, (1 - CANDIDATE_AT) * granted);
}

/** Shares of LORD, falling like log j / (j exp(sqrt(log j))); they sum to less than 1. Source: Javanmard and Montanari 2018. */
const lordShare = (j: number): number =>
  j < 1 ? 0 : (0.07720838 * Math.log(Math.max(j, 2))) / (j * Math.exp(Math.sqrt(Math.log(j))));

/** Shares of SAFFRON, j^-1.6 / zeta(1.6). */
const saffronShare = (j: number): number => (j < 1 ? 0 : j ** -1.6 / 2.2857656584);
