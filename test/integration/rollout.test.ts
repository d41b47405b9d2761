import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { OpenedHouse } from "../../src/cli/house.ts";
import { createClusterApi } from "../../src/cluster/api.ts";
import { createRollout, type RolloutSettings, readiness } from "../../src/cluster/rollout.ts";
import { createWebhook } from "../../src/cluster/webhook.ts";
import { championVersion } from "../../src/loop/champion.ts";
import { type House, specialistOf } from "../../src/loop/house.ts";
import { pauseAll, readPause, resumeAll } from "../../src/loop/pause.ts";
import { promote } from "../../src/loop/promote.ts";
import { retrain, startRun } from "../../src/loop/retrain.ts";
import { rollback } from "../../src/loop/rollback.ts";
import { readRollout, rollOut, settleRollouts, showRollout } from "../../src/loop/rollout.ts";
import { readStatus } from "../../src/loop/status.ts";
import { openClusterDouble } from "./support/cluster-double.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const START_MS = Date.parse("2026-03-01T00:00:00Z");
const DAY_MS = 86_400_000;
const forever = new AbortController().signal;

let folder = "";
let nowMs = START_MS + DAY_MS;
let opened: OpenedHouse;
let pods: Server;
let podsUrl = "";
/** What the pods answer, and what the webhook was told. */
let answer: (path: string) => object = () => ({});
let told: { type: string; data: { version: string; deployment_id: string } }[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "requeen-rollout-"));
  nowMs = START_MS + DAY_MS;
  opened = await openToyHouse(folder, () => nowMs);
  told = [];
  pods = createServer(async (request, response) => {
    if (request.method === "POST") told.push(JSON.parse(await text(request)));
    response.setHeader("content-type", "application/json").end(JSON.stringify(answer(request.url ?? "")));
  });
  await new Promise<void>((resolve) => pods.listen(0, "127.0.0.1", resolve));
  const address = pods.address();
  podsUrl = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
});
afterEach(async () => {
  pods.closeAllConnections();
  await new Promise((resolve) => pods.close(resolve));
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

const SETTINGS: RolloutSettings = {
  strategy: "notify",
  namespace: null,
  deployment: "specialist-{type}",
  timeoutMs: 1_000,
  verifyUrl: null,
  verifyMs: 300,
  takesBack: true,
  lookEveryMs: 20,
};

function houseWith(settings: Partial<RolloutSettings>): House {
  const rollout = createRollout({
    settings: { ...SETTINGS, verifyUrl: `${podsUrl}/{type}/status`, ...settings },
    connect: async () => {
      throw new Error("no cluster here");
    },
    notify: createWebhook({
      url: `${podsUrl}/hook`,
      secret: "s",
      timeoutMs: 1_000,
      attempts: 1,
      linkLocal: false,
      now: () => nowMs,
    }),
    now: () => nowMs,
    clock: () => performance.now(),
  });
  return { ...opened.house, rollout };
}

const champion = async (house: House): Promise<string | null> =>
  (await championVersion(house, specialistOf(house, "toy")))?.version ?? null;

/** A first champion by poor labels, and good labels for a second. */
async function firstChampion(house: House): Promise<void> {
  await addToyLabels(house, { from: 0, count: 110, noise: 0.4, startMs: START_MS });
  const run = await retrain(house, { specialist: "toy", by: "test", reason: "evidence" });
  const version = run.challenger_version ?? "";
  if (!run.promoted) await promote(house, { specialist: "toy", version, by: "test", reason: "weak", force: true });
  nowMs = START_MS + 5 * DAY_MS;
  await addToyLabels(house, { from: 1_000, count: 120, noise: 0.02, startMs: START_MS + 4 * DAY_MS });
}

test("a promotion is told to the webhook and verified; told once, whoever looks again", async () => {
  const house = houseWith({});
  answer = () => ({ model_loaded: true, model_version: "1" });
  await firstChampion(house);
  await settleRollouts(house, forever, "server");
  told = [];
  answer = () => ({ model_loaded: true, model_version: "2" });
  const run = await retrain(house, { specialist: "toy", by: "test", reason: "person" });
  expect(run).toMatchObject({ state: "finished", promoted: true, challenger_version: "2" });
  expect(told).toMatchObject([{ type: "model.promoted", data: { version: "2", predecessor: "1" } }]);
  expect(await settleRollouts(house, forever, "server")).toEqual([]);
  expect(told).toHaveLength(1);
  await rollOut(house, "toy", { signal: forever, by: "test", again: true });
  expect(new Set(told.map(({ data }) => data.deployment_id)).size).toBe(2);
  expect(await showRollout(house, "toy")).toMatchObject({ champion: "2", state: "verified", pods: [{ version: "2" }] });
});

test("pods that say another version take the promotion back: champion, run, tombstone, audit, webhook", async () => {
  const house = houseWith({});
  answer = () => ({ model_loaded: true, model_version: "1" });
  await firstChampion(house);
  await settleRollouts(house, forever, "server");
  told = [];
  const run = await retrain(house, { specialist: "toy", by: "test", reason: "person" });
  expect(run).toMatchObject({ state: "finished", promoted: false, champion_version: "1", challenger_version: "2" });
  expect(await champion(house)).toBe("1");
  expect(told.map(({ type, data }) => `${type} ${data.version}`)).toEqual(["model.promoted 2", "model.rolled_back 1"]);
  const second = await house.registry.getModelVersion("toy-evaluator", "2");
  expect(Object.values(second.tags).some((tag) => tag.includes("its rollout failed"))).toBe(true);
  expect(await readRollout(house, "toy")).toMatchObject({
    state: "rolled_back",
    version: "1",
    error: { code: "rollout_failed" },
  });
  const { items } = await house.store.listAudit({ subject: "toy" }, { limit: 100 });
  expect(items.slice(-6, -1).map(({ action }) => action)).toEqual([
    "model.promote",
    "rollout.failed",
    "model.rollback",
    "rollout.verified",
    "rollout.rolled_back",
  ]);
});

test("a first champion that does not reach its pods stays, and the rollout says so", async () => {
  const house = houseWith({ strategy: "pull" });
  answer = () => ({ model_loaded: false, model_version: "1" });
  await firstChampion(house);
  await settleRollouts(house, forever, "server");
  expect(await champion(house)).toBe("1");
  const shown = await showRollout(house, "toy");
  expect(shown).toMatchObject({ state: "failed", error: { code: "rollout_failed" } });
  expect(shown.pods).toMatchObject([{ model_loaded: false, problem: expect.stringContaining("model_loaded false") }]);
});

test("a deployment is restarted once and waited for; one that does not exist takes no promotion back", async () => {
  const cluster = openClusterDouble();
  const api = createClusterApi({ address: "double", transport: cluster.transport });
  const house: House = {
    ...opened.house,
    rollout: createRollout({
      settings: { ...SETTINGS, strategy: "restart", verifyUrl: null, timeoutMs: 5_000 },
      connect: async () => ({ api, namespace: "serving" }),
      notify: null,
      now: () => nowMs,
      clock: () => performance.now(),
    }),
  };
  await firstChampion(house);
  const run = await retrain(house, { specialist: "toy", by: "test", reason: "person" });
  expect(run).toMatchObject({ state: "finished", promoted: true });
  expect(await champion(house)).toBe("2");
  expect(await showRollout(house, "toy")).toMatchObject({ state: "failed", error: { code: "not_found" } });

  cluster.add("deployments", { metadata: { name: "specialist-toy" }, spec: { replicas: 1, template: {} }, status: {} });
  const rolling = rollOut(house, "toy", { signal: forever, by: "test", again: true });
  while (cluster.objects("deployments")[0]?.metadata.generation === 1) await new Promise((resolve) => setTimeout(resolve, 5));
  cluster.change("deployments", "specialist-toy", (deployment) => {
    deployment.status = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
  });
  expect(await rolling).toMatchObject({ state: "done", version: "2" });
  expect(cluster.calls.filter((call) => call === "PATCH deployments")).toHaveLength(1);
});

test("while paused nothing starts, promotes or rolls out; a rollback does, and everything says who paused and why", async () => {
  const house = houseWith({});
  answer = () => ({ model_loaded: true, model_version: "1" });
  await firstChampion(house);
  await settleRollouts(house, forever, "server");
  const run = await retrain({ ...house, rollout: undefined }, { specialist: "toy", by: "test", reason: "person" });
  expect(run.promoted).toBe(true);
  await pauseAll(house, { by: "ana", reason: "incident 4711" });
  await pauseAll(house, { by: "bo", reason: "me too" });
  const refused = {
    code: "paused",
    message: expect.stringContaining("paused by ana since 2026-03-06T00:00:00.000Z: incident 4711"),
  };
  await expect(startRun(house, { specialist: "toy", by: "test", reason: "person" })).rejects.toMatchObject(refused);
  const again = { specialist: "toy", version: "1", by: "test", reason: "x", force: false };
  await expect(promote(house, again)).rejects.toMatchObject(refused);
  expect((await readStatus(house)).paused).toEqual({ by: "ana", reason: "incident 4711", since: "2026-03-06T00:00:00.000Z" });
  // version 2 is in production without having reached the pods: it waits; its rollback does not
  await rollback(house, { specialist: "toy", by: "ana", reason: "worse" });
  expect(await settleRollouts(house, forever, "server")).toMatchObject([{ version: "1", state: "verified" }]);
  expect(await resumeAll(house, "ana")).toMatchObject({ reason: "incident 4711" });
  expect(await readPause(house)).toBeNull();
});

test("a deployment is ready when its newest pods, and only they, are available", () => {
  const deployment = (status: object, replicas = 2) => ({ metadata: { name: "d" }, spec: { replicas }, status });
  const all = { observedGeneration: 3, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
  expect(readiness(deployment(all), 3)).toMatchObject({ ready: true });
  const late = { type: "Progressing", status: "False" as const, reason: "ProgressDeadlineExceeded", message: "too late" };
  const not: readonly [object, object][] = [
    [
      { ...all, observedGeneration: 2 },
      { ready: false, hopeless: false },
    ],
    [{ ...all, updatedReplicas: 1 }, { ready: false }],
    [{ ...all, replicas: 3 }, { ready: false }],
    [{ ...all, availableReplicas: 1 }, { ready: false }],
    [
      { ...all, updatedReplicas: 1, conditions: [late] },
      { ready: false, hopeless: true, why: "too late" },
    ],
  ];
  for (const [status, expected] of not) expect(readiness(deployment(status), 3)).toMatchObject(expected);
  expect(readiness(null, 3)).toMatchObject({ hopeless: true });
  // scaled to nothing: there is nobody who could be old
  expect(readiness(deployment({ observedGeneration: 3 }, 0), 3)).toMatchObject({ ready: true });
});
