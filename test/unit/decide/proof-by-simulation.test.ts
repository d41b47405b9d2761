import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  canonicalJson,
  effectiveCounts,
  furtherRowsNeeded,
  gate,
  midP,
  nextLevel,
  type PairedCounts,
  type PastGate,
  POLICY_PRESETS,
  type Policy,
  pairedPower,
  probabilityBetter,
  readPolicy,
  type Verdict,
} from "../../../src/decide/index.ts";
import { SeededRandom } from "../../../src/engine/seeded-random.ts";
import { simulateCounts, simulateGate, simulateWalk, type Walk } from "./simulated-gates.ts";
import { simulateRetraining } from "./simulated-retraining.ts";

/** `evidence` with few bootstrap draws and without floors: the simulated models are of middling accuracy on purpose. */
const policy: Policy = readPolicy({ bootstrap_draws: 200, floors: { precision: 0, recall: 0, f1: 0 } });
const classes = ["approve", "reject"];
const decide = (models: ReturnType<typeof simulateGate>, seed: number): Verdict => gate({ ...models, classes, policy, seed });
/** Three standard errors of a simulated share. */
const slack = (share: number, runs: number): number => 3 * Math.sqrt((share * (1 - share)) / runs);

describe("false promotions at no gain", () => {
  test("at every level that an error budget grants, the exact rate is at most 1.5 % above it", () => {
    for (const level of [0.025, 0.01, 0.005, 0.001, 0.0001]) {
      for (const rows of [30, 50, 100, 200, 400]) {
        for (const discordance of [0.05, 0.1, 0.2, 0.3, 0.45, 0.6])
          expect(pairedPower({ rows, gain: 0, discordance, level }) / level, `${rows} rows at ${level}`).toBeLessThanOrEqual(
            1.015,
          );
      }
    }
  });

  test("the exact rate of the paired test is at most 5 % for every share of discordant rows up to 60 %", () => {
    for (const rows of [30, 50, 100, 200, 400]) {
      for (let discordance = 0.02; discordance <= 0.6; discordance += 0.02) {
        expect(pairedPower({ rows, gain: 0, discordance, level: 0.05 })).toBeLessThanOrEqual(0.0502);
      }
    }
  });

  for (const rows of [30, 50, 100, 200, 400]) {
    test(`whole verdicts at n = ${rows} promote in at most 5 % of 600 gates, within Monte Carlo error`, () => {
      const random = new SeededRandom(rows);
      const runs = 600;
      let promoted = 0;
      for (let run = 0; run < runs; run++) {
        if (decide(simulateGate(random, { rows, gain: 0, discordance: 0.2 }), run).decision === "promote") promoted++;
      }
      expect(promoted / runs).toBeLessThanOrEqual(0.05 + slack(0.05, runs));
    });
  }
});

describe("learners that really learn, cross-fitted as the loop does it", () => {
  const shapes = [
    { what: "as much to learn from", shape: { championRows: 100, olderRows: 0, newRows: 100, noiseColumns: 0 }, runs: 200 },
    {
      what: "twelve columns of noise besides",
      shape: { championRows: 200, olderRows: 100, newRows: 100, noiseColumns: 12 },
      runs: 80,
    },
  ];
  for (const { what, shape, runs } of shapes) {
    test(`a challenger with ${what} that is truly no better is promoted in at most 5 % of ${runs} retrainings`, {
      timeout: 300_000,
    }, () => {
      const random = new SeededRandom(shape.newRows + runs);
      let [worse, promoted, notWorse] = [0, 0, 0];
      for (let run = 0; run < runs; run++) {
        const { verdict, gain } = simulateRetraining(random, shape, policy);
        if (gain > 0) continue;
        worse++;
        if (verdict.decision === "promote") promoted++;
        if (verdict.pairs.challenger_only >= verdict.pairs.champion_only) notWorse++;
      }
      expect(worse).toBeGreaterThan(runs / 3);
      expect(promoted / worse).toBeLessThanOrEqual(0.05 + slack(0.05, worse));
      expect(notWorse / worse, "what `>=` would have promoted").toBeGreaterThan(0.25);
    });
  }

  test("a challenger that learnt from far more labels than its champion is promoted again and again", {
    timeout: 300_000,
  }, () => {
    const random = new SeededRandom(6);
    const shape = { championRows: 25, olderRows: 200, newRows: 200, noiseColumns: 0 };
    const retrainings = Array.from({ length: 40 }, () => simulateRetraining(random, shape, policy));
    const promoted = retrainings.filter(({ verdict }) => verdict.decision === "promote");
    expect(promoted.length).toBeGreaterThan(12);
    expect(promoted.reduce((sum, { gain }) => sum + gain, 0) / promoted.length).toBeGreaterThan(0.03);
  });
});

