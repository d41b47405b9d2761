import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Tier } from "../../src/core/evidence.ts";
import {
  canonicalJson,
  decideTrigger,
  examineLabels,
  gate,
  gateRows,
  holm,
  type LabelRow,
  midP,
  planEvidence,
  probabilityBetter,
  readPolicy,
  trainingRows,
  verdictSchema,
  worstEffects,
} from "../../src/decide/index.ts";

const tiers: readonly Tier[] = ["blind", "informed", "bulk", "rule", "echo", "synthetic"];
const classes = ["approve", "reject", "review_required"];
const policy = readPolicy({ bootstrap_draws: 200 });

describe("canonicalJson", () => {
  test("equal values in any key order give one text, and it reads back as the value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reversed(value))).toBe(text);
      }),
    );
  });

  test("what JSON cannot carry is an error that names the path", () => {
    expect(() => canonicalJson({ a: [1, Number.NaN] })).toThrow("$.a[1] must be a finite number; got NaN");
    expect(() => canonicalJson({ a: new Float64Array(1) })).toThrow("$.a must be plain JSON data; got Float64Array");
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

describe("paired test", () => {
  const counts = fc.record({
    wins: fc.double({ min: 0, max: 500, noNaN: true }),
    losses: fc.double({ min: 0, max: 500, noNaN: true }),
  });

  test("swapping the models turns p into 1 - p", () => {
    fc.assert(
      fc.property(counts, ({ wins, losses }) => {
        expect(midP({ wins: losses, losses: wins })).toBeCloseTo(1 - midP({ wins, losses }), 9);
        expect(probabilityBetter({ wins: losses, losses: wins })).toBeCloseTo(1 - probabilityBetter({ wins, losses }), 9);
      }),
    );
  });

  test("one more win is never less evidence", () => {
    fc.assert(
      fc.property(counts, ({ wins, losses }) => {
        expect(midP({ wins: wins + 1, losses })).toBeLessThanOrEqual(midP({ wins, losses }) + 1e-12);
        expect(probabilityBetter({ wins: wins + 1, losses })).toBeGreaterThanOrEqual(probabilityBetter({ wins, losses }) - 1e-12);
      }),
    );
  });

  test("Holm's p-values keep the order and never fall below the given ones", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (values) => {
        const adjusted = holm(values);
        for (const [i, value] of values.entries()) {
          expect(adjusted[i]).toBeGreaterThanOrEqual(value);
          for (const [j, other] of values.entries()) if (value < other) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j] ?? 0);
        }
      }),
    );
  });
});

describe("gate", () => {
  const row = fc.record({
    label: fc.nat({ max: 2 }),
    champion: fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
    challenger: fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
    group: fc.nat({ max: 20 }),
  });
  const share = (values: readonly number[]) => values.map((value) => value / values.reduce((a, b) => a + b, 0));

  test("every input of the right shape has a verdict of the schema; a swap mirrors it; a tie never promotes", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60, size: "max" }), fc.boolean(), fc.nat(), (rows, grouped, seed) => {
        const labels = Uint8Array.from(rows, ({ label }) => label);
        const champion = Float64Array.from(rows.flatMap((each) => share(each.champion)));
        const challenger = Float64Array.from(rows.flatMap((each) => share(each.challenger)));
        const groups = grouped ? rows.map(({ group }) => group) : undefined;
        const base = { labels, classes, policy, seed, groups };
        const verdict = gate({ ...base, champion, challenger });
        expect(verdictSchema.parse(JSON.parse(canonicalJson(verdict)))).toEqual(verdict);
        const mirrored = gate({ ...base, champion: challenger, challenger: champion });
        expect(mirrored.test.p_better).toBeCloseTo(1 - verdict.test.p_better, 9);
        expect([verdict.decision, mirrored.decision].filter((decision) => decision === "promote").length).toBeLessThanOrEqual(1);
        expect(gate({ ...base, champion, challenger: champion }).decision).not.toBe("promote");
        expect(verdict.decision === "promote").toBe(verdict.reasons.every((reason) => reason.passed || reason.effect === "info"));
      }),
      { numRuns: 150 },
    );
  });
});

