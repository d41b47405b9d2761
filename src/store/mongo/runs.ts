import type { Filter } from "mongodb";
import { RequeenError } from "../../core/errors.ts";
import { readTrigger } from "../../core/read-documents.ts";
import type { Run } from "../../core/run.ts";
import { checkedLimit, decodeCursor, encodeCursor } from "../page.ts";
import type { Store } from "../store.ts";
import { fromBson, toBson, toPlain } from "./bson-form.ts";
import type { MongoConnection, Stored } from "./connection.ts";

interface Lease {
  _id: string;
  /** Null: released. */
  owner: string | null;
  fence: number;
  expires_at: Date;
}

type Methods = "addRun" | "putRun" | "getRun" | "listRuns" | "acquireLease" | "renewLease" | "releaseLease" | "getLease";

/**
 * Runs stand in `retraining_triggers` beside the trigger records of the original system, with the fields that its readers look for.
 * That a specialist has one running run is kept by one document of `run_claims`, whose `_id` is the specialist: it holds the whole run, so
 * that its insert is the moment at which the run begins. Whoever finds a claim left by a crash finishes what its maker began.
 */
export function runMethods(connection: MongoConnection): Pick<Store, Methods> {
  const runs = connection.collection("runs");
  const claims = connection.collection("runClaims");
  const leases = connection.collection<Lease>("leases");

  const checkEvidence = async (run: Run): Promise<void> => {
    const key = run.trigger.evidence_key;
    if (key === null) return;
    const used = await connection.findOne("runs", {
      specialist_type: run.specialist,
      "run.trigger.evidence_key": key,
      _id: { $ne: run.run_id },
    });
    if (used === null) return;
    throw new RequeenError("conflict", `the evidence ${key} of ${run.specialist} was used by run ${String(used._id)}`, {
      run_id: String(used._id),
      evidence_key: key,
    });
  };
  const store = (run: Run) => connection.put("runs", runDocument(run));
  const release = (specialist: string, runId: string) =>
    connection.guard(() => claims.deleteOne({ _id: specialist, "run.run_id": runId }));

  /** @throws RequeenError run_active */
  const claim = async (run: Run): Promise<void> => {
    for (;;) {
      if (await connection.insertIfFree("runClaims", { _id: run.specialist, run: toBson(run) })) return;
      const other = await connection.findOne("runClaims", { _id: run.specialist });
      if (other === null) continue; // it ended in between
      const claimed = fromBson(other.run) as Run;
      if (claimed.run_id === run.run_id) return;
      const stored = await connection.findOne("runs", { _id: claimed.run_id });
      if (stored === null) await store(claimed); // its maker ended between the two writes
      if (stored === null || runOf(stored)?.state === "running")
        throw new RequeenError(
          "run_active",
          `specialist ${run.specialist} may have one running run; ${claimed.run_id} is running`,
          {
            specialist: run.specialist,
            run_id: claimed.run_id,
          },
        );
      await release(run.specialist, claimed.run_id); // it has ended, but not its claim
    }
  };

  return {
    async addRun(run) {
      if ((await connection.findOne("runs", { _id: run.run_id })) !== null)
        throw new RequeenError("conflict", `run ${run.run_id} is there already`, { run_id: run.run_id });
      await checkEvidence(run);
      if (run.state === "running") {
        await claim(run);
        try {
          await checkEvidence(run); // again: the run that held the claim before may have used it
        } catch (error) {
          await release(run.specialist, run.run_id);
          throw error;
        }
      }
      await store(run);
    },

    async putRun(run) {
      const document = await connection.findOne("runs", { _id: run.run_id });
      const stored = document === null ? null : runOf(document);
      if (stored === null) throw new RequeenError("run_not_found", `no run has the id ${run.run_id}`, { run_id: run.run_id });
      if (run.state === "running" && stored.state !== "running") await claim(run);
      const filter = { _id: run.run_id, "run.fence": { $lte: run.fence } };
      const { matchedCount } = await connection.guard(() => runs.replaceOne(filter, runDocument(run)));
      if (matchedCount === 0)
        throw new RequeenError(
          "lease_lost",
          `run ${run.run_id} was taken over: fencing token ${run.fence} is older than the stored one`,
          {
            run_id: run.run_id,
            fence: stored.fence,
          },
        );
      if (run.state !== "running") await release(run.specialist, run.run_id);
    },

    async getRun(runId) {
      const document = await connection.findOne("runs", { $or: [{ _id: runId }, { trigger_id: runId }] });
      return document === null ? null : runOf(document);
    },

    async listRuns({ specialist, state }, page) {
      const limit = checkedLimit(page);
      const items: Run[] = [];
      let after = page.cursor === undefined ? null : placeOf(page.cursor);
      for (;;) {
        const beyond: Record<string, unknown>[] =
          after === null
            ? []
            : [{ $or: [{ triggered_at: { $lt: after.at } }, { triggered_at: after.at, trigger_id: { $lt: after.id } }] }];
        const filter = { $and: [specialist === undefined ? {} : { specialist_type: specialist }, ...beyond] };
        const ask = Math.max(100, limit + 1 - items.length);
        const documents = await connection.find("runs", filter, { sort: { triggered_at: -1, trigger_id: -1 }, limit: ask });
        for (const document of documents) {
          const run = runOf(document);
          if (run !== null && (state === undefined || run.state === state)) items.push(run);
        }
        const last = documents.at(-1);
        if (items.length > limit || documents.length < ask || last === undefined) break;
        after = { at: last.triggered_at, id: String(last.trigger_id) };
      }
      const kept = items.slice(0, limit);
      const last = kept.at(-1);
      return {
        items: kept,
        next: items.length > limit && last !== undefined ? encodeCursor([last.started_at, last.run_id]) : null,
      };
    },

    async acquireLease(name, owner, ttlMs, now) {
      const expiresAt = new Date(now + ttlMs);
      const free: Filter<Lease> = { _id: name, $or: [{ owner: null }, { owner }, { expires_at: { $lte: new Date(now) } }] };
      const take = { $set: { owner, expires_at: expiresAt }, $inc: { fence: 1 } };
      for (;;) {
        const taken = await connection.guard(() => leases.findOneAndUpdate(free, take, { returnDocument: "after" }));
        if (taken !== null) return { fence: taken.fence };
        if ((await connection.findOne("leases", { _id: name })) !== null) return null;
        // made once and never deleted, so a fence is never given twice; of two makers one is enough
        await connection.insertIfFree("leases", { _id: name, owner: null, fence: 0, expires_at: new Date(0) });
      }
    },

    async renewLease(name, owner, fence, ttlMs, now) {
      const update = { $set: { expires_at: new Date(now + ttlMs) } };
      return (await connection.guard(() => leases.updateOne({ _id: name, owner, fence }, update))).matchedCount === 1;
    },

    async releaseLease(name, owner, fence) {
      await connection.guard(() => leases.updateOne({ _id: name, owner, fence }, { $set: { owner: null } }));
    },

    async getLease(name) {
      const lease = await connection.findOne("leases", { _id: name });
      if (lease === null || typeof lease.owner !== "string" || !(lease.expires_at instanceof Date)) return null;
      return { owner: lease.owner, fence: Number(lease.fence), expires_at: lease.expires_at.getTime() };
    },
  };
}

const STATUS = { running: "running", finished: "completed", refused: "failed", failed: "failed", cancelled: "failed" } as const;

/** The record, under `run`, with the original fields beside it. */
export const runDocument = (run: Run): Stored => ({
  _id: run.run_id,
  trigger_id: run.run_id,
  specialist_type: run.specialist,
  triggered_at: new Date(run.started_at),
  status: STATUS[run.state],
  run: toBson(run),
});

/** Null: a trigger record of the original system that cannot be read; it is history only and nothing depends on it. */
export function runOf(document: Stored): Run | null {
  if (document.run !== undefined) return fromBson(document.run) as Run;
  const result = readTrigger(toPlain(document));
  return result.ok ? result.value : null;
}

function placeOf(cursor: string): { at: unknown; id: string } {
  const [at, id] = decodeCursor(cursor, ["number", "string"]);
  return { at: new Date(Number(at)), id: String(id) };
}
