import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { execute } from "../../src/cli/execute.ts";
import { type OpenedHouse, openHouse } from "../../src/cli/house.ts";
import { readConfig } from "../../src/config/read-config.ts";
import { POLICY_PRESETS } from "../../src/core/policy.ts";
import { decodeModel } from "../../src/engine/index.ts";
import { championVersion } from "../../src/loop/champion.ts";
import { dataSourceOf } from "../../src/loop/data-source.ts";
import { readSeen } from "../../src/loop/dataset-file.ts";
import { recompute } from "../../src/loop/decide-step.ts";
import { specialistOf } from "../../src/loop/house.ts";
import { addFeedback } from "../../src/loop/intake.ts";
import { judge } from "../../src/loop/judge.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { simulatePlans, simulateReviewers } from "../../src/loop/simulate.ts";
import { readStatus } from "../../src/loop/status.ts";
import { readVerdict } from "../../src/loop/verdicts.ts";
import { readParquet } from "../../src/store/parquet.ts";

/** Synthetic rows beside people's labels, through a whole run: they may train, they never judge, and a champion made of them says so. */
let folder = "";
let opened: OpenedHouse;
let clockMs = Date.UTC(2026, 1, 9);
const HOUR_MS = 3_600_000;

let environment = "development";

async function requeen(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [out, notes]: [string[], string[]] = [[], []];
  const code = await execute({
    line: words,
    commands: COMMANDS,
    version: "0.0.0",
    workingDirectory: folder,
    env: { REQUEEN_DATA_DIR: join(folder, "data"), ENVIRONMENT: environment },
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => notes.push(text) },
    now: () => clockMs,
    signal: new AbortController().signal,
    openHouse: async () => ({ ...opened, close: async () => undefined }),
  });
  return { code, stdout: out.join(""), stderr: notes.join("") };
}

/** The champion judges simulated plans, and simulated reviewers judge its opinions. @returns their judgements. */
async function judgeAndReview(name: string, seed: number, count: number) {
  const { house } = opened;
  const plans = simulatePlans({ seed, count, startMs: clockMs });
  const opinions = await judge(
    house,
    "technical",
    plans.map((plan, index) => ({ plan, opinionId: `${name}-${index}`, evaluatedAtMs: clockMs + index * 60_000 })),
  );
  const judgements = simulateReviewers({
    seed,
    specialist: "technical",
    opinions: opinions.flatMap(({ opinion_id, opinion, cognitive_plan }) =>
      cognitive_plan === null ? [] : [{ opinionId: opinion_id, plan: cognitive_plan, recommendation: opinion.recommendation }],
    ),
    startMs: clockMs + 12 * HOUR_MS,
  });
  clockMs = Math.max(...judgements.map(({ submittedAtMs }) => submittedAtMs)) + HOUR_MS;
  await addFeedback(house, "review_blind", judgements);
  return judgements;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "requeen-generate-"));
  const { config } = await readConfig({
    workingDirectory: folder,
    environment: { REQUEEN_DATA_DIR: join(folder, "data"), REQUEEN_TRAIN_THREADS: "2" },
  });
  opened = await openHouse({ config, now: () => clockMs });
});
afterAll(async () => {
  await opened.close();
  await rm(folder, { recursive: true, force: true });
});

test("`requeen generate` keeps labels of tier synthetic, writes table and card, and says the same a second time", async () => {
  const words = [
    "generate",
    "--specialist-type",
    "technical",
    "--num-samples",
    "120",
    "--validate-schemas",
    "true",
    "--strict-sample-count",
    "--json",
  ];
  const first = await requeen(...words);
  expect(first).toMatchObject({ code: 0 });
  const answer = JSON.parse(first.stdout);
  expect(answer).toMatchObject({ card: { made: 120, tier: "synthetic", shortfall: null }, kept: { added: 120, same: 0 } });
  const table = await readFile(answer.places.parquet);
  clockMs += HOUR_MS;
  const again = JSON.parse((await requeen(...words)).stdout);
  expect(again).toMatchObject({ set: answer.set, kept: { added: 0, same: 120 } });
  expect(await readFile(answer.places.parquet)).toEqual(table);
  expect(await readdir(answer.places.folder)).toHaveLength(3);
  const rehearsal = await requeen(...words.slice(0, -1), "--seed", "7", "--dry-run");
  expect(rehearsal.stdout).toContain("Nothing was written");
  expect(await readdir(answer.places.folder)).toHaveLength(3);
});

