import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { OpenedHouse } from "../../src/cli/house.ts";
import type { Run } from "../../src/core/run.ts";
import { stepResult } from "../../src/core/run.ts";
import { approve, decline, listWaiting, readApproval } from "../../src/loop/approve.ts";
import { viewBudgets } from "../../src/loop/budget.ts";
import { championVersion } from "../../src/loop/champion.ts";
import { readRoles } from "../../src/loop/dataset-file.ts";
import { recompute } from "../../src/loop/decide-step.ts";
import type { House } from "../../src/loop/house.ts";
import { addFeedback } from "../../src/loop/intake.ts";
import { judge } from "../../src/loop/judge.ts";
import { viewPlan } from "../../src/loop/plan.ts";
import { readPredictions } from "../../src/loop/predictions-file.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { readParquet } from "../../src/store/index.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.now() - 60 * DAY_MS;
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

interface Toy {
  readonly opened: OpenedHouse;
  readonly house: House;
  readonly clock: { nowMs: number };
}

async function openToy(policy = "", threads = 2): Promise<Toy> {
  const folder = mkdtempSync(join(tmpdir(), "requeen-policy-"));
  folders.push(folder);
  const clock = { nowMs: START_MS };
  const opened = await openToyHouse(folder, () => clock.nowMs, policy, threads);
  return { opened, house: opened.house, clock };
}

const RUN = { specialist: "toy", by: "test", reason: "evidence" } as const;

async function inProduction(house: House): Promise<string | null> {
  const specialist = house.specialists.find(({ name }) => name === "toy");
  if (specialist === undefined) throw new Error("no toy specialist");
  return (await championVersion(house, specialist))?.version ?? null;
}

async function firstGoodRun({ house, clock }: Toy): Promise<Run> {
  await addToyLabels(house, { from: 0, count: 120, noise: 0.05, startMs: clock.nowMs });
  clock.nowMs += DAY_MS;
  return retrain(house, RUN);
}

test("repeated cross-fitting deals the groups anew each time, keeps them whole, and every gate row is scored once a repeat", async () => {
  const toy = await openToy("{ preset: evidence, name: repeated, evidence: { repeats: 3 } }");
  const { house, opened } = toy;
  const run = await firstGoodRun(toy);
  expect(run.state).toBe("finished");
  const path = await house.blobs.path(run.dataset_id ?? "");
  const groups = (await readParquet(path, { columns: ["_group"] })).texts("_group");
  const divisions = await readRoles(path, "cross_fit", 3, run.options.seed);
  const shapes = divisions.map((division) => {
    const scored = division.folds.flatMap((fold) => [...division.gateRows(fold)]);
    expect(scored.toSorted((a, b) => a - b)).toEqual([...division.gateRows(null)]);
    for (const fold of division.folds) {
      const judged = new Set(Array.from(division.gateRows(fold), (row) => groups[row]));
      expect([...division.trainRows(fold)].some((row) => judged.has(groups[row]))).toBe(false);
    }
    return division.folds.map((fold) => division.gateRows(fold).join(" ")).join("|");
  });
  expect(new Set(shapes).size).toBe(3);
  const record = await house.store.getDataset(run.dataset_id ?? "");
  const kept = await readPredictions(house.blobs, String(stepResult(run, "train")?.predictions_sha256), record?.classes ?? []);
  expect(kept.challenger.every((share) => share >= 0 && share <= 1)).toBe(true);
  await opened.close();
});