describe("rows that are not independent", () => {
  const runs = 2_000;
  const proves = (counts: PairedCounts): boolean => probabilityBetter(counts) >= 0.95 && midP(counts) <= 0.05;
  const shapes = [
    { groups: 20, size: 5, alike: 0.8 },
    { groups: 40, size: 5, alike: 0.5 },
    { groups: 100, size: 2, alike: 1 },
    { groups: 5, size: 20, alike: 0.5 },
  ];
  for (const { groups, size, alike } of shapes) {
    test(`${groups} plans of ${size} rows that are alike in ${alike * 100} %: no gain is promoted in at most 5 %, counting rows in far more`, () => {
      const random = new SeededRandom(groups);
      const groupOf = Uint32Array.from({ length: groups * size }, (_, row) => Math.floor(row / size));
      let promoted = 0;
      let counted = 0;
      for (let run = 0; run < runs; run++) {
        const shared = Float64Array.from({ length: groups }, () => random.next());
        const outcome = Int8Array.from(groupOf, (group) => {
          const u = random.next() < alike ? (shared[group] ?? 0) : random.next();
          return u < 0.15 ? 1 : u < 0.3 ? -1 : 0;
        });
        if (proves(effectiveCounts(outcome, null, groupOf))) promoted++;
        if (proves(effectiveCounts(outcome, null, null))) counted++;
      }
      expect(promoted / runs).toBeLessThanOrEqual(0.05 + slack(0.05, runs));
      expect(counted / runs).toBeGreaterThan(0.08);
    });
  }

  test("rows picked for review with unequal chances and weighted back: no gain is promoted in at most 5 %", () => {
    const random = new SeededRandom(77);
    let promoted = 0;
    for (let run = 0; run < runs; run++) {
      const outcome = Int8Array.from({ length: 150 }, () => {
        const u = random.next();
        return u < 0.1 ? 1 : u < 0.2 ? -1 : 0;
      });
      const weights = Float64Array.from({ length: 150 }, () => Math.exp(0.5 * random.nextNormal()));
      if (proves(effectiveCounts(outcome, weights, null))) promoted++;
    }
    expect(promoted / runs).toBeLessThanOrEqual(0.05 + slack(0.05, runs));
  });
});

test("eight looks at a gate set that grows by 100 rows promote an equal model in less than 10 % of cases; without the stricter levels in 16 %", () => {
  const random = new SeededRandom(8);
  const runs = 1_500;
  const hits = { stricter: 0, plain: 0 };
  for (let run = 0; run < runs; run++) {
    let [wins, losses] = [0, 0];
    const seen = { stricter: false, plain: false };
    for (let uses = 0; uses < 8; uses++) {
      const more = simulateCounts(random, { rows: 100, gain: 0, discordance: 0.2 });
      [wins, losses] = [wins + more.wins, losses + more.losses];
      const evidence = Math.min(probabilityBetter({ wins, losses }), 1 - midP({ wins, losses }));
      seen.stricter ||= evidence >= 1 - 0.05 / (1 + uses);
      seen.plain ||= evidence >= 0.95;
    }
    if (seen.stricter) hits.stricter++;
    if (seen.plain) hits.plain++;
  }
  expect(hits.stricter / runs).toBeLessThan(0.1);
  expect(hits.plain / runs).toBeGreaterThan(0.12);
});

