import { setImmediate as turn } from "node:timers/promises";
import { LARGEST_INVERSE_CHANCE, TIER_NAMES, type Tier } from "../../core/evidence.ts";
import type { LabelFilter, LabelRow, Store } from "../store.ts";
import { bytesToVector } from "../vector-bytes.ts";
import { bytesOrNull, number, numberOrNull, OPINION_STATES, oneOf, text, textOrNull } from "./columns.ts";
import type { Row, SqliteConnection } from "./connection.ts";

/** Rows of one batch of `streamLabels`, at least; an opinion is never cut in two. */
const BATCH_ROWS = 1_000;

/** Inverse chance of a label's pick, as core/evidence.ts has it. Only asked where `?5` wants it: it parses the document. */
const INVERSE_CHANCE = `min(${LARGEST_INVERSE_CHANCE}, coalesce(
      coalesce(json_extract(document, '$.evidence.base_propensity'), 1.0) / json_extract(document, '$.evidence.propensity'), 1.0))`;

const COUNT = `WITH labels AS (
    SELECT max(human) AS human, max(iif(human, sequence, 0)) AS newest, min(submitted_at) AS first, max(submitted_at) AS last,
      max(iif(feature_schema = ?3 AND tier IN (SELECT value FROM json_each(?4)), sequence, NULL)) AS newest_gate,
      max(iif(?5 AND (sequence > ?1 OR ?1 = 0) AND feature_schema = ?3 AND tier IN (SELECT value FROM json_each(?4)), ${INVERSE_CHANCE}, NULL)) AS weight,
      ${TIER_NAMES.map((tier) => `sum(tier = '${tier}') AS ${tier}`).join(", ")}
    FROM feedback WHERE specialist = ?2 AND state = 'current' GROUP BY opinion)
  SELECT ${TIER_NAMES.map((tier) => `coalesce(sum(${tier}), 0) AS ${tier}`).join(", ")},
    coalesce(sum(human), 0) AS human, coalesce(sum(human AND (newest > ?1 OR ?1 = 0)), 0) AS new_human,
    coalesce(sum(newest_gate IS NOT NULL AND (newest_gate > ?1 OR ?1 = 0)), 0) AS new_gate, coalesce(sum(NOT human), 0) AS machine,
    sum(weight) AS weight, sum(weight * weight) AS squares,
    min(first) AS first, max(last) AS last,
    (SELECT max(coalesce(max(sequence), 0), 0) FROM feedback WHERE specialist = ?2) AS last_sequence
  FROM labels`;

const STREAM = `SELECT feedback_id, opinions.opinion_id, plan_id, coalesce(row_group, plan_id) AS row_group, reviewer, recommendation, rating, tier, submitted_at,
    json_extract(feedback.document, '$.evidence.propensity') AS propensity,
    json_extract(feedback.document, '$.evidence.base_propensity') AS base_propensity,
    evaluated_at, sequence, decision, confidence, opinions.state AS opinion_state, model_version, opinions.feature_schema AS feature_schema, features
  FROM opinions INDEXED BY opinions_by_specialist CROSS JOIN feedback INDEXED BY feedback_by_reviewer USING (opinion)
  WHERE opinions.specialist = ? AND feedback.state = 'current' AND sequence <= ? AND submitted_at >= ?
    AND tier IN (SELECT value FROM json_each(?))
  ORDER BY evaluated_at, opinions.opinion_id, sequence`;

const AGREEMENT = `SELECT count(*) AS judged, avg(confidence) AS mean_confidence, count(label) AS labelled,
    coalesce(sum(label = decision), 0) AS agreed
  FROM (SELECT decision, confidence, (
      SELECT recommendation FROM feedback WHERE feedback.opinion = opinions.opinion AND state = 'current' AND human
      ORDER BY submitted_at DESC, sequence DESC LIMIT 1) AS label
    FROM opinions WHERE specialist = ? AND model_version = ?)`;