describe("planEvidence", () => {
  const evidenceRow = fc.record({
    timeMs: fc.integer({ min: 0, max: 1_000 }),
    group: fc.nat({ max: 60 }),
    tier: fc.constantFrom(...tiers),
    seenByChampion: fc.boolean(),
    label: fc.nat({ max: 2 }),
    quarantine: fc.constantFrom(null, null, null, "quota"),
    gateUses: fc.nat({ max: 10 }),
  });

  test("no gate row was seen, is older than what was seen, is no person's, or shares its group with a row that its challenger trained on", () => {
    const small = readPolicy({
      evidence: { holdout_from_rows: 60, holdout_share: 0.4, min_gate_rows: 5, min_training_rows: 10 },
    });
    const kinds = new Set<string>();
    fc.assert(
      fc.property(
        fc.array(evidenceRow, { maxLength: 300, size: "max" }),
        fc.constantFrom(policy, small),
        fc.nat(),
        fc.boolean(),
        (drawn, rule, seed, allFresh) => {
          const human = { seenByChampion: false, tier: "blind" as const };
          const rows = allFresh
            ? drawn.map((each) => ({ ...each, ...human, timeMs: each.group * 14 + (each.timeMs % 30) }))
            : drawn;
          const nowMs = 900;
          const plan = planEvidence({ rows, policy: rule, nowMs, seed });
          kinds.add(plan.kind);
          expect(plan.rows.map((each) => each.index)).toEqual(rows.map((_, index) => index));
          const seenMs = Math.max(-1, ...rows.filter((each) => each.seenByChampion).map((each) => each.timeMs));
          const seenGroups = new Set(
            rows.filter((each) => each.seenByChampion && each.timeMs <= nowMs).map((each) => each.group),
          );
          for (const index of gateRows(plan, null)) {
            const own = rows[index];
            expect(own !== undefined && rule.gate_tiers.some((tier) => tier === own.tier)).toBe(true);
            expect(own?.seenByChampion).toBe(false);
            expect(own?.timeMs).toBeGreaterThan(seenMs);
            expect(own?.timeMs).toBeLessThanOrEqual(nowMs);
            expect(own?.quarantine).toBeNull();
            expect(seenGroups.has(own?.group ?? -1)).toBe(false);
            expect(own?.gateUses ?? 0).toBeLessThan(rule.evidence.max_gate_uses);
          }
          let judged = 0;
          for (const { fold, train, gate: size } of plan.folds) {
            const training = trainingRows(plan, fold);
            const judging = gateRows(plan, fold);
            expect(training.length).toBe(train);
            expect(judging.length).toBe(size);
            judged += size;
            const groups = new Set([...training].map((index) => rows[index]?.group));
            for (const index of judging) expect(groups.has(rows[index]?.group)).toBe(false);
            if (plan.kind === "holdout") {
              const newest = Math.max(...[...training].map((index) => rows[index]?.timeMs ?? 0));
              for (const index of judging) expect(rows[index]?.timeMs).toBeGreaterThan(newest);
            }
          }
          expect(judged).toBe(gateRows(plan, null).length);
          expect(planEvidence({ rows, policy: rule, nowMs, seed })).toEqual(plan);
        },
      ),
      { numRuns: 300 },
    );
    expect(kinds).toEqual(new Set(["cross_fit", "holdout"]));
  });
});

describe("examineLabels", () => {
  const labelRow: fc.Arbitrary<LabelRow> = fc.record({
    opinion_id: fc.nat({ max: 80 }).map(String),
    reviewer: fc.constantFrom("ana", "rui", "eva"),
    recommendation: fc.constantFrom(...classes),
    rating: fc.option(fc.integer({ min: 0, max: 10 }).map((tenth) => tenth / 10)),
    submitted_at: fc.integer({ min: 0, max: 1e9 }),
    opinion_decision: fc.option(fc.constantFrom(...classes)),
    opinion_confidence: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    tier: fc.constantFrom(...tiers),
  });

  test("never throws; names rows that exist, in order; demotes nothing without a sentence; is deterministic", () => {
    fc.assert(
      fc.property(fc.array(labelRow, { maxLength: 120, size: "max" }), fc.nat(), (rows, seed) => {
        const findings = examineLabels(rows, { classes, seed });
        for (const finding of findings) {
          expect(finding.rows.every((row) => row >= 0 && row < rows.length)).toBe(true);
          expect([...finding.rows]).toEqual([...new Set(finding.rows)].sort((a, b) => a - b));
          expect(finding.sentence.length).toBeGreaterThan(20);
        }
        expect(worstEffects(findings, rows.length).length).toBe(rows.length);
        expect(examineLabels(rows, { classes, seed })).toEqual(findings);
      }),
      { numRuns: 200 },
    );
  });
});

test("a trigger that is READY always brings enough rows for the policy, whatever the policy's numbers", () => {
  const rule = fc.record({
    threshold: fc.integer({ min: 2, max: 400 }),
    folds: fc.integer({ min: 2, max: 10 }),
    gate: fc.integer({ min: 2, max: 400 }),
    training: fc.integer({ min: 2, max: 400 }),
  });
  fc.assert(
    fc.property(rule, fc.nat({ max: 500 }), ({ threshold, folds, gate: least, training }, newLabels) => {
      let read: ReturnType<typeof readPolicy>;
      try {
        read = readPolicy({ trigger: { threshold }, evidence: { folds, min_gate_rows: least, min_training_rows: training } });
      } catch (error) {
        expect(String(error)).toContain("bad_config");
        return;
      }
      const state = {
        newLabels,
        evidenceKey: null,
        usedEvidenceKeys: new Set<string>(),
        runActive: false,
        lastRunStartedMs: null,
        lastDecision: null,
        failures: 0,
        lastFailureMs: null,
        blockedBy: null,
      };
      const decision = decideTrigger(state, read, 0);
      expect(decision.state).toBe(newLabels >= threshold ? "READY" : "WAIT");
      if (decision.state !== "READY") return;
      const rows = Array.from({ length: newLabels }, (_, i) => ({
        timeMs: i,
        group: i,
        tier: "blind" as const,
        seenByChampion: false,
      }));
      expect(planEvidence({ rows, policy: read, nowMs: 1e6, seed: 1 }).missing).toEqual({ training: 0, gate: 0 });
    }),
    { numRuns: 300 },
  );
});