test("power of the whole verdict's test is within 3 points of the exact theory", () => {
  for (const { rows, gain } of [
    { rows: 100, gain: 0.1 },
    { rows: 200, gain: 0.05 },
    { rows: 50, gain: 0.12 },
  ]) {
    const random = new SeededRandom(rows + 7);
    const runs = 1_500;
    let seen = 0;
    for (let run = 0; run < runs; run++) {
      const { test: result } = decide(simulateGate(random, { rows, gain, discordance: 0.2 }), run);
      if (result.p_better >= 0.95 && result.mid_p <= 0.05) seen++;
    }
    expect(Math.abs(seen / runs - pairedPower({ rows, gain, discordance: 0.2, level: 0.05 }))).toBeLessThan(0.03);
  }
});

test("the further labels that a verdict names decide with the stated chance, within 4 points, whatever was seen before", () => {
  const random = new SeededRandom(31);
  const runs = 3_000;
  for (const { seen, gain, level } of [
    { seen: { wins: 12, losses: 8 }, gain: 0.05, level: 0.05 },
    { seen: { wins: 20, losses: 22 }, gain: 0.06, level: 0.025 },
    { seen: { wins: 30, losses: 15 }, gain: 0.1, level: 0.0025 },
  ]) {
    const question = { gain, discordance: 0.2, level };
    const rows = furtherRowsNeeded(seen, question, 0.8, 100_000) ?? 0;
    let decided = 0;
    for (let run = 0; run < runs; run++) {
      const more = simulateCounts(random, { rows, gain, discordance: 0.2 });
      const counts = { wins: seen.wins + more.wins, losses: seen.losses + more.losses };
      if (Math.min(probabilityBetter(counts), 1 - midP(counts)) >= 1 - level) decided++;
    }
    expect(Math.abs(decided / runs - 0.8), `${JSON.stringify(seen)}: ${rows} rows`).toBeLessThan(0.04);
  }
});

describe("26 retrainings", () => {
  const mean = (walks: readonly Walk[], of: keyof Walk): number => walks.reduce((sum, walk) => sum + walk[of], 0) / walks.length;

  test("whole verdicts at n = 100 make no more harmful promotions than the table says, and still gain; `>=` gates make many", () => {
    const random = new SeededRandom(26);
    const walks = Array.from({ length: 60 }, (_, walk) =>
      simulateWalk(random, 100, (challenger) => decide(simulateGate(random, challenger), walk).decision === "promote"),
    );
    const naive = Array.from({ length: 400 }, () =>
      simulateWalk(random, 100, (challenger) => {
        const { wins, losses } = simulateCounts(random, challenger);
        return wins >= losses;
      }),
    );
    expect(mean(walks, "harmful")).toBeLessThanOrEqual(0.3 + 3 * Math.sqrt(0.3 / walks.length)); // decision-methods.md 2.1: 0.3
    expect(mean(walks, "gain")).toBeGreaterThan(0.02);
    expect(mean(naive, "harmful")).toBeGreaterThan(4); // there: 4.9
  });

  test("the candidate level 0.8 lets 1.4 harmful ones into the shadow stage", () => {
    const random = new SeededRandom(27);
    const walks = Array.from({ length: 400 }, () =>
      simulateWalk(random, 100, (challenger) => midP(simulateCounts(random, challenger)) <= 0.2),
    );
    expect(Math.abs(mean(walks, "harmful") - 1.4)).toBeLessThan(0.35);
  });
});

