import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { type BulkAnswer, type BulkAsk, type BulkPlace, type BulkWork, bulkError } from "./bulk-messages.ts";
import { number, text, textOrNull } from "./columns.ts";
import { SqliteConnection } from "./connection.ts";
import { feedbackMethods, lastSequence } from "./feedback.ts";
import { FEEDBACK_PLACES, FEEDBACK_WIDTH, INSERT_FEEDBACK } from "./feedback-rows.ts";
import { INSERT_OPINION, OPINION_PLACES, OPINION_WIDTH } from "./opinion-rows.ts";
import { opinionMethods } from "./opinions.ts";
import { setPragmas, setWriterPragmas } from "./pragmas.ts";
import { translateSqliteError } from "./sqlite-errors.ts";
import { addWaiting, removeWaiting } from "./waiting.ts";

/** The thread of a BulkWriter: a connection of its own to the file, one transaction for each message. */

/**
 * Between two transactions, so that other writers of the file get in: they ask again at least every 25 ms, and an import is many transactions.
 * Without it one follows another at once.
 */
const OTHERS_TURN_MS = 10;

const { path, busyTimeoutMs, maxSizeBytes } = workerData as BulkPlace; // what bulk-writer.ts gives
const port = parentPort;
if (port === null) throw new Error("bulk-thread.ts runs as a worker thread");

let recordedAt = 0;
let opened: { connection: SqliteConnection; methods: ReturnType<typeof methodsOf> } | null = null;
const methodsOf = (connection: SqliteConnection) => ({
  ...opinionMethods(connection),
  ...feedbackMethods(connection, () => recordedAt),
});

function open(): { connection: SqliteConnection; methods: ReturnType<typeof methodsOf> } {
  try {
    const connection = new SqliteConnection(new DatabaseSync(path, { timeout: busyTimeoutMs, allowExtension: false }), path, {
      busyTimeoutMs,
    });
    setPragmas(connection.database);
    setWriterPragmas(connection.database, maxSizeBytes);
    return { connection, methods: methodsOf(connection) };
  } catch (error) {
    throw translateSqliteError(error, path);
  }
}

async function run(work: BulkWork): Promise<unknown> {
  if (work.kind === "end") return opened?.connection.close();
  opened ??= open();
  const { connection, methods } = opened;
  switch (work.kind) {
    case "opinionRows":
      return connection.write(() => addOpinionRows(connection, work.values, work.vectors));
    case "feedbackRows":
      return connection.write(() => addFeedbackRows(connection, work.values, work.recordedAt));
    case "opinions":
      return methods.addOpinions(work.opinions);
    case "feedback":
      recordedAt = work.recordedAt;
      return methods.addFeedback(work.feedback);
  }
}

function addOpinionRows(connection: SqliteConnection, values: readonly SQLInputValue[], vectors: Uint8Array): Uint8Array {
  const insert = connection.prepare(INSERT_OPINION);
  const answers = new Uint8Array(values.length / OPINION_WIDTH);
  let from = 0;
  for (let place = 0; place < answers.length; place += 1) {
    const row = values.slice(place * OPINION_WIDTH, (place + 1) * OPINION_WIDTH);
    const bytes = row[OPINION_PLACES.features];
    if (typeof bytes === "number") {
      row[OPINION_PLACES.features] = vectors.subarray(from, from + bytes);
      from += bytes;
    }
    const { changes, lastInsertRowid } = insert.run(...row);
    if (changes === 0) continue;
    answers[place] = 1;
    if (row[OPINION_PLACES.state] === "generated") continue;
    addWaiting(
      connection,
      String(row[OPINION_PLACES.specialist]),
      String(row[OPINION_PLACES.opinionId]),
      Number(lastInsertRowid),
    );
  }
  return answers;
}

const OPINION = "SELECT opinion, specialist, feature_schema FROM opinions WHERE opinion_id = ?";
const ANY_JUDGEMENT = "SELECT 1 FROM feedback WHERE opinion = ? AND reviewer = ? LIMIT 1";

/** Stores the judgements that are a reviewer's first on a known opinion of their specialist; the others are left to the store's own method. */
function addFeedbackRows(connection: SqliteConnection, values: readonly SQLInputValue[], at: number): Uint8Array {
  const [findOpinion, findJudgement] = [connection.prepare(OPINION), connection.prepare(ANY_JUDGEMENT)];
  const insert = connection.prepare(INSERT_FEEDBACK);
  const answers = new Uint8Array(values.length / (1 + FEEDBACK_WIDTH));
  let sequence = lastSequence(connection);
  for (let place = 0; place < answers.length; place += 1) {
    const from = place * (1 + FEEDBACK_WIDTH);
    const opinionId = String(values[from]);
    const row = values.slice(from + 1, from + 1 + FEEDBACK_WIDTH);
    const specialist = String(row[FEEDBACK_PLACES.specialist]);
    const found = findOpinion.get(opinionId);
    if (found === undefined || text(found.specialist) !== specialist) continue;
    const opinion = number(found.opinion);
    if (findJudgement.get(opinion, row[FEEDBACK_PLACES.reviewer] ?? null) !== undefined) continue;
    row[FEEDBACK_PLACES.sequence] = sequence + 1;
    row[FEEDBACK_PLACES.opinion] = opinion;
    row[FEEDBACK_PLACES.featureSchema] = textOrNull(found.feature_schema);
    row[FEEDBACK_PLACES.recordedAt] = at;
    if (insert.run(...row).changes === 0) continue;
    answers[place] = 1;
    sequence += 1;
    if (row[FEEDBACK_PLACES.human] === 1) removeWaiting(connection, specialist, opinionId, opinion);
  }
  return answers;
}

let last: Promise<void> = Promise.resolve();
port.on("message", ({ id, work }: BulkAsk) => {
  last = last.then(async () => {
    let told: BulkAnswer;
    try {
      told = { id, answer: await run(work) };
    } catch (error) {
      told = { id, error: bulkError(error) };
    }
    port.postMessage(told);
    if (work.kind !== "end") await pause(OTHERS_TURN_MS);
  });
});
