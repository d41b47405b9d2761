import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import type { OpenedHouse } from "../../src/cli/house.ts";
import { DRIFT_LIMITS } from "../../src/decide/drift.ts";
import { buildApp } from "../../src/http/app.ts";
import { adminToken } from "../../src/http/auth/admin-token.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import { checkDrift } from "../../src/loop/drift.ts";
import type { House } from "../../src/loop/house.ts";
import { judge } from "../../src/loop/judge.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 5);
const ROOT = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "requeen-metrics-"));
const clock = { nowMs: START_MS };
let opened: OpenedHouse;
const apps: FastifyInstance[] = [];

const appOf = async (house: House, open: boolean): Promise<FastifyInstance> => {
  const metrics = { of: createMetrics(house, "0.1.0"), open };
  const app = await buildApp({ house, authenticate: adminToken("t", "anna"), mlflow: null, logger: false, metrics });
  apps.push(app);
  return app;
};
const scrape = async (app: FastifyInstance, headers = {}) => app.inject({ method: "GET", url: "/metrics", headers });
/** Rows of the specialist, `shift` added to one column. */
const judgeRows = (house: House, from: number, shift: number) =>
  judge(
    house,
    "toy",
    Array.from({ length: 150 }, (_, index) => ({
      columns: { a: Math.sin(from + index), b: Math.cos(3 * (from + index)), noise: ((from + index) % 17) / 17 + shift },
      planId: `drift-${from + index}`,
      opinionId: `drift-${from + index}`,
      evaluatedAtMs: clock.nowMs - index * 60_000,
    })),
  );
const QUESTION = { windowHours: 24, limits: DRIFT_LIMITS };

beforeAll(async () => {
  opened = await openToyHouse(folder, () => clock.nowMs);
  await addToyLabels(opened.house, { from: 0, count: 160, noise: 0.05, startMs: clock.nowMs });
  clock.nowMs += DAY_MS;
  await retrain(opened.house, { specialist: "toy", by: "test", reason: "evidence" });
  clock.nowMs += 10 * DAY_MS;
});
afterAll(async () => {
  for (const app of apps) await app.close();
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

test("drift is unknown without opinions, found where a column moved, and gone where it did not", async () => {
  const { house } = opened;
  expect(await checkDrift(house, "toy", QUESTION)).toMatchObject({ state: "unknown", rows: { current: 0 } });
  await judgeRows(house, 0, 5);
  const moved = await checkDrift(house, "toy", QUESTION);
  expect(moved.state).toBe("drift");
  expect(moved.features.find(({ feature }) => feature === "noise")).toMatchObject({ drifted: true });
  expect(moved.why).toContain("noise (PSI");
  // a week later others are judged, like those that it learnt from
  clock.nowMs += 7 * DAY_MS;
  await addToyLabels(house, { from: 1_000, count: 160, noise: 0.05, startMs: clock.nowMs - DAY_MS / 2 });
  expect(await checkDrift(house, "toy", QUESTION)).toMatchObject({ state: "stable", agreement: { dropped: false } });
});

test("/metrics asks for a token that may read, unless it is open", async () => {
  const closed = await appOf(opened.house, false);
  expect((await scrape(closed)).statusCode).toBe(401);
  expect((await scrape(closed, { authorization: "Bearer t" })).statusCode).toBe(200);
  expect((await scrape(await appOf(opened.house, true))).statusCode).toBe(200);
});

test("the figures are those of the house; what is not known has no series", async () => {
  const { payload } = await scrape(await appOf(opened.house, true));
  expect(payload).toContain("requeen_store_up 1");
  expect(payload).toContain('requeen_champion_version{specialist="toy"} 1');
  expect(payload).toContain('requeen_labels{specialist="toy",tier="blind"} 320');
  expect(payload).toContain('requeen_last_run_state{specialist="toy",state="finished"} 1');
  expect(payload).toContain('requeen_drift_features{specialist="toy"} 0');
  expect(payload).not.toMatch(/^requeen_run_started_timestamp_seconds\{/m);
  expect(payload).not.toMatch(/^requeen_error_budget_left\{/m);
  expect(payload).not.toMatch(/ NaN$/m);
});

test("paths and ids make no series of their own", async () => {
  const app = await appOf(opened.house, true);
  const headers = { authorization: "Bearer t", host: "localhost" };
  for (let id = 0; id < 30; id += 1) {
    await app.inject({ method: "GET", url: `/api/v1/runs/run-${id}`, headers });
    await app.inject({ method: "GET", url: `/nowhere/${id}`, headers });
  }
  const { payload } = await scrape(app);
  expect(payload.match(/^requeen_http_request_duration_seconds_count/gm)?.length).toBe(2);
});

test("a store that is away is told as away, not by a failed scrape", async () => {
  const away = () => Promise.reject(new Error("away"));
  const { house } = opened;
  const { payload, statusCode } = await scrape(await appOf({ ...house, store: { ...house.store, ping: away } }, true));
  expect(statusCode).toBe(200);
  expect(payload).toContain("requeen_store_up 0");
  expect(payload).toContain('requeen_specialist_unread{specialist="toy"} 1');
  expect(payload).not.toMatch(/^requeen_labels_human\{/m);
});

test("while the registry is away, who takes feedback is ready, and who asks for everything hears which part is missing", async () => {
  const { house } = opened;
  const registry = { ...house.registry, searchRegisteredModels: () => Promise.reject(new Error("away")) };
  const app = await appOf({ ...house, registry }, true);
  const feedback = await app.inject({ url: "/ready?for=feedback" });
  expect([feedback.statusCode, feedback.json().registry]).toEqual([200, null]);
  const whole = await app.inject({ url: "/ready" });
  expect([whole.statusCode, whole.json().registry.ok]).toEqual([503, false]);
  const storeless = await appOf({ ...house, store: { ...house.store, ping: () => Promise.reject(new Error("away")) } }, true);
  expect((await storeless.inject({ url: "/ready?for=feedback" })).statusCode).toBe(503);
});

test("alerts and dashboard name only metrics that exist, and every alert has its runbook", async () => {
  const { payload } = await scrape(await appOf(opened.house, true));
  const exist = new Set([...payload.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const rules = readFileSync(join(ROOT, "deploy/prometheus/rules.yaml"), "utf8");
  const dashboard = readFileSync(join(ROOT, "deploy/grafana/requeen.json"), "utf8");
  const named = [...`${rules}${dashboard}`.matchAll(/\b(?:requeen|process|nodejs)_[a-z0-9_]+/g)].map(([name]) =>
    name.replace(/_(bucket|count|sum)$/, ""),
  );
  expect([...new Set(named)].filter((name) => !exist.has(name))).toEqual([]);
  const runbooks = readFileSync(join(ROOT, "docs/guide/runbooks.md"), "utf8");
  const { groups }: { groups: { rules: { alert: string; annotations: { runbook_url: string } }[] }[] } = parse(rules);
  for (const { alert, annotations } of groups.flatMap((group) => group.rules)) {
    expect(runbooks).toContain(`## ${alert}\n`);
    expect(annotations.runbook_url).toBe(`docs/guide/runbooks.md#${alert.toLowerCase()}`);
  }
});