describe("a policy that asks for approval", () => {
  test("promotes nothing until a person approves, once; the approver stands on the version", async () => {
    const toy = await openToy("always-ask");
    const { house, opened } = toy;
    const run = await firstGoodRun(toy);
    expect(run).toMatchObject({ state: "finished", promoted: false });
    expect(await inProduction(house)).toBeNull();
    expect(await listWaiting(house)).toMatchObject([{ run_id: run.run_id, state: "waiting" }]);

    const { deployment, approval } = await approve(house, { id: run.run_id, by: "anna", reason: "looked at ten" });
    expect(approval.state).toBe("approved");
    expect(deployment).toMatchObject({ state: "done", version: "1", by: "anna" });
    expect(await inProduction(house)).toBe("1");
    expect((await house.registry.getModelVersion("toy-evaluator", "1")).tags["requeen.approver"]).toBe("anna");
    await expect(decline(house, { id: run.run_id, by: "ben", reason: "no" })).rejects.toMatchObject({ code: "conflict" });
    await opened.close();
  });

  test("a declined or expired verdict cannot be approved any more", async () => {
    const toy = await openToy("always-ask");
    const { house, clock, opened } = toy;
    const run = await firstGoodRun(toy);
    await decline(house, { id: run.run_id, by: "ben", reason: "labels of one team only" });
    await expect(approve(house, { id: run.run_id, by: "anna", reason: "yes" })).rejects.toMatchObject({ code: "conflict" });
    await addToyLabels(house, { from: 1_000, count: 120, noise: 0.05, startMs: clock.nowMs });
    clock.nowMs += 2 * DAY_MS;
    const second = await retrain(house, RUN);
    expect((await readApproval(house, second.run_id)).state).toBe("waiting");
    clock.nowMs += 8 * DAY_MS;
    expect((await readApproval(house, second.run_id)).state).toBe("expired");
    await expect(approve(house, { id: second.run_id, by: "anna", reason: "late" })).rejects.toThrow("ran out");
    expect(await inProduction(house)).toBeNull();
    await opened.close();
  });
});

test("an error budget grants each verdict a level, and `requeen budget` shows what is left", async () => {
  const toy = await openToy("{ preset: evidence, name: budgeted, error_budget: { method: alpha_spending, level: 0.1 } }");
  const run = await firstGoodRun(toy);
  const record = await toy.house.store.getVerdict(run.verdict_id ?? "");
  expect(record?.inputs.budget?.method).toBe("alpha_spending");
  expect(record?.inputs.budget?.level).toBeGreaterThan(0);
  expect(record?.inputs.budget?.level).toBeLessThan(0.1);
  const [budget] = await viewBudgets(toy.house);
  expect(budget).toMatchObject({ method: "alpha_spending", verdicts: 1 });
  expect(budget?.spent).toBeCloseTo(record?.inputs.budget?.level ?? 0, 12);
  expect((budget?.spent ?? 0) + (budget?.left ?? 0)).toBeCloseTo(0.1, 12);
  expect(await recompute(toy.house, run.run_id)).toMatchObject({ same: true });
  await toy.opened.close();
});

test("machine labels train at a weight chosen on people's labels, and never judge", async () => {
  const toy = await openToy();
  const { house, clock } = toy;
  await addToyLabels(house, { from: 0, count: 120, noise: 0.05, startMs: clock.nowMs });
  // a program that is always wrong
  const rows = Array.from({ length: 150 }, (_, index) => ({
    a: ((index * 37) % 100) / 50 - 1,
    b: ((index * 61) % 100) / 50 - 1,
    noise: 0.5,
  }));
  await judge(
    house,
    "toy",
    rows.map((columns, index) => ({ columns, planId: `rule-${index}`, opinionId: `rule-${index}`, evaluatedAtMs: clock.nowMs })),
  );
  await addFeedback(
    house,
    "program",
    rows.map(({ a, b }, index) => ({
      opinionId: `rule-${index}`,
      recommendation: a + b > 0 ? "no" : "yes",
      rating: null,
      reviewer: "rule-engine",
      submittedAtMs: clock.nowMs + index,
    })),
  );
  clock.nowMs += DAY_MS;
  const run = await retrain(house, RUN);
  expect(run).toMatchObject({ state: "finished", promoted: true });
  const dataset = await house.store.getDataset(run.dataset_id ?? "");
  expect(dataset?.rows_by_tier).toEqual({ blind: 120, rule: 150 });
  expect(dataset?.rows_by_role).toMatchObject({ gate: 120, train: 150 });
  const table = await readParquet(await house.blobs.get(run.dataset_id ?? ""));
  const roles = table.texts("_role");
  expect(table.texts("_tier").filter((tier, row) => tier === "rule" && roles[row] === "gate")).toEqual([]);
  const report = stepResult(run, "train")?.report as { machine_labels: { weights: Record<string, number> } };
  expect(report.machine_labels.weights).toEqual({ rule: 0 });
  await toy.opened.close();
});

