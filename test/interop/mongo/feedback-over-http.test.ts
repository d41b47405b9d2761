import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { endServer, makeDataFolder, startServer } from "../../../bench/serving.ts";
import { openMongoStore } from "../../../src/store/index.ts";
import { anOpinion } from "../../conformance/store-documents.ts";
import { startProxy, type Weather } from "./proxy.ts";
import { server, WEAKNESSES } from "./server.ts";

const OPINIONS = 4_000;
const POSTERS = 8;
const folder = mkdtempSync(join(tmpdir(), "requeen-http-mongo-"));
/** What must end, also when the test fails. */
const cleanUp: (() => PromiseLike<unknown>)[] = [];
afterAll(async () => {
  for (const end of cleanUp.toReversed()) await end();
  rmSync(folder, { recursive: true, force: true });
});

const { load } = WEAKNESSES[server.name] ?? {};
const title = `the MongoDB goes away under a running server, ${server.name}: 503 with Retry-After, and every judgement is stored exactly once`;
test.skipIf(load !== undefined)(load === undefined ? title : `${title} (skipped: ${load})`, { timeout: 300_000 }, async () => {
  const database = `http_${randomUUID().slice(0, 8)}`;
  await makeDataFolder(folder, 0);
  const direct = await openMongoStore(server.uri, { database, now: Date.now });
  cleanUp.push(() => direct.close());
  await direct.addOpinions(Array.from({ length: OPINIONS }, (_, index) => anOpinion(`o${index}`, { specialist_type: "toy" })));
  const proxy = await startProxy(server.uri);
  cleanUp.push(() => proxy[Symbol.asyncDispose]());
  const serving = await startServer(folder, {
    MONGODB_URI: proxy.uri,
    MONGODB_DATABASE: database,
    REQUEEN_MONGODB_SERVER_TIMEOUT_MS: "3000",
    REQUEEN_MONGODB_SOCKET_TIMEOUT_MS: "5000",
    REQUEEN_MONGODB_BREAKER_PAUSE_MS: "200",
  });

  cleanUp.push(() => endServer(serving, "SIGKILL"));
  const acknowledged = new Map<string, string>();
  const seen = new Map<number, number>();
  const strange: unknown[] = [];
  let [next, stopping] = [0, false];
  const headers = { authorization: `Bearer ${serving.token}`, "content-type": "application/json" };
  const post = async (opinionId: string): Promise<boolean> => {
    const body = JSON.stringify({ opinion_id: opinionId, human_recommendation: "yes", human_rating: 1 });
    const answer = await fetch(`${serving.url}/api/v1/feedback`, { method: "POST", headers, body });
    const document = (await answer.json()) as { feedback_id: string; code: string };
    seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
    if (answer.status === 200 || answer.status === 201) acknowledged.set(opinionId, document.feedback_id);
    else if (answer.status !== 503 || document.code !== "store_unavailable" || answer.headers.get("retry-after") === null)
      strange.push([answer.status, document]);
    return answer.ok;
  };
  const poster = async (): Promise<void> => {
    while (!stopping && next < OPINIONS) {
      const opinionId = `o${next++}`;
      while (!(await post(opinionId))) await pause(20); // a client that sends again what was not acknowledged
    }
  };
  const ready = async (): Promise<unknown> => ((await (await fetch(`${serving.url}/ready`)).json()) as { store: unknown }).store;

  const posting = Promise.all(Array.from({ length: POSTERS }, poster));
  posting.catch(() => undefined); // awaited below; where the test fails before that, the server may be gone
  const weathers: Weather[] = [
    { kind: "refuse" },
    { kind: "cut", bytesLeft: 3_000 },
    { kind: "stall" },
    { kind: "cut", bytesLeft: 30_000 },
  ];
  for (const weather of weathers) {
    await pause(400);
    proxy.weather = weather;
    await pause(1_500);
    if (weather.kind === "stall") expect(await ready()).toMatchObject({ ok: false, error: "store_unavailable" });
    proxy.weather = { kind: "fair" };
    await expect.poll(ready, { timeout: 60_000 }).toMatchObject({ ok: true, circuit: "closed" });
  }
  stopping = true;
  await posting;

  expect(strange).toEqual([]);
  expect(seen.get(503)).toBeGreaterThan(0);
  expect(acknowledged.size).toBeGreaterThan(POSTERS);
  const { items } = await direct.listFeedback({}, { limit: 10_000 });
  const storedOf = Map.groupBy(items, ({ opinion_id }) => opinion_id);
  const wrong = [...acknowledged].filter(
    ([id, feedbackId]) =>
      storedOf
        .get(id)
        ?.map((item) => item.feedback_id)
        .join() !== feedbackId,
  );
  expect(wrong).toEqual([]);
  expect(storedOf.size).toBe(acknowledged.size); // nothing is there that was not acknowledged in the end, either
  expect(await endServer(serving, "SIGTERM")).toBe(0);
});
