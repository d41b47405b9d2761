import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  nextLevel,
  type PastGate,
  POLICY_PRESETS,
  pairedPower,
  planLabels,
  rankNextLabels,
  reviewPaceMs,
  rowsNeeded,
} from "../../../src/decide/index.ts";

const policy = POLICY_PRESETS.evidence;

describe("planLabels", () => {
  test("40 labels see only gains of about 20 points, 400 of about 6", () => {
    const few = planLabels({ gateRows: 40, discordance: 0.2, policy, paceMs: null });
    const many = planLabels({ gateRows: 400, discordance: 0.2, policy, paceMs: null });
    expect(few.smallest_visible_gain ?? 0).toBeGreaterThan(0.12);
    expect(many.smallest_visible_gain ?? 1).toBeLessThan(0.07);
  });

  test("the labels asked for are the fewest with the power", () => {
    const plan = planLabels({ gateRows: 100, discordance: 0.2, policy, paceMs: 60_000 });
    for (const { gain, more_labels, review_minutes } of plan.gains) {
      const rows = 100 + (more_labels ?? 0);
      const question = { gain, discordance: 0.2, level: 0.05 };
      expect(pairedPower({ ...question, rows })).toBeGreaterThanOrEqual(0.8);
      expect(pairedPower({ ...question, rows: rows * 0.9 })).toBeLessThan(0.8);
      expect(review_minutes).toBe(more_labels);
    }
  });

  test("the table of decision-methods 2.1: chance to see a gain with 20 % discordance", () => {
    const cases = [
      { rows: 50, gain: 0.1, chance: 0.45 },
      { rows: 100, gain: 0.05, chance: 0.29 },
      { rows: 100, gain: 0.1, chance: 0.75 },
      { rows: 200, gain: 0.05, chance: 0.48 },
      { rows: 400, gain: 0.05, chance: 0.72 },
      { rows: 1_000, gain: 0.03, chance: 0.69 },
      { rows: 4_000, gain: 0.03, chance: 0.995 },
    ];
    for (const { chance, ...question } of cases) {
      expect(Math.abs(pairedPower({ ...question, discordance: 0.2, level: 0.05 }) - chance)).toBeLessThan(0.02);
    }
    expect(rowsNeeded({ gain: 0, discordance: 0.2, level: 0.05 }, 0.8)).toBeNull();
  });
});

test("reviewPaceMs is the median gap without pauses", () => {
  const judgements = [0, 60, 120, 200, 8_000, 8_050, 8_120].map((s) => ({ reviewer: "ana", timeMs: s * 1_000 }));
  expect(reviewPaceMs(judgements)).toBe(60_000);
  expect(reviewPaceMs(judgements.slice(0, 4))).toBeNull();
});

test("the next labels go where they buy most right opinions", () => {
  const plan = { gateRows: 60, discordance: 0.2, policy, paceMs: null };
  const ranks = rankNextLabels([
    { specialist: "busy", plan, opinionsPerWeek: 1_000 },
    { specialist: "idle", plan, opinionsPerWeek: 10 },
    { specialist: "rich", plan: { ...plan, gateRows: 5_000 }, opinionsPerWeek: 1_000 },
  ]);
  expect(ranks.map((rank) => rank.specialist)[0]).toBe("busy");
  expect(ranks[0]?.right_opinions_per_week ?? 0).toBeGreaterThan(
    ranks.find((rank) => rank.specialist === "rich")?.right_opinions_per_week ?? 0,
  );
});

describe("nextLevel", () => {
  const day = 86_400_000;
  const spending = { ...policy, error_budget: { method: "alpha_spending" as const, level: 0.1, period_ms: 90 * day } };

  test("alpha spending gives a fifth of what is left, never more than the policy's level, and renews", () => {
    const first = nextLevel(spending, [], 90 * day);
    expect(first?.level).toBeCloseTo(0.02, 12);
    expect(first).toMatchObject({ spent: 0, left: 0.1, renewsAtMs: 180 * day });
    const later = nextLevel(spending, [{ timeMs: 91 * day, p: 0.5, level: 0.06, promoted: false }], 92 * day);
    expect(later?.level).toBeCloseTo(0.008, 12);
    expect(nextLevel(spending, [{ timeMs: 91 * day, p: 0.5, level: 0.06, promoted: false }], 181 * day)?.spent).toBe(0);
  });

  test("LORD++ and SAFFRON grant the levels of the online-fdr package, promotion by promotion", () => {
    const found = z.object({ levels: z.array(z.number()), found: z.array(z.boolean()) });
    const { online } = z
      .object({ online: z.object({ p: z.array(z.number()), lord: found, saffron: found }) })
      .parse(JSON.parse(readFileSync(new URL("../../fixtures/decide/vectors.json", import.meta.url), "utf8")));
    for (const method of ["lord", "saffron"] as const) {
      const rule = { ...policy, error_budget: { method, level: 0.1, period_ms: 0 } };
      const history: PastGate[] = [];
      for (const [i, p] of online.p.entries()) {
        const level = nextLevel(rule, history, 0)?.level ?? Number.NaN;
        expect(level).toBeCloseTo(online[method].levels[i] ?? Number.NaN, 8);
        history.push({ timeMs: 0, p, level, promoted: p <= level });
        expect(history[i]?.promoted).toBe(online[method].found[i]);
      }
      expect(history.filter((past) => past.promoted).length).toBeGreaterThan(3);
    }
  });

  test("no budget is null; LORD and SAFFRON fall without promotions and rise with each", () => {
    expect(nextLevel(policy, [], 0)).toBeNull();
    for (const method of ["lord", "saffron"] as const) {
      const rule = { ...policy, error_budget: { method, level: 0.1, period_ms: 0 } };
      const quiet = Array.from({ length: 20 }, () => ({ timeMs: 0, p: 0.7, level: 0.01, promoted: false }));
      const atFirst = nextLevel(rule, [], 0)?.level ?? 0;
      const afterQuiet = nextLevel(rule, quiet, 0)?.level ?? 0;
      const afterFind = nextLevel(rule, [...quiet, { timeMs: 0, p: 1e-6, level: 0.01, promoted: true }], 0)?.level ?? 0;
      expect(afterFind).toBeGreaterThan(afterQuiet);
      if (method === "lord") expect(afterQuiet).toBeLessThan(atFirst);
    }
  });
});
