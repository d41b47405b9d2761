import { randomUUID } from "node:crypto";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LabelRow, openMongoStore, type Store } from "../../../src/store/index.ts";
import { aFeedback, aRun } from "../../conformance/store-documents.ts";
import { feedback, opinions, triggers, unreadableFeedback, unreadableOpinion } from "./original-documents.ts";
import { server } from "./server.ts";

const COLLECTIONS = {
  specialist_opinions: [...opinions, unreadableOpinion],
  specialist_feedback: [...feedback, unreadableFeedback],
  retraining_triggers: triggers,
};
const counting = { afterSequence: 0, gateTiers: ["bulk", "blind"] as const, featureSchema: "plan/2" };

describe(`a database of the original system, ${server.name}`, () => {
  const database = `original_${randomUUID().slice(0, 8)}`;
  const client = new MongoClient(server.uri);
  const raw = client.db(database);
  let store: Store;

  const documents = async (): Promise<unknown[]> =>
    Promise.all(
      Object.keys(COLLECTIONS).map((name) =>
        raw
          .collection(name)
          .find({ requeen: { $exists: false }, run: { $exists: false } })
          .sort({ _id: 1 })
          .toArray(),
      ),
    );

  beforeAll(async () => {
    for (const [name, content] of Object.entries(COLLECTIONS))
      await raw.collection(name).insertMany(content.map((document) => ({ ...document })));
    await raw.collection("specialist_feedback").createIndex({ feedback_id: 1 }, { unique: true });
    await raw.collection("specialist_opinions").createIndex({ specialist_type: 1, evaluated_at: -1 });
    store = await openMongoStore(server.uri, { database, now: () => Date.UTC(2026, 1, 1), originalFeedback: "import_vouched" });
  });
  afterAll(async () => {
    await store.close();
    await client.close();
  });

  test("opinions of all three shapes are read, newest first; the unreadable one waits in quarantine", async () => {
    const { items } = await store.listOpinions({ specialist: "business" }, { limit: 10 });
    expect(
      items.map((opinion) => [
        opinion.opinion_id,
        opinion.opinion.recommendation,
        opinion.opinion.confidence_score,
        opinion.state,
      ]),
    ).toEqual([
      ["op-flat", "approve", 0.8, "external"],
      ["op-v1", "approve", 0.5, "external"],
      ["op-v2", "review_required", 0.5, "external"],
    ]);
    expect((await store.getOpinion("op-v2"))?.opinion.metadata).toEqual({ model_source: "mlflow", domain: "SECURITY" });
    const waiting = (await store.listQuarantine({ kind: "opinion", state: "waiting" }, { limit: 10 })).items;
    expect(waiting.map((entry) => entry.problems.map((problem) => problem.field))).toEqual([
      expect.arrayContaining(["evaluated_at"]),
    ]);
  });

  test("opinions that another program wrote wait in the review queue, whatever their shape, until a person's judgement is there", async () => {
    const shapes = opinions.map(({ _id, ...opinion }: Record<string, unknown>, index) => ({
      ...opinion,
      opinion_id: `waiting-${index}`,
    }));
    await raw.collection("specialist_opinions").insertMany(shapes);
    const filter = { now: Date.UTC(2026, 1, 1), reviewer: "ann", skippedSince: 0, unseen: false };
    const found: string[] = [];
    for (const specialist of new Set(opinions.map((opinion: Record<string, unknown>) => String(opinion.specialist_type)))) {
      const waiting = await store.listWaiting({ specialist, ...filter }, 0, "up", 100);
      const { items } = await store.listOpinions({ specialist, pending: true }, { limit: 100 });
      const told = new Map(items.map((item) => [item.opinion_id, item.opinion.recommendation]));
      expect(new Map(waiting.map((item) => [item.opinion_id, item.recommendation]))).toEqual(told);
      found.push(...told.keys());
    }
    // those of the fixture have feedback of people, all but the copies
    expect(found.toSorted()).toEqual(shapes.map(({ opinion_id }) => opinion_id).toSorted());
    await raw.collection("specialist_opinions").deleteMany({ opinion_id: /^waiting-/ });
  });

  test("feedback of all four shapes is read, with the tier of the channel and never of the body", async () => {
    const { items } = await store.listFeedback({ specialist: "business" }, { limit: 10 });
    expect(
      items.map((item) => [
        item.feedback_id,
        item.plan_id,
        item.evidence.reviewer,
        item.evidence.tier,
        item.state,
        item.sequence,
      ]),
    ).toEqual([
      ["fb-bal-18", "plan-3", "manual", "bulk", "current", 0],
      ["fb-auto-17", "plan-3", "auto", "bulk", "current", 0],
      ["fb-1769000000", "plan-2", "unnamed", "bulk", "current", 0],
      ["feedback-0123456789ab", "plan-1", "maria@example.org", "bulk", "current", 0],
    ]);
    expect(items[0].evidence.claimed).toMatchObject({ manual_review: true, balanced_dataset: true, auto_generated: false });
    const pages = [];
    let cursor: string | undefined;
    do {
      const page = await store.listFeedback({ specialist: "business" }, { limit: 1, cursor });
      pages.push(...page.items.map((item) => item.feedback_id));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(pages).toEqual(items.map((item) => item.feedback_id));
    const [entry] = (await store.listQuarantine({ kind: "feedback" }, { limit: 10 })).items;
    expect(entry.problems.map((problem) => problem.field)).toContain("human_rating");
  });

  test("triggers are read as ended runs", async () => {
    const { items } = await store.listRuns({ specialist: "business" }, { limit: 10 });
    expect(items.map((run) => [run.run_id, run.state, run.mlflow?.run_id ?? null])).toEqual([
      ["trigger-ba9876543210", "failed", null],
      ["trigger-0123456789ab", "finished", "run-77"],
    ]);
    expect(await store.getRun("trigger-0123456789ab")).toEqual(items[1]);
  });

  test("labels are counted and streamed, vouched ones as bulk", async () => {
    expect(await store.countLabels("business", counting)).toMatchObject({
      by_tier: { bulk: 4 },
      human: 3,
      new_human: 3,
      new_gate: 0,
      last_sequence: 0,
    });
    expect(await store.countLabels("business", { ...counting, afterSequence: 1 })).toMatchObject({ human: 3, new_human: 0 });
    const rows: LabelRow[] = [];
    for await (const batch of store.streamLabels("business", {})) rows.push(...batch);
    expect(rows.map((row) => [row.opinion_id, row.recommendation, row.features])).toEqual([
      ["op-v2", "approve", null],
      ["op-v1", "reject", null],
      ["op-flat", "approve", null],
      ["op-flat", "reject", null],
    ]);
  });

  test("new feedback and runs land beside the old, and the old documents are as they were", async () => {
    const before = await documents();
    const [answer] = await store.addFeedback([
      aFeedback("new-1", "op-v2", {
        reviewer: "maria@example.org",
        tier: "blind",
        human_recommendation: "reject",
        submitted_at: Date.UTC(2026, 1, 1),
      }),
    ]);
    expect(answer).toEqual({ outcome: "added", feedback_id: "new-1", replaced: "feedback-0123456789ab" });
    expect((await store.getFeedback("feedback-0123456789ab"))?.state).toBe("superseded");
    expect(await store.countLabels("business", counting)).toMatchObject({
      by_tier: { bulk: 3, blind: 1 },
      human: 3,
      last_sequence: 1,
    });
    await store.addRun(aRun("run-1", { started_at: Date.UTC(2026, 1, 1) }));
    expect((await store.listRuns({}, { limit: 10 })).items.map((run) => run.run_id)).toEqual([
      "run-1",
      "trigger-ba9876543210",
      "trigger-0123456789ab",
    ]);
    expect(await documents()).toEqual(before);
    expect(before.map((list) => (list as unknown[]).length)).toEqual(Object.values(COLLECTIONS).map((list) => list.length));
  });

  test("a run of ours has the fields that readers of the original look for", async () => {
    expect(await raw.collection("retraining_triggers").findOne({ trigger_id: "run-1" })).toMatchObject({
      specialist_type: "business",
      status: "running",
      triggered_at: new Date(Date.UTC(2026, 1, 1)),
    });
  });

  test("retracting and demoting an old judgement adds a mark and changes nothing else of it", async () => {
    const before = await raw.collection("specialist_feedback").findOne({ feedback_id: "fb-bal-18" });
    expect(await store.demoteFeedback(["fb-bal-18"], "echo")).toBe(1);
    expect((await store.getFeedback("fb-bal-18"))?.evidence).toMatchObject({ tier: "echo", demoted_from: "bulk" });
    await store.retractFeedback("fb-bal-18", Date.UTC(2026, 1, 2));
    expect((await store.getFeedback("fb-bal-18"))?.state).toBe("retracted");
    const after = await raw.collection("specialist_feedback").findOne({ feedback_id: "fb-bal-18" });
    if (after === null) throw new Error("the document is gone");
    const { requeen, ...rest } = after;
    expect(rest).toEqual(before);
    expect(requeen).toEqual({ tier: "echo", retracted_at: new Date(Date.UTC(2026, 1, 2)) });
  });
});

test("without a vouching person the same feedback is of a machine tier", async () => {
  const database = `original_${randomUUID().slice(0, 8)}`;
  const client = await new MongoClient(server.uri).connect();
  await client
    .db(database)
    .collection("specialist_opinions")
    .insertOne({ ...opinions[0] });
  await client
    .db(database)
    .collection("specialist_feedback")
    .insertOne({ ...feedback[0] });
  await client.close();
  const store = await openMongoStore(`${server.uri}${database}`, { now: Date.now });
  expect(await store.countLabels("business", counting)).toMatchObject({ by_tier: { rule: 1, bulk: 0 }, human: 0, machine: 1 });
  await store.close();
});
