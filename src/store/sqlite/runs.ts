import { RequeenError } from "../../core/errors.ts";
import type { Run } from "../../core/run.ts";
import type { Store } from "../store.ts";
import { number, text } from "./columns.ts";
import type { SqliteConnection } from "./connection.ts";
import { getRecord, listRecords } from "./records.ts";

type Methods = "addRun" | "putRun" | "getRun" | "listRuns" | "acquireLease" | "renewLease" | "releaseLease" | "getLease";

export function runMethods(connection: SqliteConnection): Pick<Store, Methods> {
  /** @throws RequeenError run_active when another run of the specialist is running. */
  const checkAlone = (run: Run): void => {
    if (run.state !== "running") return;
    const other = connection.get(
      "SELECT id FROM runs WHERE specialist = ? AND state = 'running' AND id <> ?",
      run.specialist,
      run.run_id,
    );
    if (other === undefined) return;
    throw new RequeenError("run_active", `specialist ${run.specialist} may have one running run; ${text(other.id)} is running`, {
      specialist: run.specialist,
      run_id: text(other.id),
    });
  };
  return {
    async addRun(run) {
      await connection.writeTogether(1, () => {
        const { run_id, specialist, state, trigger, fence, started_at } = run;
        if (connection.get("SELECT 1 FROM runs WHERE id = ?", run_id) !== undefined)
          throw new RequeenError("conflict", `run ${run_id} is there already`, { run_id });
        const same = connection.get(
          "SELECT id FROM runs WHERE specialist = ? AND evidence_key = ?",
          specialist,
          trigger.evidence_key,
        );
        if (same !== undefined)
          throw new RequeenError(
            "conflict",
            `the evidence ${trigger.evidence_key} of ${specialist} was used by run ${text(same.id)}`,
            {
              run_id: text(same.id),
              evidence_key: trigger.evidence_key,
            },
          );
        checkAlone(run);
        connection.run(
          "INSERT INTO runs (id, specialist, state, evidence_key, fence, at, document) VALUES (?, ?, ?, ?, ?, ?, ?)",
          run_id,
          specialist,
          state,
          trigger.evidence_key,
          fence,
          started_at,
          JSON.stringify(run),
        );
      });
    },

    async putRun(run) {
      await connection.writeTogether(1, () => {
        const stored = connection.get("SELECT fence FROM runs WHERE id = ?", run.run_id);
        if (stored === undefined)
          throw new RequeenError("run_not_found", `no run has the id ${run.run_id}`, { run_id: run.run_id });
        const fence = number(stored.fence);
        if (fence > run.fence)
          throw new RequeenError(
            "lease_lost",
            `run ${run.run_id} was taken over: fencing token ${run.fence} is older than ${fence}`,
            {
              run_id: run.run_id,
              fence,
            },
          );
        checkAlone(run);
        connection.run(
          "UPDATE runs SET state = ?, fence = ?, document = ? WHERE id = ?",
          run.state,
          run.fence,
          JSON.stringify(run),
          run.run_id,
        );
      });
    },

    async getRun(runId) {
      return getRecord<Run>(connection, "runs", runId);
    },

    async listRuns({ specialist, state }, page) {
      return listRecords<Run>(connection, "runs", { specialist, state }, page);
    },

    async acquireLease(name, owner, ttlMs, now) {
      return connection.writeInOrder(() => {
        // Rows stay after release, so the largest fence of all is never given twice.
        const row = connection.get(
          `INSERT INTO leases (name, owner, fence, expires_at)
             VALUES (?, ?, (SELECT coalesce(max(fence), 0) + 1 FROM leases), ?)
           ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, fence = excluded.fence, expires_at = excluded.expires_at
             WHERE leases.owner IS NULL OR leases.owner = excluded.owner OR leases.expires_at <= ?
           RETURNING fence`,
          name,
          owner,
          now + ttlMs,
          now,
        );
        return row === undefined ? null : { fence: number(row.fence) };
      });
    },

    async renewLease(name, owner, fence, ttlMs, now) {
      const sql = "UPDATE leases SET expires_at = ? WHERE name = ? AND owner = ? AND fence = ?";
      return connection.writeInOrder(() => connection.run(sql, now + ttlMs, name, owner, fence) === 1);
    },

    async releaseLease(name, owner, fence) {
      connection.writeInOrder(() =>
        connection.run("UPDATE leases SET owner = NULL WHERE name = ? AND owner = ? AND fence = ?", name, owner, fence),
      );
    },

    async getLease(name) {
      const row = connection.read(() =>
        connection.get("SELECT owner, fence, expires_at FROM leases WHERE name = ? AND owner IS NOT NULL", name),
      );
      return row === undefined ? null : { owner: text(row.owner), fence: number(row.fence), expires_at: number(row.expires_at) };
    },
  };
}
