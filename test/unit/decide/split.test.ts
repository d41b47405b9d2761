import { describe, expect, test } from "vitest";
import { type EvidenceRow, gateRows, POLICY_PRESETS, planEvidence, readPolicy, trainingRows } from "../../../src/decide/index.ts";

const policy = POLICY_PRESETS.evidence;
const nowMs = 1e9;
const fresh = (count: number, over: Partial<EvidenceRow> = {}): EvidenceRow[] =>
  Array.from({ length: count }, (_, i) => ({
    timeMs: 1e6 + i,
    group: `g${i}`,
    tier: "informed" as const,
    seenByChampion: false,
    label: i % 3,
    ...over,
  }));

describe("planEvidence", () => {
  test("few labels are cross-fitted: each gate row has one fold, folds are of equal size and hold every class", () => {
    const plan = planEvidence({ rows: fresh(100), policy, nowMs, seed: 1 });
    expect(plan.kind).toBe("cross_fit");
    expect(plan.missing).toEqual({ training: 0, gate: 0 });
    expect(plan.folds.map((fold) => fold.gate)).toEqual([20, 20, 20, 20, 20]);
    expect(plan.folds.every((fold) => fold.train === 80)).toBe(true);
    for (const { fold } of plan.folds) {
      const labels = new Set([...gateRows(plan, fold)].map((index) => index % 3));
      expect(labels.size).toBe(3);
    }
    expect(trainingRows(plan, null).length).toBe(100);
  });

  test("rows that the champion saw, their groups and everything older only train", () => {
    const seen = fresh(50, { seenByChampion: true });
    const older: EvidenceRow = { timeMs: 10, group: "old", tier: "informed", seenByChampion: false };
    const sibling: EvidenceRow = { timeMs: 2e6, group: "g3", tier: "blind", seenByChampion: false };
    const next = fresh(40, { timeMs: 3e6 }).map((row, i) => ({ ...row, group: `new${i}` }));
    const plan = planEvidence({ rows: [...seen, older, sibling, ...next], policy, nowMs, seed: 1 });
    expect(plan.rows[0]).toMatchObject({ role: "train", reason: "train_seen" });
    expect(plan.rows[50]).toMatchObject({ role: "train", reason: "train_older" });
    expect(plan.rows[51]).toMatchObject({ role: "train", reason: "train_group_seen" });
    expect(plan.rows.slice(52).every((row) => row.role === "gate")).toBe(true);
  });

  test("only human tiers that the policy accepts judge; echoes, quarantined rows and future clocks are out", () => {
    const rows: EvidenceRow[] = [
      ...fresh(40),
      { timeMs: 2e6, group: "a", tier: "bulk", seenByChampion: false },
      { timeMs: 2e6, group: "b", tier: "rule", seenByChampion: false },
      { timeMs: 2e6, group: "c", tier: "echo", seenByChampion: false },
      { timeMs: 2e6, group: "d", tier: "blind", seenByChampion: false, quarantine: "quota" },
      { timeMs: nowMs + 1, group: "e", tier: "blind", seenByChampion: false },
    ];
    const plan = planEvidence({ rows, policy, nowMs, seed: 1 });
    expect(plan.rows.slice(40).map((row) => row.reason)).toEqual([
      "train_tier",
      "train_tier",
      "out_echo",
      "out_quarantined",
      "out_future",
    ]);
    const withBulk = planEvidence({ rows, policy: { ...policy, gate_tiers: ["blind", "informed", "bulk"] }, nowMs, seed: 1 });
    expect(withBulk.rows[40]?.role).toBe("gate");
  });

  test("a machine row of a gate group is kept from the fold that scores its group", () => {
    const rows = [...fresh(60), { timeMs: 2e6, group: "g7", tier: "rule" as const, seenByChampion: false }];
    const plan = planEvidence({ rows, policy, nowMs, seed: 1 });
    const fold = plan.rows[7]?.fold ?? -1;
    expect(plan.rows[60]).toMatchObject({ role: "train", fold });
    expect([...trainingRows(plan, fold)]).not.toContain(60);
    expect([...trainingRows(plan, (fold + 1) % 5)]).toContain(60);
  });

  test("from the policy's size on the newest groups judge, and nothing newer trains", () => {
    const rows = fresh(2_000).map((row, i) => ({ ...row, group: `g${Math.floor(i / 4)}` }));
    rows.push({ timeMs: 1e6 + 1_999, group: "late rule", tier: "rule", seenByChampion: false, label: 0 });
    const plan = planEvidence({ rows, policy, nowMs, seed: 1 });
    expect(plan.kind).toBe("holdout");
    expect(plan.folds).toEqual([{ fold: 0, train: 1_400, gate: 600 }]);
    const start = Math.min(...[...gateRows(plan, 0)].map((index) => rows[index]?.timeMs ?? 0));
    expect([...trainingRows(plan, 0)].every((index) => (rows[index]?.timeMs ?? 0) < start)).toBe(true);
    expect(plan.rows[2_000]).toMatchObject({ role: "out", reason: "out_after_holdout" });
  });

  test("too few rows say how many are missing", () => {
    const plan = planEvidence({ rows: fresh(20), policy, nowMs, seed: 1 });
    expect(plan.missing).toEqual({ training: 44, gate: 10 });
    expect(planEvidence({ rows: [], policy, nowMs, seed: 1 }).missing).toEqual({ training: 60, gate: 30 });
  });

  test("what the threshold brings is enough for every preset: a run that fires is not refused for its size", () => {
    for (const preset of Object.values(POLICY_PRESETS)) {
      const plan = planEvidence({ rows: fresh(preset.trigger.threshold), policy: preset, nowMs, seed: 3 });
      expect(plan.missing).toEqual({ training: 0, gate: 0 });
    }
    expect(() => readPolicy({ trigger: { threshold: 40 } })).toThrow(/min_training_rows 60 is more than the 32 rows/);
  });
});
