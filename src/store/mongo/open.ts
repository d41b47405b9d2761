import type { CreateIndexesOptions, Db, IndexSpecification } from "mongodb";
import { RequeenError } from "../../core/errors.ts";
import type { Channel } from "../../core/evidence.ts";
import type { MovableStore } from "../movable.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { COLLECTIONS, type CollectionName, MongoConnection } from "./connection.ts";
import { feedbackMethods } from "./feedback.ts";
import { summaryMethods } from "./feedback-summary.ts";
import { labelMethods } from "./labels.ts";
import { translateMongoError, weightOf } from "./mongo-errors.ts";
import { moveMethods } from "./move.ts";
import { opinionMethods } from "./opinions.ts";
import { originalDocuments } from "./original-documents.ts";
import { DocumentReader } from "./originals.ts";
import { recordMethods } from "./records.ts";
import { requestMethods } from "./requests.ts";
import { reviewMethods } from "./review.ts";
import { runMethods } from "./runs.ts";
import { tokenMethods } from "./tokens.ts";
import { WaitingRing, waitingEntry } from "./waiting.ts";

export interface MongoOptions {
  /** Wall clock, ms. */
  readonly now: () => number;
  /** Overrides the database of the URI; `neural_hive`, the operators' own, where neither names one. */
  readonly database?: string;
  /** How feedback that the original system left here counts as having arrived: `import` (a machine tier), or `import_vouched`. */
  readonly originalFeedback?: Extract<Channel, "import" | "import_vouched">;
  /** How long a call looks for a usable server, ms. */
  readonly serverTimeoutMs?: number;
  /** How long a call waits for an answer, ms. */
  readonly socketTimeoutMs?: number;
  readonly maxConnections?: number;
  /** How long a call waits for one of these connections, ms. */
  readonly waitQueueTimeoutMs?: number;
  /** Failures in a row after which the server is not asked for `breakerPauseMs`; see CircuitBreaker. */
  readonly breakerFailures?: number;
  readonly breakerPauseMs?: number;
}

const SCHEMA_VERSION = 2;
const SCHEMA_SETTING = "requeen:schema";

/** Index fields beside `_id`. Those of the original system are made by it with the same names, and are then left as they are. */
const INDEXES: readonly { collection: CollectionName; fields: IndexSpecification; options?: CreateIndexesOptions }[] = [
  { collection: "opinions", fields: { opinion_id: 1 }, options: { unique: true } },
  { collection: "opinions", fields: { specialist_type: 1, evaluated_at: 1, opinion_id: 1 } },
  { collection: "opinions", fields: { evaluated_at: 1, opinion_id: 1 } },
  { collection: "opinions", fields: { plan_id: 1 } },
  { collection: "opinions", fields: { specialist_type: 1, "model.version": 1 } },
  { collection: "feedback", fields: { feedback_id: 1 }, options: { unique: true } },
  { collection: "feedback", fields: { opinion_id: 1 } },
  { collection: "feedback", fields: { specialist_type: 1, opinion_id: 1 } },
  { collection: "runs", fields: { trigger_id: 1 }, options: { unique: true } },
  { collection: "runs", fields: { specialist_type: 1, triggered_at: -1 } },
  { collection: "datasets", fields: { specialist: 1, created_at: -1 } },
  { collection: "verdicts", fields: { specialist: 1, created_at: -1 } },
  { collection: "deployments", fields: { specialist: 1, prepared_at: -1 } },
  { collection: "quarantine", fields: { state: 1, at: -1 } },
  { collection: "claims", fields: { claim_id: 1 }, options: { unique: true } },
  { collection: "claims", fields: { opinion_id: 1, turn: -1 } },
  { collection: "claims", fields: { reviewer: 1, claimed_at: -1 } },
  { collection: "waiting", fields: { specialist: 1, key: 1, _id: 1 } },
  { collection: "audit", fields: { subject: 1 } },
  { collection: "requests", fields: { expires_at: 1 } },
];

/** An index over these fields is there under another name or with other options: it serves. */
const INDEX_IS_THERE = new Set([85, 86]);

/**
 * Opens the store in a MongoDB (4.4 or newer, or what speaks its protocol), alone, replicated or sharded. Every write is one document at a
 * time and safe by itself. Judgements of one call are one transaction where the server has them (replica sets, sharded clusters). On a server
 * alone a call that fails half way may have stored the first part of its list; sending the list again adds the rest and answers `same` for
 * the first part. What spans collections (a run and its claim, a judgement and the queue) is ordered so that whoever comes next finishes it.
 *
 * Asked of the server: find, insert, update, replace, delete, findAndModify, createIndexes, count by an aggregation of $match and $group; the operators $and, $or, $in, $ne,
 * $gt, $gte, $lt, $lte, $exists, $type, $set, $inc; sort, skip, limit, projection. No other aggregation, no $lookup. With
 * transactions: commitTransaction, abortTransaction.
 * @param uri `mongodb://` or `mongodb+srv://`, with user and password if needed; it is never shown.
 * @throws RequeenError bad_config, store_unavailable, store_read_only, store_too_new
 */