test("the table may have the features of plan/1, and --no-store leaves the store alone", async () => {
  const before = await opened.house.store.countOpinions({ specialist: "business" });
  const { code, stdout } = await requeen(
    "generate",
    "--specialist-type",
    "business",
    "--num-samples",
    "40",
    "--feature-schema",
    "plan/1",
    "--no-store",
    "--json",
  );
  expect(code).toBe(0);
  const { places, kept, card } = JSON.parse(stdout);
  expect([kept, card.feature_schema]).toEqual([null, "plan/1"]);
  expect((await readParquet(places.parquet)).fields.filter(({ name }) => !name.startsWith("_"))).toHaveLength(26);
  expect(await opened.house.store.countOpinions({ specialist: "business" })).toBe(before);
});

test("what cannot work has an exit code of its own and names what is allowed", async () => {
  const generate = (...words: string[]) => requeen("generate", "--specialist-type", "technical", ...words);
  expect(await generate("--llm-provider", "nobody")).toMatchObject({ code: 2, stderr: expect.stringContaining("openrouter") });
  expect(await generate("--num-samples", "0")).toMatchObject({ code: 2 });
  expect(await generate("--quotas", "approve=1,approve=0")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("each class once"),
  });
  expect(await generate("--quotas", "approve=")).toMatchObject({ code: 2 });
  expect(await generate("--llm-provider", "local", "--budget-tokens", "0")).toMatchObject({ code: 2 });
  expect(await requeen("generate", "--specialist-type", "nobody")).toMatchObject({ code: 4 });
  expect(await generate("--min-quality-score", "1", "--num-samples", "20", "--strict-sample-count")).toMatchObject({ code: 9 });
});

test("synthetic rows alone make a first champion only where that is allowed; it is marked everywhere, and no label judged or calibrated it", async () => {
  const { house } = opened;
  const train = async (...words: string[]) => {
    const { code, stdout } = await requeen("train", "--specialist-type", "technical", ...words, "--json");
    return { code, run: JSON.parse(stdout).runs[0] };
  };
  for (const [where, words] of [
    ["development", ["--allow-synthetic-fallback", "false"]],
    ["production", []],
  ] as const) {
    environment = where;
    const { code, run } = await train(...words);
    expect(code).not.toBe(0);
    expect(run).toMatchObject({ run_id: null, state: "refused", error: { code: "not_enough_evidence" } });
    expect(run.error.message).toContain("0 labels could judge a challenger");
    expect(run.error.message).toContain("--allow-synthetic-fallback true");
  }
  // nobody but a person begins such a run
  await expect(
    retrain(house, { specialist: "technical", by: "test", reason: "schedule", allowSynthetic: true }),
  ).rejects.toMatchObject({ code: "not_enough_evidence" });
  // a few labels of people, too few to train or to judge: they stay out, so that all of them judge the challenger that follows
  const early = await judgeAndReview("early", 5, 12);
  environment = "production";
  const { code, run } = await train("--allow-synthetic-fallback", "true", "--model-type", "logistic_regression");
  environment = "development";
  expect(code).toBe(0);
  expect(run).toMatchObject({
    state: "finished",
    promoted: true,
    challenger_version: "1",
    verdict: { decision: "inconclusive", rows: 0 },
  });

  const dataset = await house.store.getDataset(run.dataset_id);
  expect(dataset).toMatchObject({ rows: 120, rows_by_tier: { synthetic: 120 }, rows_by_role: { train: 120, gate: 0, out: 0 } });
  expect(dataset?.rows_left_out["kept to judge the next challenger"]).toBe(early.length);
  const verdict = await readVerdict(house, run.run_id);
  expect([verdict.challenger_data_source, verdict.verdict.rows.count, verdict.inputs.budget]).toEqual(["synthetic", 0, null]);
  expect(await recompute(house, verdict.verdict_id)).toMatchObject({ same: true });
  const version = await house.registry.getModelVersion("technical-evaluator", "1");
  expect([version.tags["requeen.data_source"], version.stage]).toEqual(["synthetic", "Production"]);
  expect(version.description).toContain("no label of a person");
  const blob = await house.blobs.get(verdict.inputs.challenger_sha256);
  expect(decodeModel(blob).calibrator.kind).toBe("none");

  const marked = (await readStatus(house)).specialists.find(({ specialist }) => specialist === "technical");
  expect(marked?.champion).toEqual({ version: "1", data_source: "synthetic" });
  expect((await requeen("status")).stdout).toMatch(/v1 synthetic[\s\S]*trained on synthetic rows alone/);
  expect((await requeen("models", "show", "technical")).stdout).toContain("synthetic rows alone");
  expect((await requeen("verdict", "show", run.run_id)).stdout).toContain("trained on synthetic rows alone");
  // there is a champion now: the next one needs people
  clockMs += HOUR_MS;
  expect((await train("--allow-synthetic-fallback", "true")).run.error.code).toBe("not_enough_evidence");
});

