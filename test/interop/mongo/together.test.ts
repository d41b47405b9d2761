import { randomUUID } from "node:crypto";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openMongoStore, type Store, verifyAuditChain } from "../../../src/store/index.ts";
import { aFeedback, anAuditEntry, anOpinion, aRun } from "../../conformance/store-documents.ts";
import { server, WEAKNESSES } from "./server.ts";

const WRITERS = 4;

describe(`several processes on one database, ${server.name}`, () => {
  const database = `together_${randomUUID().slice(0, 8)}`;
  const stores: Store[] = [];
  beforeAll(async () => {
    for (let writer = 0; writer < WRITERS; writer += 1)
      stores.push(await openMongoStore(server.uri, { database, now: Date.now }));
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
  });

  test("judgements that arrive at once all get a number of their own, without gaps", async () => {
    await stores[0].addOpinions(Array.from({ length: 20 }, (_, index) => anOpinion(`o${index}`)));
    const answers = await Promise.all(
      stores.map((store, writer) =>
        store.addFeedback(
          Array.from({ length: 20 }, (_, index) => aFeedback(`w${writer}-${index}`, `o${index}`, { reviewer: `r${writer}` })),
        ),
      ),
    );
    expect(answers.flat().map((answer) => answer.outcome)).toEqual(Array.from({ length: WRITERS * 20 }, () => "added"));
    const { items } = await stores[1].listFeedback({}, { limit: 1_000 });
    expect(items.map((item) => item.sequence)).toEqual(Array.from({ length: WRITERS * 20 }, (_, index) => WRITERS * 20 - index));
  });

  test("one click that reaches several processes at once is stored once", async () => {
    await stores[0].addOpinions([anOpinion("clicked")]);
    const answers = (
      await Promise.all(stores.map((store, writer) => store.addFeedback([aFeedback(`click-${writer}`, "clicked")])))
    ).flat();
    expect(answers.map((answer) => answer.outcome).toSorted()).toEqual(["added", "same", "same", "same"]);
    expect(new Set(answers.map((answer) => answer.feedback_id)).size).toBe(1);
    expect((await stores[0].listFeedback({ opinionId: "clicked" }, { limit: 10 })).items).toHaveLength(1);
  });

  test("one opinion that several processes add at once is stored once", async () => {
    const answers = (await Promise.all(stores.map((store) => store.addOpinions([anOpinion("same-one")])))).flat();
    expect(answers.toSorted()).toEqual(["added", "same", "same", "same"]);
    const others = (
      await Promise.all(stores.map((store, writer) => store.addOpinions([anOpinion("other-one", { plan_id: `p${writer}` })])))
    ).flat();
    expect(others.toSorted()).toEqual(["added", "conflict", "conflict", "conflict"]);
  });

  test("the audit chain stays one chain", async () => {
    await Promise.all(
      stores.flatMap((store, writer) =>
        [0, 1, 2].map((index) => store.appendAudit([anAuditEntry(`s${writer}-${index}`), anAuditEntry("x")])),
      ),
    );
    const { items } = await stores[2].listAudit({}, { limit: 1_000 });
    expect(items).toHaveLength(WRITERS * 6);
    expect((await verifyAuditChain(items)).intact).toBe(true);
  });

  test("one of several runs begun at once is stored", async () => {
    const starts = await Promise.allSettled(
      stores.map((store, writer) => store.addRun(aRun(`r${writer}`, { evidenceKey: "k" }))),
    );
    expect(starts.filter((start) => start.status === "fulfilled")).toHaveLength(1);
    expect((await stores[0].listRuns({ state: "running" }, { limit: 10 })).items).toHaveLength(1);
  });

  const { atomicUpdates } = WEAKNESSES[server.name] ?? {};
  test.skipIf(atomicUpdates !== undefined)(
    `a lease goes to one${atomicUpdates === undefined ? "" : ` (skipped: ${atomicUpdates})`}`,
    async () => {
      const leases = await Promise.all(stores.map((store, writer) => store.acquireLease("lease", `owner-${writer}`, 1_000, 0)));
      expect(leases.filter((lease) => lease !== null)).toHaveLength(1);
    },
  );

  test("a run whose maker ended between its two writes is there for the next who asks", async () => {
    const client = await new MongoClient(server.uri).connect();
    const run = aRun("half", { specialist: "technical" });
    await stores[0].addRun(run);
    await client.db(database).collection("retraining_triggers").deleteOne({ trigger_id: "half" }); // as if the second write had not happened
    await client.close();
    expect(await stores[1].getRun("half")).toBeNull();
    await expect(stores[1].addRun(aRun("next", { specialist: "technical" }))).rejects.toMatchObject({ code: "run_active" });
    expect(await stores[1].getRun("half")).toEqual(run);
    await stores[1].putRun({ ...run, state: "failed" });
    await stores[1].addRun(aRun("next", { specialist: "technical" }));
  });

  test("a run that ended without giving its place back does not block the next one", async () => {
    const client = await new MongoClient(server.uri).connect();
    const run = aRun("ended", { specialist: "evolution" });
    await stores[0].addRun(run);
    const claim = await client.db(database).collection("run_claims").findOne({ "run.run_id": "ended" });
    await stores[0].putRun({ ...run, state: "finished" });
    if (claim !== null) await client.db(database).collection("run_claims").insertOne(claim); // as if the giving back had not happened
    await client.close();
    await stores[1].addRun(aRun("after", { specialist: "evolution" }));
    expect((await stores[1].getRun("after"))?.state).toBe("running");
  });
});

describe("a MongoDB that cannot be used", () => {
  test("nobody listens: store_unavailable, without the password", async () => {
    const attempt = openMongoStore("mongodb://user:secret-word@127.0.0.1:9/db", { now: Date.now, serverTimeoutMs: 300 });
    await expect(attempt).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(attempt).rejects.toSatisfy((error: Error) => !error.message.includes("secret-word"));
  });

  test("a text that is no connection string: bad_config, without showing it", async () => {
    const attempt = openMongoStore("postgres://user:secret-word@host/db", { now: Date.now });
    await expect(attempt).rejects.toMatchObject({ code: "bad_config" });
    await expect(attempt).rejects.toSatisfy((error: Error) => !error.message.includes("secret-word"));
  });

  test("a database of a newer Requeen: store_too_new", async () => {
    const database = `newer_${randomUUID().slice(0, 8)}`;
    await (await openMongoStore(server.uri, { database, now: Date.now })).close();
    const client = await new MongoClient(server.uri).connect();
    await client
      .db(database)
      .collection<{ _id: string }>("settings")
      .updateOne({ _id: "requeen:schema" }, { $set: { value: 99 } });
    await client.close();
    await expect(openMongoStore(server.uri, { database, now: Date.now })).rejects.toMatchObject({ code: "store_too_new" });
  });
});
