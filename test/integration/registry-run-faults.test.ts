import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OpenedHouse } from "../../src/cli/house.ts";
import { championVersion } from "../../src/loop/champion.ts";
import { type House, specialistOf } from "../../src/loop/house.ts";
import { promote } from "../../src/loop/promote.ts";
import { resumeRun, retrain } from "../../src/loop/retrain.ts";
import { type MlflowServer, serveMlflow } from "../../src/mlflow/serve.ts";
import { createRegistryClient } from "../../src/registry/client.ts";
import { addressOf, createHttpTransport } from "../../src/registry/http-transport.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

/** What a run does when the registry fails under it: it ends in a named state, the champion stays, and it goes on once the server is well. */
const DAY_MS = 86_400_000;
type Fault = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
let folder = "";
let opened: OpenedHouse;
let house: House;
let server: MlflowServer;
let nowMs = Date.UTC(2026, 0, 20);
/** Answers a request itself and returns true, or lets it pass. */
let fault: Fault = () => false;

const proxy = createServer(async (request, response) => {
  if (await fault(request, response)) return;
  const onward = forward(
    new URL(request.url ?? "/", server.url),
    { method: request.method, headers: { ...request.headers, host: new URL(server.url).host } },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  onward.on("error", () => response.destroy());
  request.pipe(onward);
});
const answer =
  (status: number, code: string): Fault =>
  (request, response) => {
    request.resume();
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ error_code: code, message: "as the test wants" }));
    return true;
  };
const cut: Fault = (request) => {
  request.socket.destroy();
  return true;
};
const cutAtFirstBytes: Fault = (request) => {
  request.once("data", () => request.socket.destroy());
  return true;
};
const on =
  (matches: RegExp, inner: Fault): Fault =>
  (request, response) =>
    matches.test(`${request.method} ${request.url}`) && inner(request, response);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "requeen-run-faults-"));
  opened = await openToyHouse(folder, () => nowMs);
  server = await serveMlflow({ dataDir: folder, host: "127.0.0.1", port: 0, now: Date.now });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const registry = createRegistryClient({
    transport: createHttpTransport({ baseUrl }),
    address: addressOf(baseUrl),
    now: () => nowMs,
    random: () => 0,
    callTimeoutMs: 2_000,
    pause: async () => undefined,
  });
  house = { ...opened.house, registry };
  await addToyLabels(house, { from: 0, count: 110, noise: 0.4, startMs: nowMs - 10 * DAY_MS });
  const request = { specialist: "toy", by: "test", reason: "person", promoteIfBetter: false } as const;
  await retrain(house, request);
  await retrain(house, request);
  await promote(house, { specialist: "toy", version: "1", by: "test", reason: "a weak first champion", force: true });
  nowMs += 5 * DAY_MS;
  await addToyLabels(house, { from: 1_000, count: 120, noise: 0.02, startMs: nowMs - DAY_MS });
});
afterAll(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await server.close();
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

const champion = async (): Promise<string | undefined> =>
  (await championVersion(opened.house, specialistOf(opened.house, "toy")))?.version;

test("somebody else moves the champion after the verdict: the run is refused as a conflict, and what they chose stays", async () => {
  const run = await retrain(
    house,
    { specialist: "toy", by: "test", reason: "person" },
    {
      onEvent: ({ step, phase }) => {
        if (step !== "promote" || phase !== "started") return;
        fault = async () => {
          fault = () => false;
          await opened.house.registry.setAlias("toy-evaluator", "champion", "2");
          return false;
        };
      },
    },
  );
  expect(run).toMatchObject({ state: "refused", promoted: false, challenger_version: "3", error: { code: "conflict" } });
  expect(await champion()).toBe("2");
});

test("away, refusing, full, silent, cut in mid-upload: one run stands through all of them and promotes in the end, once", async () => {
  const faults: readonly (readonly [title: string, code: string, fault: Fault])[] = [
    ["away", "registry_unavailable", cut],
    ["wrong credentials", "unauthenticated", answer(401, "UNAUTHENTICATED")],
    ["no right to write", "forbidden", on(/^POST .*(create|log|set)/, answer(403, "PERMISSION_DENIED"))],
    ["overloaded", "registry_unavailable", on(/log-batch/, answer(503, "TEMPORARILY_UNAVAILABLE"))],
    ["out of quota", "disk_full", on(/^PUT /, answer(507, "RESOURCE_LIMIT_EXCEEDED"))],
    ["silent", "registry_unavailable", on(/log-batch/, () => true)],
    ["cut in mid-upload", "registry_unavailable", on(/^PUT /, cutAtFirstBytes)],
    ["cut before the version is answered", "registry_unavailable", on(/model-versions\/create/, cut)],
  ];
  let runId: string | null = null;
  for (const [title, code, each] of faults) {
    const before = await champion();
    let runs = 0;
    const options = {
      onEvent: ({ run, step, phase }: { run: { run_id: string }; step: string; phase: string }) => {
        runId = run.run_id;
        runs += 1;
        if (step === "register" && phase === "started") fault = each;
      },
    };
    const driven: Promise<unknown> =
      runId === null
        ? retrain(house, { specialist: "toy", by: "test", reason: "person" }, options)
        : resumeRun(house, runId, options);
    await expect(driven.then(() => title)).rejects.toMatchObject({ code });
    fault = () => false;
    const stands = await house.store.getRun(runId ?? "");
    expect([title, runs > 0, stands]).toMatchObject([title, true, { state: "running", promoted: false, error: { code } }]);
    expect([title, await champion()]).toEqual([title, before]);
    nowMs += 3_600_000;
  }
  const ended = await resumeRun(house, runId ?? "");
  expect(ended).toMatchObject({ state: "finished", promoted: true, challenger_version: "4", error: null });
  expect(await champion()).toBe("4");
  expect((await house.registry.listModelVersions("toy-evaluator")).map(({ version }) => version).sort()).toEqual([
    "1",
    "2",
    "3",
    "4",
  ]);
  const experiment = await house.registry.findExperiment("toy-specialist");
  const { items } = await house.registry.searchRuns({ experimentIds: [experiment?.experimentId ?? ""] });
  expect(items.map(({ status }) => status)).toEqual(Array(4).fill("FINISHED"));
});