describe("the error budget over 2,600 gates: 50 specialists, 52 weeks", () => {
  /** One gate in ten is a real gain of 12 points, the others none. */
  function fleetYear(random: SeededRandom, rule: Policy): { promotions: number; false_: number; histories: PastGate[][] } {
    const fleet: PastGate[] = [];
    const own: PastGate[][] = Array.from({ length: 50 }, () => []);
    let promotions = 0;
    let false_ = 0;
    for (let week = 0; week < 52; week++) {
      for (let specialist = 0; specialist < 50; specialist++) {
        const real = random.next() < 0.1;
        const timeMs = week * 7 * 86_400_000;
        const history = rule.error_budget.method === "alpha_spending" ? (own[specialist] ?? []) : fleet;
        const level = nextLevel(rule, history, timeMs)?.level ?? 0;
        const p = midP(simulateCounts(random, { rows: 200, gain: real ? 0.12 : 0, discordance: 0.2 }));
        const past: PastGate = { timeMs, p, level, promoted: p <= level };
        fleet.push(past);
        own[specialist]?.push(past);
        if (!past.promoted) continue;
        promotions++;
        if (!real) false_++;
      }
    }
    return { promotions, false_, histories: own };
  }

  for (const method of ["lord", "saffron"] as const) {
    test(`${method} keeps the false share of promotions at its level and finds gains`, { timeout: 120_000 }, () => {
      const rule: Policy = { ...policy, error_budget: { method, level: 0.1, period_ms: 0 } };
      const random = new SeededRandom(method.length);
      const year = fleetYear(random, rule);
      expect(year.promotions).toBeGreaterThan(40);
      expect(year.false_ / year.promotions).toBeLessThanOrEqual(0.1 + slack(0.1, year.promotions));
    });
  }

  test("alpha spending keeps the chance of any false promotion in a period at its level", () => {
    const rule: Policy = { ...policy, error_budget: { method: "alpha_spending", level: 0.1, period_ms: 91 * 86_400_000 } };
    const year = fleetYear(new SeededRandom(11), rule);
    let periods = 0;
    for (const history of year.histories) {
      for (let quarter = 0; quarter < 4; quarter++) {
        const own = history.filter((past) => Math.floor(past.timeMs / (91 * 86_400_000)) === quarter);
        expect(own.reduce((sum, past) => sum + past.level, 0)).toBeLessThanOrEqual(0.1 + 1e-12);
        periods++;
      }
    }
    expect(periods).toBe(200);
    // the expected number of false promotions in a period bounds the chance of any
    expect(year.false_ / periods).toBeLessThanOrEqual(0.1 + slack(0.1, periods));
  });
});

test("1,000 random verdicts recompute byte for byte from their stored inputs", () => {
  const presets = Object.values(POLICY_PRESETS).map((preset) => ({ ...preset, bootstrap_draws: 200 }));
  const inputs = fc.record({
    rows: fc.integer({ min: 0, max: 40 }),
    gain: fc.double({ min: -0.3, max: 0.3, noNaN: true }),
    seed: fc.nat(),
    preset: fc.nat({ max: presets.length - 1 }),
    grouped: fc.boolean(),
    weighted: fc.boolean(),
    champion: fc.boolean(),
  });
  fc.assert(
    fc.property(inputs, ({ rows, gain, seed, preset, grouped, weighted, champion }) => {
      const models = simulateGate(new SeededRandom(seed), { rows, gain, discordance: 0.4 });
      const random = new SeededRandom(seed + 1);
      const stored = JSON.stringify({
        labels: [...models.labels],
        champion: champion && models.champion !== null ? [...models.champion] : null,
        challenger: [...models.challenger],
        groups: grouped ? Array.from({ length: rows }, (_, i) => `plan-${i >> 1}`) : undefined,
        weights: weighted ? Array.from({ length: rows }, () => 0.5 + random.next()) : undefined,
        slices: { domain: Array.from({ length: rows }, (_, i) => (i % 3 === 0 ? "security" : null)) },
      });
      const verdictOf = (text: string): string => {
        const read = JSON.parse(text) as {
          labels: number[];
          champion: number[] | null;
          challenger: number[];
          groups?: string[];
          weights?: number[];
          slices: Record<string, (string | null)[]>;
        };
        return canonicalJson(
          gate({
            ...read,
            labels: Uint8Array.from(read.labels),
            champion: read.champion === null ? null : Float64Array.from(read.champion),
            challenger: Float64Array.from(read.challenger),
            weights: read.weights === undefined ? undefined : Float64Array.from(read.weights),
            classes,
            policy: presets[preset] ?? policy,
            seed,
          }),
        );
      };
      expect(verdictOf(stored)).toBe(verdictOf(JSON.stringify(JSON.parse(stored))));
    }),
    { numRuns: 1_000, seed: 2026 },
  );
});
