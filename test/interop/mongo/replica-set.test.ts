import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MovableStore, openMongoStore } from "../../../src/store/index.ts";
import { aFeedback, anOpinion } from "../../conformance/store-documents.ts";
import { type ReplicaSet, startReplicaSet } from "./replica-set.ts";
import { server } from "./server.ts";

const unavailable = expect.objectContaining({ code: "store_unavailable" });

describe(`a replica set, played by a proxy before ${server.name}`, () => {
  const database = `set_${randomUUID().slice(0, 8)}`;
  let set: ReplicaSet;
  let store: MovableStore;
  beforeAll(async () => {
    set = await startReplicaSet(server.uri);
    store = await openMongoStore(set.uri, { database, now: Date.now, serverTimeoutMs: 2_000, breakerPauseMs: 100 });
    await store.addOpinions(Array.from({ length: 50 }, (_, index) => anOpinion(`o${index}`)));
  });
  afterAll(async () => {
    await store.close();
    await set[Symbol.asyncDispose]();
  });
  const batch = (name: string) =>
    Array.from({ length: 50 }, (_, index) => aFeedback(`${name}-${index}`, `o${index}`, { reviewer: name }));
  const stored = async (reviewer: string): Promise<number> =>
    (await store.listFeedback({ reviewer }, { limit: 1_000 })).items.length;

  test("judgements of one call are one transaction, a single one needs none", async () => {
    await store.addFeedback([aFeedback("single", "o0", { reviewer: "single" })]);
    expect(set.seen).toEqual({ committed: 0, aborted: 0, held: 0 });
    const outcomes = await store.addFeedback(batch("whole"));
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(["added"]));
    expect(set.seen).toMatchObject({ committed: 1, held: 1 });
    expect(await stored("whole")).toBe(50);
  });

  test("an end before the commit leaves nothing of the call, and sent again it is stored once", async () => {
    set.commits = "cut";
    await expect(store.addFeedback(batch("half"))).rejects.toEqual(unavailable);
    set.commits = "done";
    await expect.poll(() => stored("half").catch(() => -1), { timeout: 60_000 }).toBe(0);
    await store.addFeedback(batch("half"));
    expect(await stored("half")).toBe(50);
    expect(new Set((await store.addFeedback(batch("half"))).map(({ outcome }) => outcome))).toEqual(new Set(["same"]));
  });

  test("the primary changes: a single write is tried again by the driver, and nobody notices", async () => {
    set.refusedWrites = 1;
    expect((await store.addFeedback([aFeedback("moved", "o1", { reviewer: "moved" })]))[0].outcome).toBe("added");
    expect(set.refusedWrites).toBe(0);
    expect(await stored("moved")).toBe(1);
  });

  test("a set without a primary for longer: store_unavailable, nothing stored, and it goes on by itself", async () => {
    set.refusedWrites = Number.POSITIVE_INFINITY;
    await expect(store.addFeedback([aFeedback("none", "o2", { reviewer: "none" })])).rejects.toEqual(unavailable);
    await expect(store.addFeedback(batch("nobody"))).rejects.toEqual(unavailable);
    await expect(store.ping()).rejects.toEqual(unavailable);
    set.refusedWrites = 0;
    await expect
      .poll(
        () =>
          store.ping().then(
            () => "there",
            () => "away",
          ),
        { timeout: 60_000 },
      )
      .toBe("there");
    expect([await stored("none"), await stored("nobody")]).toEqual([0, 0]);
    await store.addFeedback(batch("nobody"));
    expect(await stored("nobody")).toBe(50);
    const { items } = await store.listFeedback({}, { limit: 10_000 });
    expect(items.map(({ sequence }) => sequence)).toEqual(items.map((_, index) => items.length - index));
  });
});