export async function openMongoStore(uri: string, options: MongoOptions): Promise<MovableStore> {
  const { MongoClient, ObjectId } = await import("mongodb"); // here and not above: who uses SQLite alone does not load the driver
  const client = clientOf(() => {
    return new MongoClient(uri, {
      ...waitsAndPool(uri, options),
      writeConcern: { w: "majority", journal: true },
      readConcernLevel: "majority",
      ignoreUndefined: true,
      appName: "requeen",
    });
  });
  const named = options.database ?? databaseOf(uri);
  const db = client.db(named ?? "neural_hive");
  const place = `${client.options.hosts.map((host) => host.toString()).join(",")}/${db.databaseName}`;
  const { breakerFailures: failures = 3, breakerPauseMs: pauseMs = 2_000 } = options;
  let closed = false;
  const breaker = new CircuitBreaker({ failures, pauseMs, place, nowMs: () => performance.now() }, weightOf);
  const connection = new MongoConnection(db, place, breaker, {
    objectId: (hex) => new ObjectId(hex),
    startSession: () => client.startSession(),
    async reconnect() {
      await client.close();
      if (closed) return;
      await client.connect();
      if (closed) await client.close();
    },
  });
  try {
    await client.connect();
    await connection.probe();
    await prepare(db, connection);
  } catch (error) {
    await client.close();
    throw translateMongoError(error, place);
  }

  const reader = new DocumentReader(connection, options.originalFeedback ?? "import", options.now);
  const ring = new WaitingRing(connection, reader, options.now);
  const feedback = feedbackMethods(connection, reader, ring, options.now);
  const opinions = opinionMethods(connection, reader, ring, options.now);
  return {
    ...opinions,
    ...feedback,
    openBulkWriter: () => ({
      addOpinions: opinions.addOpinions,
      addFeedback: feedback.addFeedback,
      [Symbol.asyncDispose]: async () => undefined,
    }),
    ...reviewMethods(connection, reader, ring, feedback.addFeedback),
    ...labelMethods(connection, reader),
    ...runMethods(connection),
    ...recordMethods(connection),
    ...tokenMethods(connection),
    ...requestMethods(connection),
    ...summaryMethods(connection, reader),
    ...moveMethods(connection, reader, ring, options.now),
    originals: originalDocuments(connection, reader),
    async ping() {
      // touches a document that is nobody's: takes the write path, changes nothing
      await connection.guard(() => connection.collection("settings").deleteOne({ _id: "" }));
    },
    circuit: () => breaker.circuit,
    async close() {
      closed = true;
      await client.close();
    },
  };
}

/** What the options say; what neither they nor the connection string says has defaults of ours. Retryable writes are the driver's own. */
function waitsAndPool(uri: string, options: MongoOptions): Record<string, number> {
  const { serverTimeoutMs, socketTimeoutMs, maxConnections, waitQueueTimeoutMs } = options;
  const wanted: readonly [name: string, given: number | undefined, usual: number][] = [
    ["serverSelectionTimeoutMS", serverTimeoutMs, 5_000],
    ["connectTimeoutMS", serverTimeoutMs, 5_000],
    ["socketTimeoutMS", socketTimeoutMs, 30_000],
    ["waitQueueTimeoutMS", waitQueueTimeoutMs, 5_000],
    ["maxPoolSize", maxConnections, 20],
  ];
  const inUri = (name: string): boolean => uri.toLowerCase().includes(`${name.toLowerCase()}=`);
  return Object.fromEntries(
    wanted.flatMap(([name, given, usual]) => (given === undefined && inUri(name) ? [] : [[name, given ?? usual]])),
  );
}

function clientOf<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new RequeenError(
      "bad_config",
      "MONGODB_URI must be a MongoDB connection string, mongodb://host/database",
      {},
      { cause },
    );
  }
}

/** The path of the URI; null when it names none. */
function databaseOf(uri: string): string | null {
  const path = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]*)/.exec(uri)?.[1];
  return path === undefined || path === "" ? null : decodeURIComponent(path);
}

/** Looks before it writes: a database of a newer Requeen is left as it is. */
async function prepare(db: Db, connection: MongoConnection): Promise<void> {
  const stored = await connection.findOne("settings", { _id: SCHEMA_SETTING });
  const version = Number(stored?.value ?? 0);
  if (version > SCHEMA_VERSION)
    throw new RequeenError(
      "store_too_new",
      `the MongoDB ${connection.place} has schema ${version}; this Requeen reads up to ${SCHEMA_VERSION}`,
      {
        schema: version,
        known: SCHEMA_VERSION,
      },
    );
  for (const { collection, fields, options = {} } of INDEXES) await makeIndex(db, COLLECTIONS[collection], fields, options);
  if (version === 1) await toSchema2(connection);
  if (version < SCHEMA_VERSION) await connection.put("settings", { _id: SCHEMA_SETTING, value: SCHEMA_VERSION });
}

/** Generated opinions get a state of their own; the others of ours are put into the review queue, which drops those that are judged. */
async function toSchema2(connection: MongoConnection): Promise<void> {
  const generated = { state: "no_champion", "opinion.metadata.generated": true };
  const opinions = connection.collection("opinions");
  await connection.guard(() => opinions.updateMany(generated, { $set: { state: "generated" } }));
  const options = { sort: { opinion_id: 1 }, limit: 1_000, projection: { opinion_id: 1, specialist_type: 1, state: 1 } } as const;
  for (let after = ""; ; ) {
    const documents = await connection.find("opinions", { opinion_id: { $gt: after } }, options);
    const waiting = documents.filter(({ state }) => state !== "generated");
    await connection.insertFree(
      "waiting",
      waiting.map(({ opinion_id, specialist_type }) => waitingEntry(String(opinion_id), String(specialist_type))),
    );
    const last = documents.at(-1);
    if (documents.length < options.limit || last === undefined) return;
    after = String(last.opinion_id);
  }
}

async function makeIndex(db: Db, collection: string, fields: IndexSpecification, options: CreateIndexesOptions): Promise<void> {
  try {
    await db.collection(collection).createIndex(fields, options);
  } catch (error) {
    if (error instanceof Error && "code" in error && typeof error.code === "number" && INDEX_IS_THERE.has(error.code)) return;
    throw error;
  }
}
