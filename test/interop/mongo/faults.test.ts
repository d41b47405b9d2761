import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MovableStore, openMongoStore } from "../../../src/store/index.ts";
import { aFeedback, anOpinion } from "../../conformance/store-documents.ts";
import { startProxy, type WeatherProxy } from "./proxy.ts";
import { server } from "./server.ts";

const unavailable = expect.objectContaining({ code: "store_unavailable" });

describe(`a line that fails, ${server.name}`, () => {
  const database = `faults_${randomUUID().slice(0, 8)}`;
  let proxy: WeatherProxy;
  let store: MovableStore;
  /** Past the proxy: sees what is there. */
  let direct: MovableStore;
  beforeAll(async () => {
    proxy = await startProxy(server.uri);
    store = await openMongoStore(proxy.uri, { database, now: Date.now, serverTimeoutMs: 1_000, socketTimeoutMs: 5_000 });
    direct = await openMongoStore(server.uri, { database, now: Date.now });
    await direct.addOpinions(Array.from({ length: 200 }, (_, index) => anOpinion(`o${index}`)));
  });
  /** Good weather, and the store has noticed it by itself. */
  const fair = async (): Promise<void> => {
    proxy.weather = { kind: "fair" };
    const ping = (): Promise<string> =>
      store.ping().then(
        () => "there",
        () => "away",
      );
    await expect.poll(ping, { timeout: 60_000 }).toBe("there");
  };
  afterAll(async () => {
    proxy.weather = { kind: "fair" };
    await store.close();
    await direct.close();
    await proxy[Symbol.asyncDispose]();
  });

  test("connections are refused: store_unavailable, and it goes on by itself when they are not", async () => {
    proxy.weather = { kind: "refuse" };
    await expect(store.getOpinion("o0")).rejects.toEqual(unavailable);
    await expect(store.addFeedback([aFeedback("refused", "o0")])).rejects.toEqual(unavailable);
    await expect(store.ping()).rejects.toEqual(unavailable);
    await fair();
    expect(await direct.getFeedback("refused")).toBeNull();
    expect((await store.addFeedback([aFeedback("refused", "o0")]))[0].outcome).toBe("added");
  });

  test("nothing comes through: store_unavailable after the time that was set, and it goes on by itself", async () => {
    proxy.weather = { kind: "stall" };
    await expect(store.listFeedback({}, { limit: 1 })).rejects.toEqual(unavailable);
    await expect(store.addFeedback([aFeedback("stalled", "o1")])).rejects.toEqual(unavailable);
    await fair();
    expect(["added", "same"]).toContain((await store.addFeedback([aFeedback("stalled", "o1")]))[0].outcome);
  });

  test("ten seconds of stall: after the first timeout calls fail at once, and without a restart it goes on when the stall is over", async () => {
    const own = await openMongoStore(proxy.uri, {
      database,
      now: Date.now,
      serverTimeoutMs: 1_000,
      socketTimeoutMs: 3_000,
      breakerPauseMs: 500,
    });
    expect(own.circuit?.()).toEqual({ state: "closed", retry_after_ms: 0 });
    const stallAtMs = performance.now();
    proxy.weather = { kind: "stall" };
    await expect(own.addFeedback([aFeedback("ten-seconds", "o2")])).rejects.toEqual(unavailable);
    expect(own.circuit?.().state).toBe("open");
    const refused = Array.from({ length: 50 }, () => own.getOpinion("o0"));
    const codes = (await Promise.allSettled(refused)).map((answer) => (answer.status === "rejected" ? answer.reason : null));
    // said by us at once, and not by 50 more timeouts of the driver
    expect(codes.every((error) => error?.code === "store_unavailable" && error.details.circuit === "open")).toBe(true);
    while (performance.now() - stallAtMs < 10_000) {
      await expect(own.ping()).rejects.toEqual(unavailable);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    proxy.weather = { kind: "fair" };
    await expect
      .poll(
        () =>
          own.ping().then(
            () => "there",
            () => "away",
          ),
        { timeout: 60_000 },
      )
      .toBe("there");
    expect(own.circuit?.().state).toBe("closed");
    expect(["added", "same"]).toContain((await own.addFeedback([aFeedback("ten-seconds", "o2")]))[0].outcome);
    expect((await direct.listFeedback({ opinionId: "o2" }, { limit: 10 })).items).toHaveLength(1);
    await own.close();
  });

  test("the line is cut at any byte of a call: sent again, every judgement is there once, under numbers without gaps", async () => {
    const batch = Array.from({ length: 200 }, (_, index) => aFeedback(`cut-${index}`, `o${index}`, { reviewer: "cut" }));
    let failures = 0;
    for (const bytesLeft of [0, 100, 1_000, 5_000, 20_000, 40_000, 60_000, 90_000]) {
      const round = batch.map((feedback) => ({
        ...feedback,
        feedback_id: `${feedback.feedback_id}-${bytesLeft}`,
        human_recommendation: `class ${bytesLeft}`,
      }));
      proxy.weather = { kind: "cut", bytesLeft };
      const first = await store.addFeedback(round).catch((error: unknown) => error);
      if (!Array.isArray(first)) {
        expect(first).toEqual(unavailable);
        failures += 1;
      }
      await fair();
      const outcomes = (await store.addFeedback(round)).map((answer) => answer.outcome);
      expect(outcomes.every((outcome) => outcome === "added" || outcome === "same")).toBe(true);
    }
    expect(failures).toBeGreaterThan(4);
    const { items } = await direct.listFeedback({}, { limit: 10_000 });
    expect(items.filter((item) => item.evidence.reviewer === "cut")).toHaveLength(8 * 200);
    expect(items.map((item) => item.sequence)).toEqual(items.map((_, index) => items.length - index));
    expect((await direct.listFeedback({ reviewer: "cut", state: "current" }, { limit: 10_000 })).items).toHaveLength(200);
  });
});