test("labels of programs alone are refused by name, whatever their number", async () => {
  const toy = await openToy();
  const { house, clock } = toy;
  const ids = Array.from({ length: 300 }, (_, index) => `rule-${index}`);
  await judge(
    house,
    "toy",
    ids.map((id, index) => ({
      columns: { a: index / 300, b: 0, noise: 0 },
      planId: id,
      opinionId: id,
      evaluatedAtMs: clock.nowMs,
    })),
  );
  await addFeedback(
    house,
    "program",
    ids.map((opinionId, index) => ({
      opinionId,
      recommendation: index % 2 === 0 ? "yes" : "no",
      rating: null,
      reviewer: "rule-engine",
      submittedAtMs: clock.nowMs,
    })),
  );
  clock.nowMs += DAY_MS;
  await expect(retrain(house, { ...RUN, reason: "person" })).rejects.toMatchObject({ code: "not_enough_evidence" });
  await toy.opened.close();
});

test("reviewers who disagree become one row; the evenly split are left out and counted", async () => {
  const toy = await openToy();
  const { house, clock } = toy;
  await addToyLabels(house, { from: 0, count: 130, noise: 0.02, startMs: clock.nowMs });
  const { items } = await house.store.listFeedback({ specialist: "toy" }, { limit: 200 });
  const other = (label: string) => (label === "yes" ? "no" : "yes");
  const second = items.slice(0, 20).map((feedback, index) => ({
    opinionId: feedback.opinion_id,
    feedbackId: `second-${index}`,
    recommendation: index < 10 ? other(feedback.human_recommendation) : feedback.human_recommendation,
    rating: null,
    reviewer: "second-reader",
    submittedAtMs: clock.nowMs + 3_600_000 * 4 + index * 60_000,
  }));
  await addFeedback(house, "review_informed", second);
  clock.nowMs += DAY_MS;
  const run = await retrain(house, RUN);
  const dataset = await house.store.getDataset(run.dataset_id ?? "");
  expect(dataset?.rows_left_out["reviewers are evenly split"]).toBe(10);
  expect(dataset?.rows).toBe(120);
  expect(dataset?.reviewer_agreement).toMatchObject({ opinions: 20, method: "votes" });
  expect(dataset?.reviewer_agreement?.alpha).toBeLessThan(0.5);
  expect(dataset?.quality).toMatchObject({ schema: "quality/1", passed: true });
  await toy.opened.close();
});

test("the planner says what the labels at hand could show, and the predictions file holds what the gate saw", async () => {
  const toy = await openToy();
  await addToyLabels(toy.house, { from: 0, count: 120, noise: 0.05, startMs: toy.clock.nowMs });
  toy.clock.nowMs += DAY_MS;
  const { plans } = await viewPlan(toy.house, "toy");
  expect(plans[0]?.plan.gate_rows).toBe(120);
  expect(plans[0]?.seconds_per_review).toBeGreaterThan(0);
  const chances = plans[0]?.plan.gains.map(({ chance }) => chance) ?? [];
  expect([...chances].sort((a, b) => a - b)).toEqual(chances);
  const run = await retrain(toy.house, RUN);
  const record = await toy.house.store.getVerdict(run.verdict_id ?? "");
  const predictions = await readPredictions(toy.house.blobs, record?.inputs.predictions_sha256 ?? "", ["yes", "no"]);
  expect(predictions.ids).toHaveLength(120);
  expect(predictions.champion).toBeNull();
  for (let row = 0; row < 120; row += 1)
    expect((predictions.challenger[2 * row] ?? 0) + (predictions.challenger[2 * row + 1] ?? 0)).toBeCloseTo(1, 9);
  await toy.opened.close();
});

test("model, predictions and dataset are the same bytes with one thread and with three", async () => {
  const outcomes = await Promise.all(
    [1, 3].map(async (threads) => {
      const toy = await openToy("", threads);
      const run = await firstGoodRun(toy);
      const record = await toy.house.store.getVerdict(run.verdict_id ?? "");
      await toy.opened.close();
      return [record?.inputs.challenger_sha256, record?.inputs.predictions_sha256, record?.inputs.dataset_id];
    }),
  );
  expect(outcomes[0]).toEqual(outcomes[1]);
  expect(outcomes[0]).not.toContain(undefined);
});
