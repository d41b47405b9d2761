import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OpenedHouse } from "../../src/cli/house.ts";
import { RUN_STEPS } from "../../src/core/run.ts";
import { championVersion } from "../../src/loop/champion.ts";
import type { House } from "../../src/loop/house.ts";
import { promote, settleDeployments } from "../../src/loop/promote.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { watchOnce } from "../../src/loop/watch.ts";
import { verifyAuditChain } from "../../src/store/index.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const DAY_MS = 86_400_000;
const CHILD = new URL("./support/run-and-die.ts", import.meta.url).pathname;
const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "requeen-kill-"));
  folders.push(folder);
  return folder;
};

/** A data folder with a champion that learnt from poor labels, and 120 good labels that nobody has looked at yet. */
const template = newFolder();
/** The same after a run that was killed when its verdict was written and nothing of it was in the registry. */
const judged = newFolder();
interface Outcome {
  readonly decision: string;
  readonly dataset_id: string;
  readonly predictions_sha256: string;
  readonly challenger_sha256: string;
}
/** What the run comes to when nobody kills it; times of single opinions are measured anew by each training, and not part of it. */
let undisturbed: Outcome | null = null;

async function outcomeOf(house: House, verdictId: string | null): Promise<Outcome> {
  const record = await house.store.getVerdict(verdictId ?? "");
  if (record === null) throw new Error(`no verdict ${verdictId}`);
  const { dataset_id, predictions_sha256, challenger_sha256 } = record.inputs;
  return { decision: record.decision, dataset_id, predictions_sha256, challenger_sha256 };
}

beforeAll(async () => {
  const startMs = Date.now() - 10 * DAY_MS;
  let nowMs = startMs + DAY_MS;
  const opened = await openToyHouse(template, () => nowMs);
  await addToyLabels(opened.house, { from: 0, count: 110, noise: 0.4, startMs });
  const run = await retrain(opened.house, { specialist: "toy", by: "test", reason: "evidence" });
  if (!run.promoted)
    await promote(opened.house, {
      specialist: "toy",
      version: run.challenger_version ?? "",
      by: "test",
      reason: "a weak first champion",
      force: true,
    });
  nowMs = startMs + 5 * DAY_MS;
  await addToyLabels(opened.house, { from: 1_000, count: 120, noise: 0.02, startMs: startMs + 4 * DAY_MS });
  await opened.close();

  const calm = copyOf(template);
  const opened2 = await openToyHouse(calm);
  const second = await retrain(opened2.house, { specialist: "toy", by: "test", reason: "evidence" });
  expect(second).toMatchObject({ state: "finished", promoted: true });
  undisturbed = await outcomeOf(opened2.house, second.verdict_id);
  await opened2.close();

  cpSync(template, judged, { recursive: true });
  await killChild(judged, "step", "decide", "done");
});

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function copyOf(source: string): string {
  const folder = newFolder();
  cpSync(source, folder, { recursive: true });
  return folder;
}

function killChild(folder: string, ...point: string[]): Promise<void> {
  const words = ["--disable-warning=ExperimentalWarning", CHILD, folder, ...point];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, words, (error, stdout, stderr) => {
      if (error?.signal === "SIGKILL") resolve();
      else reject(new Error(`the child was not killed at ${point.join(" ")}: ${stdout}${stderr}`));
    });
  });
}

async function productionVersions(house: House): Promise<{ alias: string | null; stages: string[] }> {
  const specialist = house.specialists.find(({ name }) => name === "toy");
  if (specialist === undefined) throw new Error("no toy specialist");
  const versions = await house.registry.listModelVersions("toy-evaluator");
  return {
    alias: (await championVersion(house, specialist))?.version ?? null,
    stages: versions.filter(({ stage }) => stage === "Production").map(({ version }) => version),
  };
}

/** What must hold after a crash, before anything is repaired, and after the repair. */
async function checkRepair(folder: string, repair: (house: House) => Promise<unknown>): Promise<void> {
  const opened: OpenedHouse = await openToyHouse(folder, Date.now, "", 1);
  const { house } = opened;
  try {
    const crashed = await productionVersions(house);
    expect(["1", "2"]).toContain(crashed.alias);
    expect(crashed.stages).toHaveLength(1);

    await repair(house);

    expect(await productionVersions(house)).toEqual({ alias: "2", stages: ["2"] });
    expect(await house.registry.listModelVersions("toy-evaluator")).toHaveLength(2);
    const { items: runs } = await house.store.listRuns({ specialist: "toy" }, { limit: 10 });
    expect(runs).toHaveLength(2);
    expect(runs[0]).toMatchObject({
      state: "finished",
      promoted: true,
      error: null,
      challenger_version: "2",
    });
    expect(await outcomeOf(house, runs[0]?.verdict_id ?? null)).toEqual(undisturbed);
    const { items: deployments } = await house.store.listDeployments({ specialist: "toy" }, { limit: 10 });
    expect(deployments.map(({ state, version, predecessor }) => [state, version, predecessor])).toEqual([
      ["done", "2", "1"],
      ["done", "1", null],
    ]);
    const experiment = await house.registry.findExperiment("toy-specialist");
    const { items: tracked } = await house.registry.searchRuns({ experimentIds: [experiment?.experimentId ?? ""] });
    expect(tracked).toHaveLength(2);
    expect(tracked.map(({ status }) => status)).toEqual(["FINISHED", "FINISHED"]);
    const { items: audit } = await house.store.listAudit({}, { limit: 1000 });
    expect(await verifyAuditChain(audit)).toMatchObject({ intact: true });
  } finally {
    await opened.close();
  }
}

// side by side: each is a process of its own and waits for it
describe.concurrent("a run killed at a step boundary is finished by the next look around, with the verdict it would have had", () => {
  const points = RUN_STEPS.flatMap((step) => (["started", "done"] as const).map((phase) => [step, phase] as const));
  test.each(points)("%s %s", async (step, phase) => {
    const folder = copyOf(template);
    await killChild(folder, "step", step, phase);
    await checkRepair(folder, (house) => watchOnce(house));
  });
});

describe.concurrent("a run killed between two changes of the registry leaves one champion and is finished", () => {
  // every call that the register and promote steps make, but for the uploads, which are many and alike; the child says how many there are
  const calls = Array.from({ length: 17 }, (_, index) => index + 1);
  test.each(calls)("after change %i", async (call) => {
    const folder = copyOf(judged);
    await killChild(folder, "registry", String(call));
    await checkRepair(folder, (house) => watchOnce(house));
  });
});

test("a promotion that a person asked for and that died before the alias moved is abandoned; after it, completed", async () => {
  const opened = await openToyHouse(copyOf(template));
  const { house } = opened;
  try {
    const prepared = {
      deployment_id: "deployment-x",
      specialist: "toy",
      action: "promote",
      version: "9",
      predecessor: "1",
      run_id: null,
      verdict_id: null,
      dataset_id: null,
      by: "test",
      reason: "crash",
      tombstone: null,
      state: "prepared",
      prepared_at: Date.now(),
      done_at: null,
    } as const;
    await house.store.addDeployment(prepared);
    await house.store.addDeployment({ ...prepared, deployment_id: "deployment-y", version: "1", predecessor: null });
    const settled = await settleDeployments(house);
    expect(settled.map(({ deployment_id, state }) => [deployment_id, state]).sort()).toEqual([
      ["deployment-x", "abandoned"],
      ["deployment-y", "done"],
    ]);
    expect(await productionVersions(house)).toEqual({ alias: "1", stages: ["1"] });
  } finally {
    await opened.close();
  }
});
