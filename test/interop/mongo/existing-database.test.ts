import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endServer, startServer } from "../../../bench/serving.ts";
import { openSqliteStore } from "../../../src/store/index.ts";
import { existingDatabase } from "./existing-database.ts";
import { server, WEAKNESSES } from "./server.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const OPINIONS = 160;
/** Labels that a named person answers for may judge, too: without this they only train. */
const CONFIG = `specialists:
  - { name: business, policy: imports-count }
policies:
  imports-count: { gate_tiers: [blind, informed, bulk] }
`;

const { existing } = WEAKNESSES[server.name] ?? {};
const title = `pointed at the MongoDB of the original system, ${server.name}`;

describe.skipIf(existing !== undefined)(
  existing === undefined ? title : `${title} (skipped: ${existing})`,
  { timeout: 300_000 },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "requeen-existing-"));
    const environment = { MONGODB_URI: server.uri, MONGODB_DATABASE: `existing_${randomUUID().slice(0, 8)}` };
    const client = new MongoClient(server.uri);
    const raw = client.db(environment.MONGODB_DATABASE);
    const there = existingDatabase(OPINIONS, Date.now());

    /** What a command prints with --json, and its exit code. */
    const requeen = (...words: string[]) =>
      new Promise<{ code: number; answer: Record<string, never> }>((resolve, reject) => {
        const env = { ...process.env, ...environment, REQUEEN_DATA_DIR: folder };
        execFile(
          process.execPath,
          ["--disable-warning=ExperimentalWarning", MAIN, ...words, "--json"],
          { cwd: folder, env, maxBuffer: 64 * 1024 * 1024 },
          (error, out, err) => {
            try {
              resolve({ code: Number(error?.code ?? 0), answer: JSON.parse(out) });
            } catch {
              reject(new Error(`${words.join(" ")} printed no JSON: ${out.slice(0, 2_000)}${err.slice(0, 2_000)}`));
            }
          },
        );
      });
    const original = async (): Promise<unknown[]> =>
      Promise.all(
        Object.keys(there.collections).map(async (name) =>
          (
            await raw
              .collection(name)
              .find({ _id: { $type: "objectId" } })
              .sort({ _id: 1 })
              .toArray()
          ).map(({ requeen: _ours, ...document }) => document),
        ),
      );
    const business = async () => {
      const { answer } = await requeen("status");
      const found = (answer.specialists as { specialist: string }[]).find(({ specialist }) => specialist === "business");
      return found as unknown as { labels: Record<string, unknown> };
    };
    let before: unknown[] = [];

    beforeAll(async () => {
      for (const [name, documents] of Object.entries(there.collections))
        await raw.collection(name).insertMany(documents.map((document) => ({ ...document })));
      before = await original();
      writeFileSync(join(folder, "requeen.config.yaml"), CONFIG);
    });
    afterAll(async () => {
      await client.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test("status reads it: every judgement is counted, and none as evidence before somebody answers for it", async () => {
      expect(await business()).toMatchObject({ human_labels: 0, machine_labels: OPINIONS, new_labels: 0, state: "WAIT" });
      expect(await original()).toEqual(before);
    });

    test("a dry run says what could train and changes nothing", async () => {
      const { answer } = await requeen("migrate", "--in-place", "--vouched-by", "Ana Lima", "--dry-run");
      expect(answer).toMatchObject({
        dry_run: true,
        opinions: {
          seen: OPINIONS,
          completed: there.withPlan,
          without_plan: OPINIONS - there.withPlan,
          refused: 0,
          unreadable: 0,
        },
        feedback: { seen: there.said + there.automatic, tied: 0, vouched: there.said, automatic: there.automatic },
      });
      expect(await raw.collection("specialist_opinions").countDocuments({ requeen: { $exists: true } })).toBe(0);
      expect(await raw.collection("specialist_feedback").countDocuments({ requeen: { $exists: true } })).toBe(0);
    });

    test("migrate --in-place adds vectors and vouches; a second call has nothing left to do; no field of theirs changed", async () => {
      const { answer } = await requeen("migrate", "--in-place", "--vouched-by", "Ana Lima");
      expect(answer).toMatchObject({
        opinions: { completed: there.withPlan },
        feedback: { vouched: there.said, automatic: there.automatic },
      });
      const again = await requeen("migrate", "--in-place", "--vouched-by", "Ana Lima");
      expect(again.answer).toMatchObject({ opinions: { completed: 0 }, feedback: { tied: 0, vouched: 0 } });
      expect(await original()).toEqual(before);
      const labelled = new Set(there.collections.specialist_feedback.map(({ opinion_id }) => opinion_id)).size;
      expect(await business()).toMatchObject({
        human_labels: labelled,
        machine_labels: 0,
        new_labels: there.withPlan,
        state: "READY",
      });
    });

    test("posts land beside them, and replace what the same person said before", async () => {
      const serving = await startServer(folder, environment);
      try {
        const headers = { authorization: `Bearer ${serving.token}`, "content-type": "application/json" };
        const body = JSON.stringify({ opinion_id: "old-opinion-0", human_recommendation: "conditional", human_rating: 0.5 });
        const posted = await fetch(`${serving.url}/api/v1/feedback`, { method: "POST", headers, body });
        expect(posted.status).toBe(201);
        const { feedback_id } = (await posted.json()) as { feedback_id: string };
        const stored = await raw.collection("specialist_feedback").findOne({ feedback_id });
        expect(stored).toMatchObject({
          opinion_id: "old-opinion-0",
          specialist_type: "business",
          requeen: { feature_schema: "plan/2" },
        });
        const shown = await fetch(`${serving.url}/api/v1/feedback/opinion/old-opinion-0`, { headers });
        const { feedbacks } = (await shown.json()) as { feedbacks: { feedback_id: string }[] };
        expect(feedbacks.length).toBeGreaterThanOrEqual(2);
        expect(await endServer(serving, "SIGTERM")).toBe(0);
      } finally {
        await endServer(serving, "SIGKILL");
      }
    });

    test("a retraining runs from it to a verdict on people's labels", async () => {
      const { code, answer } = await requeen("retrain", "business");
      const [run] = answer.runs as unknown as Record<string, unknown>[];
      expect(run).toMatchObject({ specialist: "business", state: "finished", error: null });
      expect(code).toBe(0);
      const dataset = await requeen("datasets", "show", String(run?.dataset_id));
      expect(dataset.answer).toMatchObject({ specialist: "business", feature_schema: "plan/2", rows: there.withPlan - 1 });
      expect(dataset.answer.rows_left_out).toMatchObject({ "reviewers are evenly split": 1 }); // the post contradicts the person of the original system
      expect(await raw.collection("verdicts").countDocuments({ specialist: "business" })).toBe(1);
      expect(await raw.collection("retraining_triggers").findOne({ specialist_type: "business" })).toMatchObject({
        status: "completed",
      });
      expect(await original()).toEqual(before);
    });

    test("it moves to a file whole, with what was added, and the digests agree", async () => {
      const from = `${server.uri}${environment.MONGODB_DATABASE}`;
      const { code, answer } = await requeen("migrate", "--from", from, "--to", `sqlite:${join(folder, "copy.db")}`);
      expect([code, answer.kinds]).toMatchObject([
        0,
        {
          opinions: { records: OPINIONS, written: OPINIONS },
          feedback: { records: there.said + there.automatic + 1 },
          verdicts: { records: 1 },
        },
      ]);
      const copy = await openSqliteStore(join(folder, "copy.db"), { now: Date.now });
      const counts = { afterSequence: 0, gateTiers: ["blind", "informed", "bulk"], featureSchema: "plan/2" } as const;
      expect(await copy.countLabels("business", counts)).toMatchObject({ new_gate: there.withPlan });
      await copy.close();
    });
  },
);
