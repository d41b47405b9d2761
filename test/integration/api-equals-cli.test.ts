import { afterAll, beforeAll, expect, test } from "vitest";
import { retrain } from "../../src/loop/retrain.ts";
import { readRunCharts } from "../../src/loop/run-charts.ts";
import { type OpenApi, openApi } from "./support/open-api.ts";
import { addToyLabels } from "./support/open-house.ts";

/** One store with a champion, its history and a quarantine; each answer of the API is held to what the command line prints of it. */
let clockMs = Date.UTC(2026, 1, 1);
let api: OpenApi;
let runId = "";

beforeAll(async () => {
  api = await openApi(() => clockMs);
  const { house } = api.opened;
  await addToyLabels(house, { from: 0, count: 300, noise: 0.05, startMs: clockMs - 30 * 86_400_000 });
  const run = await retrain(house, { specialist: "toy", by: "anna", reason: "person" });
  runId = run.run_id;
  expect([run.state, run.promoted]).toEqual(["finished", true]);
  clockMs += 3_600_000;
  await api.send("POST", "/specialists/toy/judge", { columns: { a: 0.4, b: 0.1, noise: 0 }, plan_id: "plan-1" });
}, 120_000);
afterAll(async () => await api[Symbol.asyncDispose]());

const first = (list: unknown, key: string): Record<string, unknown> =>
  (list as Record<string, Record<string, unknown>[]>)[key]?.[0] ?? {};

test.each([
  [["status"], "/status"],
  [["opinions", "list", "--limit", "7"], "/opinions?limit=7"],
  [["opinions", "list", "--pending"], "/opinions?pending=true&limit=20"],
  [["feedback", "list", "--limit", "5"], "/feedback?limit=5"],
  [
    ["feedback", "list", "--specialist", "toy", "--tier", "blind", "--reviewer", "person-1", "--limit", "1000"],
    "/feedback?specialist=toy&tier=blind&reviewer=person-1&limit=1000",
  ],
  [["feedback", "quarantine"], "/quarantine"],
  [["runs", "list"], "/runs"],
  [["datasets", "list"], "/datasets"],
  [["models", "list"], "/models"],
  [["models", "show", "toy"], "/models/toy/champion"],
  [["models", "show", "toy", "1"], "/models/toy/1"],
  [["history"], "/history"],
  [["history", "toy", "--plan", "plan-1"], "/history?specialist=toy&plan=plan-1"],
  [["plan"], "/plan"],
  [["plan", "toy"], "/plan?specialist=toy"],
  [["budget"], "/budget"],
  [["audit", "list", "--limit", "3"], "/audit?limit=3"],
  [["audit", "list", "--subject", "toy"], "/audit?subject=toy"],
  [["audit", "verify"], "/audit/verify"],
] as const)("requeen %j and GET %s say the same", async (words, path) => {
  const answer = await api.get(path);
  expect(answer.json()).toEqual(await api.cli(...words));
  expect(answer.statusCode).toBe(200);
});

test("what is named by an id is the same, and found by its first digits too", async () => {
  const verdictId = String(
    first(await api.cli("status"), "specialists").last_verdict === null
      ? ""
      : (first(await api.cli("status"), "specialists").last_verdict as { verdict_id: string }).verdict_id,
  );
  expect((await api.get(`/runs/${runId}`)).json()).toEqual(await api.cli("runs", "show", runId));
  expect((await api.get(`/runs/${runId.slice(0, 12)}`)).json().run_id).toBe(runId);
  for (const name of [verdictId, verdictId.slice(0, 9), runId])
    expect((await api.get(`/verdicts/${name}`)).json()).toEqual(await api.cli("verdict", "show", name));
  expect((await api.send("POST", `/verdicts/${verdictId}/recompute`, {})).json()).toEqual(
    await api.cli("verdict", "recompute", verdictId),
  );
  expect((await api.send("POST", `/verdicts/${verdictId}/recompute`, { policy: "strict" })).json()).toEqual(
    await api.cli("verdict", "recompute", verdictId, "--policy", "strict"),
  );
  const datasetId = String(first(await api.cli("datasets", "list"), "datasets").dataset_id);
  // where the file lies on this machine is for those who sit at it
  const { file: _path, ...dataset } = (await api.cli("datasets", "show", datasetId)) as Record<string, unknown>;
  expect((await api.get(`/datasets/${datasetId}`)).json()).toEqual(dataset);
  const { triggers } = (await api.cli("trigger", "check", "toy", "--dry-run")) as { triggers: unknown };
  expect((await api.get("/triggers?specialist=toy")).json()).toEqual({ triggers });
});

test("the charts of a run say what its verdict says", async () => {
  const charts = (await api.get(`/runs/${runId}/charts`)).json();
  expect(charts).toEqual(JSON.parse(JSON.stringify(await readRunCharts(api.opened.house, runId))));
  const { verdict } = (await api.get(`/verdicts/${runId}`)).json();
  const sum = (matrix: number[][]) => matrix.flat().reduce((total, count) => total + count, 0);
  expect(sum(charts.challenger.confusion)).toBe(verdict.rows.count);
  const right = charts.challenger.confusion.reduce((total: number, row: number[], k: number) => total + (row[k] ?? 0), 0);
  expect(right / charts.rows).toBeCloseTo(verdict.models.challenger.accuracy, 9);
  expect(charts.champion).toBeNull();
  expect(charts.importance.map(({ feature }: { feature: string }) => feature).sort()).toEqual(["a", "b", "noise"]);
  expect(charts.importance.at(-1).feature).toBe("noise");
  for (const { roc } of charts.challenger.classes)
    expect([roc[0], roc.at(-1)]).toMatchObject([
      { false_positive_rate: 0, true_positive_rate: 0 },
      { false_positive_rate: 1, true_positive_rate: 1 },
    ]);
});

test("the log of a run names its steps in order", async () => {
  const { lines } = (await api.get(`/runs/${runId}/log`)).json();
  const done = lines.filter(({ event }: { event: string }) => event === "step.done");
  expect(done.map(({ step }: { step: string }) => step)).toEqual([
    "collect",
    "check",
    "train",
    "decide",
    "register",
    "promote",
    "rollout",
  ]);
  expect(lines[0].event).toBe("run.started");
  expect(lines.map(({ event }: { event: string }) => event)).toContain("model.promote");
});