test("a policy that asks for approval keeps a first champion of synthetic rows out of production", async () => {
  const { house } = opened;
  expect((await requeen("generate", "--specialist-type", "evolution", "--num-samples", "80")).code).toBe(0);
  const strict = { ...house, policyOf: () => POLICY_PRESETS["always-ask"] };
  const run = await retrain(strict, { specialist: "evolution", by: "test", reason: "person", allowSynthetic: true });
  expect(run).toMatchObject({ state: "finished", promoted: false, challenger_version: "1" });
  expect(await championVersion(house, specialistOf(house, "evolution"))).toBeNull();
});

test("with people's labels synthetic rows train only where that is allowed, never judge, and the mark ends with the verdict of people", async () => {
  const { house } = opened;
  expect(await judgeAndReview("judged", 11, 260)).toHaveLength(260);

  // the default is `auto`: not in production
  const tiersOf = async (where: string, promote: boolean) => {
    environment = where;
    const { stdout } = await requeen("train", "--specialist-type", "technical", "--promote-if-better", String(promote), "--json");
    const [run] = JSON.parse(stdout).runs;
    expect(run).toMatchObject({ state: "finished", options: { allow_synthetic: where !== "production" } });
    const path = await house.blobs.path(run.dataset_id);
    const table = await readParquet(path, { columns: ["_tier", "_role"] });
    const roles = table.texts("_role");
    const rows = table.texts("_tier").map((tier, row) => `${tier} ${roles[row]}`);
    return { run, path, rows: new Set(rows) };
  };
  const without = await tiersOf("production", false);
  expect([...without.rows].filter((row) => row.startsWith("synthetic"))).toEqual([]);
  const allowed = await tiersOf("development", true);
  expect([...allowed.rows].filter((row) => row.startsWith("synthetic"))).toEqual(["synthetic train"]);
  expect([...(await readSeen(allowed.path)).opinionIds].some((id) => id.startsWith("generated-"))).toBe(true);

  const verdict = await house.store.getVerdict(allowed.run.verdict.verdict_id);
  const predictions = await readParquet(await house.blobs.path(verdict?.inputs.predictions_sha256 ?? ""));
  expect(predictions.rows).toBeGreaterThan(50);
  expect(predictions.texts("opinion_id").filter((id) => id?.startsWith("generated-"))).toEqual([]);

  const version = await house.registry.getModelVersion("technical-evaluator", allowed.run.challenger_version);
  expect(dataSourceOf(version.tags)).toBe("feedback");
  expect(version.tags["requeen.data_source"]).toBe("feedback");
  expect(verdict?.decision).toBe("promote");
  const after = (await readStatus(house)).specialists.find(({ specialist }) => specialist === "technical");
  expect(after?.champion).toEqual({ version: version.version, data_source: "feedback" });
  const { reigns } = JSON.parse((await requeen("history", "technical", "--json")).stdout);
  expect(reigns.map((reign: { data_source: string }) => reign.data_source)).toEqual(["feedback", "synthetic"]);
  expect((await requeen("verdict", "show", allowed.run.run_id)).stdout).toContain("trained on synthetic rows alone");
  expect((await requeen("rollback", "technical", "--reason", "test")).code).toBe(0);
  expect((await requeen("status")).stdout).toContain("v1 synthetic");
});
