import { isDeepStrictEqual } from "node:util";
import type { QuarantineEntry } from "../../core/audit.ts";
import type { Dataset } from "../../core/dataset.ts";
import type { Deployment } from "../../core/deployment.ts";
import { RequeenError } from "../../core/errors.ts";
import type { VerdictRecord } from "../../core/verdict-record.ts";
import { checkedLimit, decodeCursor, pageOf } from "../page.ts";
import type { Listed, Page, Store } from "../store.ts";
import { document, number, text } from "./columns.ts";
import type { SqliteConnection } from "./connection.ts";

/** Tables of the form (id, some columns to filter by, at, document), listed newest first. */
type RecordTable = "runs" | "datasets" | "verdicts" | "deployments" | "quarantine" | "tokens";
type RecordFilter = Readonly<Record<string, string | undefined>>;

export function getRecord<T>(connection: SqliteConnection, table: RecordTable, id: string): T | null {
  const row = connection.read(() => connection.get(`SELECT document FROM ${table} WHERE id = ?`, id));
  return row === undefined ? null : document<T>(row.document);
}

/** @param filter column names of the table (ours, never a caller's) with the value wanted; undefined = any. */
export function listRecords<T>(connection: SqliteConnection, table: RecordTable, filter: RecordFilter, page: Page): Listed<T> {
  const limit = checkedLimit(page);
  const wanted = Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const conditions = wanted.map(([column]) => `${column} = ?`);
  const values: (string | number)[] = wanted.map(([, value]) => value);
  if (page.cursor !== undefined) {
    conditions.push("(at, id) < (?, ?)");
    values.push(...decodeCursor(page.cursor, ["number", "string"]));
  }
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const sql = `SELECT id, at, document FROM ${table} ${where} ORDER BY at DESC, id DESC LIMIT ?`;
  const rows = connection.read(() => connection.all(sql, ...values, limit + 1));
  return pageOf(
    rows,
    limit,
    (row) => document<T>(row.document),
    (row) => [number(row.at), text(row.id)],
  );
}

type Methods =
  | "addDataset"
  | "getDataset"
  | "listDatasets"
  | "addVerdict"
  | "getVerdict"
  | "listVerdicts"
  | "addDeployment"
  | "putDeployment"
  | "listDeployments"
  | "addQuarantine"
  | "getQuarantine"
  | "listQuarantine"
  | "setQuarantineState";

export function recordMethods(connection: SqliteConnection): Pick<Store, Methods> {
  return {
    async addDataset(dataset) {
      const sql = "INSERT INTO datasets (id, specialist, at, document) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING";
      const { dataset_id, specialist, created_at } = dataset;
      await connection.writeTogether(1, () => connection.run(sql, dataset_id, specialist, created_at, JSON.stringify(dataset)));
    },
    async getDataset(datasetId) {
      return getRecord<Dataset>(connection, "datasets", datasetId);
    },
    async listDatasets({ specialist }, page) {
      return listRecords<Dataset>(connection, "datasets", { specialist }, page);
    },

    async addVerdict(verdict) {
      const sql = "INSERT INTO verdicts (id, specialist, at, document) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING";
      const { verdict_id, specialist, created_at } = verdict;
      await connection.writeTogether(1, () => connection.run(sql, verdict_id, specialist, created_at, JSON.stringify(verdict)));
    },
    async getVerdict(verdictId) {
      return getRecord<VerdictRecord>(connection, "verdicts", verdictId);
    },
    async listVerdicts({ specialist }, page) {
      return listRecords<VerdictRecord>(connection, "verdicts", { specialist }, page);
    },

    async addDeployment(deployment) {
      const sql =
        "INSERT INTO deployments (id, specialist, state, at, document) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING";
      const { deployment_id, specialist, state, prepared_at } = deployment;
      await connection.writeTogether(1, () => {
        if (connection.run(sql, deployment_id, specialist, state, prepared_at, JSON.stringify(deployment)) === 1) return;
        if (isDeepStrictEqual(getRecord<Deployment>(connection, "deployments", deployment_id), deployment)) return;
        throw new RequeenError("already_exists", `deployment ${deployment_id} is there with other content`, { deployment_id });
      });
    },
    async putDeployment(deployment) {
      const sql = "UPDATE deployments SET state = ?, at = ?, document = ? WHERE id = ?";
      const { deployment_id, state, prepared_at } = deployment;
      await connection.writeTogether(1, () => {
        if (connection.run(sql, state, prepared_at, JSON.stringify(deployment), deployment_id) === 0)
          throw new RequeenError("not_found", `no deployment has the id ${deployment_id}`, { deployment_id });
      });
    },
    async listDeployments({ specialist, state }, page) {
      return listRecords<Deployment>(connection, "deployments", { specialist, state }, page);
    },

    async addQuarantine(entries) {
      const sql = "INSERT INTO quarantine (id, kind, state, at, document) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING";
      await connection.writeTogether(entries.length, () => {
        for (const entry of entries)
          connection.run(sql, entry.quarantine_id, entry.kind, entry.state, entry.at, JSON.stringify(entry));
      });
    },
    async getQuarantine(quarantineId) {
      return getRecord<QuarantineEntry>(connection, "quarantine", quarantineId);
    },
    async listQuarantine({ kind, state }, page) {
      return listRecords<QuarantineEntry>(connection, "quarantine", { kind, state }, page);
    },
    async setQuarantineState(quarantineId, state) {
      connection.write(() => {
        const entry = getRecord<QuarantineEntry>(connection, "quarantine", quarantineId);
        if (entry === null)
          throw new RequeenError("not_found", `nothing in quarantine has the id ${quarantineId}`, {
            quarantine_id: quarantineId,
          });
        connection.run(
          "UPDATE quarantine SET state = ?, document = ? WHERE id = ?",
          state,
          JSON.stringify({ ...entry, state }),
          quarantineId,
        );
      });
    },
  };
}
