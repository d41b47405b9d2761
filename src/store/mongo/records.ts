import { isDeepStrictEqual } from "node:util";
import type { AuditEntry, NewAuditEntry, QuarantineEntry } from "../../core/audit.ts";
import type { Dataset } from "../../core/dataset.ts";
import type { Deployment } from "../../core/deployment.ts";
import { RequeenError } from "../../core/errors.ts";
import type { VerdictRecord } from "../../core/verdict-record.ts";
import { chainAuditEntries } from "../audit-chain.ts";
import { checkedLimit, decodeCursor, pageOf } from "../page.ts";
import type { Listed, Page, Store } from "../store.ts";
import { fieldsOf, fromBson, toBson } from "./bson-form.ts";
import type { MongoConnection, Stored } from "./connection.ts";
import { duplicateIndexes } from "./mongo-errors.ts";
import { together } from "./together.ts";

type RecordCollection = "datasets" | "verdicts" | "deployments" | "quarantine";

/** Field of each collection by which it is listed, newest first. */
/** Entries of many requests are chained and written in one call. */
const AUDIT_LIMITS = { groupItems: 500, waitingItems: 10_000 };
const TIME = { datasets: "created_at", verdicts: "created_at", deployments: "prepared_at", quarantine: "at" } as const;

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
  | "setQuarantineState"
  | "appendAudit"
  | "listAudit"
  | "getSetting"
  | "putSetting";

export function recordMethods(connection: MongoConnection): Pick<Store, Methods> {
  const get = async <T>(name: RecordCollection, id: string): Promise<T | null> => {
    const document = await connection.findOne(name, { _id: id });
    return document === null ? null : recordOf<T>(document);
  };
  const list = async <T>(name: RecordCollection, filter: Record<string, string | undefined>, page: Page): Promise<Listed<T>> => {
    const limit = checkedLimit(page);
    const time = TIME[name];
    const all: Record<string, unknown>[] = [
      Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)),
    ];
    if (page.cursor !== undefined) {
      const [at, id] = decodeCursor(page.cursor, ["number", "string"]);
      const place = storedTime(name, Number(at));
      all.push({ $or: [{ [time]: { $lt: place } }, { [time]: place, _id: { $lt: String(id) } }] });
    }
    const documents = await connection.find(name, { $and: all }, { sort: { [time]: -1, _id: -1 }, limit: limit + 1 });
    return pageOf(documents, limit, recordOf<T>, (document) => [Number(document[time]), String(document._id)]);
  };

  return {
    addDataset: async (dataset) =>
      void (await connection.insertIfFree("datasets", { ...fieldsOf(dataset), _id: dataset.dataset_id })),
    getDataset: (datasetId) => get<Dataset>("datasets", datasetId),
    listDatasets: ({ specialist }, page) => list<Dataset>("datasets", { specialist }, page),

    addVerdict: async (verdict) =>
      void (await connection.insertIfFree("verdicts", { ...fieldsOf(verdict), _id: verdict.verdict_id })),
    getVerdict: (verdictId) => get<VerdictRecord>("verdicts", verdictId),
    listVerdicts: ({ specialist }, page) => list<VerdictRecord>("verdicts", { specialist }, page),

    async addDeployment(deployment) {
      const { deployment_id } = deployment;
      if (await connection.insertIfFree("deployments", { ...fieldsOf(deployment), _id: deployment_id })) return;
      if (isDeepStrictEqual(await get<Deployment>("deployments", deployment_id), deployment)) return;
      throw new RequeenError("already_exists", `deployment ${deployment_id} is there with other content`, { deployment_id });
    },
    async putDeployment(deployment) {
      const { deployment_id } = deployment;
      const { matchedCount } = await connection.guard(() =>
        connection.collection("deployments").replaceOne({ _id: deployment_id }, fieldsOf(deployment)),
      );
      if (matchedCount === 0) throw new RequeenError("not_found", `no deployment has the id ${deployment_id}`, { deployment_id });
    },
    listDeployments: ({ specialist, state }, page) => list<Deployment>("deployments", { specialist, state }, page),

    async addQuarantine(entries) {
      await connection.insertFree("quarantine", entries.map(quarantineDocument));
    },
    async getQuarantine(quarantineId) {
      const document = await connection.findOne("quarantine", { _id: quarantineId });
      return document === null ? null : quarantineOf(document);
    },
    async listQuarantine({ kind, state }, page) {
      const { items, next } = await list<QuarantineEntry>("quarantine", { kind, state }, page);
      return { items: items.map((entry) => ({ ...entry, document: JSON.parse(String(entry.document)) })), next };
    },
    async setQuarantineState(quarantineId, state) {
      const { matchedCount } = await connection.guard(() =>
        connection.collection("quarantine").updateOne({ _id: quarantineId }, { $set: { state } }),
      );
      if (matchedCount === 0)
        throw new RequeenError("not_found", `nothing in quarantine has the id ${quarantineId}`, { quarantine_id: quarantineId });
    },

    /** The sequence is the `_id`: if another process appended meanwhile, the insert fails and the rest is chained anew. */
    appendAudit: together(async (entries: readonly NewAuditEntry[]) => {
      const appended: AuditEntry[] = [];
      while (appended.length < entries.length) {
        const [last] = await connection.find("audit", { _id: { $gte: 1 } }, { sort: { _id: -1 }, limit: 1 });
        const chained = chainAuditEntries(last === undefined ? null : recordOf<AuditEntry>(last), entries.slice(appended.length));
        const documents = chained.map((entry) => ({ ...fieldsOf(entry), _id: entry.sequence }) as Stored);
        try {
          await connection.guard(() => connection.collection("audit").insertMany(documents, { ordered: true }));
          appended.push(...chained);
        } catch (error) {
          const [refused] = duplicateIndexes(error) ?? [];
          if (refused === undefined) throw error;
          appended.push(...chained.slice(0, refused));
        }
      }
      return appended;
    }, AUDIT_LIMITS),
    async listAudit({ subject, afterSequence }, page) {
      const limit = checkedLimit(page);
      const [cursor] = page.cursor === undefined ? [0] : decodeCursor(page.cursor, ["number"]);
      const after = Math.max(afterSequence ?? 0, Number(cursor));
      const filter = { _id: { $gt: after }, ...(subject === undefined ? {} : { subject }) };
      const documents = await connection.find("audit", filter, { sort: { _id: 1 }, limit: limit + 1 });
      return pageOf(documents, limit, recordOf<AuditEntry>, (document) => [Number(document._id)]);
    },

    async getSetting(key) {
      const document = await connection.findOne("settings", { _id: key });
      return document === null ? null : fromBson(document.value);
    },
    async putSetting(key, value) {
      await connection.put("settings", { _id: key, value: toBson(value) });
    },
  };
}

/** `at` alone does not end in `_at`, so that it stands as a number; see toBson. */
const storedTime = (name: RecordCollection, ms: number): Date | number => (TIME[name] === "at" ? ms : new Date(ms));

/** The type is trusted: only this program writes these collections. */
export function recordOf<T>({ _id, ...body }: Stored): T {
  return fromBson(body) as T;
}

export function quarantineOf(document: Stored): QuarantineEntry {
  const entry = recordOf<QuarantineEntry>(document);
  return { ...entry, document: JSON.parse(String(entry.document)) };
}

/** The document as text: what could not be read may not fit into BSON either. */
export const quarantineDocument = ({ document, ...entry }: QuarantineEntry): Stored => ({
  ...fieldsOf(entry),
  document: JSON.stringify(document),
  _id: entry.quarantine_id,
});