/** @param openReader a second connection for a long read, so that the stream sees one state of the store; closed by the stream. */
export function labelMethods(
  connection: SqliteConnection,
  openReader: () => { reader: SqliteConnection; release: () => void },
): Pick<Store, "countLabels" | "streamLabels" | "countAgreement"> {
  const counted = rememberUntilWritten(connection);
  return {
    async countLabels(specialist, { afterSequence, gateTiers, featureSchema, weigh = false }) {
      const values = [afterSequence, specialist, featureSchema, JSON.stringify(gateTiers), weigh ? 1 : 0];
      const row = counted(COUNT, values);
      return {
        by_tier: Object.fromEntries(TIER_NAMES.map((tier) => [tier, number(row[tier])])) as Record<Tier, number>,
        human: number(row.human),
        new_human: number(row.new_human),
        new_gate: number(row.new_gate),
        new_gate_effective: weigh
          ? (numberOrNull(row.weight) ?? 0) ** 2 / (numberOrNull(row.squares) ?? 1)
          : number(row.new_gate),
        machine: number(row.machine),
        last_sequence: number(row.last_sequence),
        first_submitted_at: numberOrNull(row.first),
        last_submitted_at: numberOrNull(row.last),
      };
    },

    async *streamLabels(specialist, filter) {
      const { reader, release } = openReader();
      try {
        let batch: LabelRow[] = [];
        for (const row of rowsOf(reader, specialist, filter)) {
          const label = readLabel(row);
          if (batch.length >= BATCH_ROWS && batch.at(-1)?.opinion_id !== label.opinion_id) {
            yield batch;
            batch = [];
            await turn(); // SQLite answers at once: without this a long stream would keep everything else waiting
          }
          batch.push(label);
        }
        if (batch.length > 0) yield batch;
      } finally {
        release();
      }
    },

    async countAgreement(specialist, modelVersion) {
      const row = counted(AGREEMENT, [specialist, modelVersion]);
      return {
        judged: number(row.judged),
        mean_confidence: numberOrNull(row.mean_confidence),
        labelled: number(row.labelled),
        agreed: number(row.agreed),
      };
    },
  };
}

const VERSION = "SELECT total_changes() AS own, (SELECT data_version FROM pragma_data_version) AS others";

/**
 * One row of a query that reads many, remembered until anything in the file changes: status, review summary and events ask the same counts.
 * Source of the two counters: sqlite.org, total_changes() for this connection's writes, PRAGMA data_version for those of others.
 */
function rememberUntilWritten(connection: SqliteConnection): (sql: string, values: readonly (string | number)[]) => Row {
  let version = "";
  const known = new Map<string, Row>();
  return (sql, values) => {
    const now = connection.read(() => connection.get(VERSION));
    const found = `${now?.own} ${now?.others}`;
    if (found !== version) known.clear();
    version = found;
    const key = `${sql} ${JSON.stringify(values)}`;
    const row = known.get(key) ?? connection.read(() => connection.get(sql, ...values)) ?? {};
    known.set(key, row);
    return row;
  };
}

function* rowsOf(reader: SqliteConnection, specialist: string, filter: LabelFilter): Generator<Row> {
  const upTo = filter.upToSequence ?? Number.MAX_SAFE_INTEGER;
  const from = filter.submittedFrom ?? Number.MIN_SAFE_INTEGER;
  const tiers = JSON.stringify(filter.tiers ?? TIER_NAMES);
  const rows = reader.read(() => reader.database.prepare(STREAM).iterate(specialist, upTo, from, tiers));
  for (;;) {
    const step = reader.read(() => rows.next());
    if (step.done === true) return;
    yield step.value;
  }
}

function readLabel(row: Row): LabelRow {
  const features = bytesOrNull(row.features);
  return {
    feedback_id: text(row.feedback_id),
    opinion_id: text(row.opinion_id),
    plan_id: text(row.plan_id),
    group: text(row.row_group),
    reviewer: text(row.reviewer),
    recommendation: text(row.recommendation),
    rating: numberOrNull(row.rating),
    tier: oneOf(TIER_NAMES, row.tier),
    propensity: numberOrNull(row.propensity),
    base_propensity: numberOrNull(row.base_propensity),
    submitted_at: number(row.submitted_at),
    evaluated_at: number(row.evaluated_at),
    sequence: number(row.sequence),
    opinion_decision: text(row.decision),
    opinion_confidence: numberOrNull(row.confidence),
    opinion_state: oneOf(OPINION_STATES, row.opinion_state),
    model_version: textOrNull(row.model_version),
    feature_schema: textOrNull(row.feature_schema),
    features: features === null ? null : bytesToVector(features),
  };
}
