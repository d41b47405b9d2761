import { RequeenError } from "../../core/errors.ts";
import { ringKey } from "../ring-key.ts";
import type { SqliteConnection } from "./connection.ts";

/** `application_id` in the file's header: "RQEN" in ASCII. */
export const APPLICATION_ID = 0x5251_454e;

/**
 * The steps that bring a file from empty to today's form; step n makes `user_version` n. A released step is never edited: a change is a
 * new step at the end. Documents are JSON of the types in core/, times in ms; opinions and feedback hold
 * there only what has no column, see compact.ts.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE opinions (
    opinion INTEGER PRIMARY KEY,
    opinion_id TEXT NOT NULL,
    specialist TEXT NOT NULL,
    plan_id TEXT NOT NULL,
    model_version TEXT,
    evaluated_at INTEGER NOT NULL,
    decision TEXT NOT NULL,
    confidence REAL,
    state TEXT NOT NULL,
    row_group TEXT,           -- null: the plan_id
    feature_schema TEXT,
    features BLOB,            -- float64, little-endian, NaN = missing
    document TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX opinions_by_id ON opinions (opinion_id);
  CREATE INDEX opinions_by_specialist ON opinions (specialist, evaluated_at, opinion_id);
  CREATE INDEX opinions_by_time ON opinions (evaluated_at, opinion_id);
  CREATE INDEX opinions_by_plan ON opinions (plan_id);
  CREATE INDEX opinions_by_model ON opinions (specialist, model_version, decision, confidence) WHERE model_version IS NOT NULL;

  CREATE TABLE feedback (
    sequence INTEGER PRIMARY KEY,
    feedback_id TEXT NOT NULL,
    opinion INTEGER NOT NULL REFERENCES opinions (opinion),
    feature_schema TEXT,      -- of the opinion, which never changes: counting needs no join
    specialist TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    tier TEXT NOT NULL,
    human INTEGER NOT NULL,   -- 1: a human tier
    state TEXT NOT NULL,
    recommendation TEXT NOT NULL,
    rating REAL,
    submitted_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    retracted_at INTEGER,
    document TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX feedback_by_id ON feedback (feedback_id);
  CREATE INDEX feedback_by_reviewer ON feedback (opinion, reviewer, submitted_at);
  CREATE INDEX feedback_by_specialist ON feedback (specialist);
  CREATE INDEX feedback_of_reviewer ON feedback (reviewer);
  CREATE INDEX feedback_current ON feedback (specialist, opinion, human, tier, feature_schema, submitted_at) WHERE state = 'current';

  CREATE TABLE runs (
    id TEXT NOT NULL UNIQUE,
    specialist TEXT NOT NULL,
    state TEXT NOT NULL,
    evidence_key TEXT,
    fence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    document TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX runs_running ON runs (specialist) WHERE state = 'running';
  CREATE UNIQUE INDEX runs_by_evidence ON runs (specialist, evidence_key) WHERE evidence_key IS NOT NULL;
  CREATE INDEX runs_by_time ON runs (at, id);

  CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    owner TEXT,               -- null: released
    fence INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE datasets (id TEXT NOT NULL UNIQUE, specialist TEXT NOT NULL, at INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
  CREATE INDEX datasets_by_time ON datasets (at, id);

  CREATE TABLE verdicts (id TEXT NOT NULL UNIQUE, specialist TEXT NOT NULL, at INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
  CREATE INDEX verdicts_by_time ON verdicts (at, id);

  CREATE TABLE deployments (
    id TEXT NOT NULL UNIQUE, specialist TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX deployments_by_time ON deployments (at, id);

  CREATE TABLE quarantine (
    id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX quarantine_by_time ON quarantine (at, id);

  CREATE TABLE audit_log (
    sequence INTEGER PRIMARY KEY, subject TEXT NOT NULL, hash TEXT NOT NULL, document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_by_subject ON audit_log (subject);

  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE review_waiting (
    specialist TEXT NOT NULL,
    key INTEGER NOT NULL,     -- ring_key(opinion_id)
    opinion INTEGER NOT NULL REFERENCES opinions (opinion),
    PRIMARY KEY (specialist, key, opinion)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE review_queue (
    claim_id TEXT NOT NULL,
    opinion INTEGER NOT NULL REFERENCES opinions (opinion),
    specialist TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    state TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    closed_at INTEGER,
    document TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX review_by_id ON review_queue (claim_id);
  CREATE UNIQUE INDEX review_open ON review_queue (opinion) WHERE state = 'open';
  CREATE INDEX review_open_of ON review_queue (reviewer, claimed_at, claim_id) WHERE state = 'open';
  CREATE INDEX review_by_opinion ON review_queue (opinion);
  CREATE INDEX review_by_reviewer ON review_queue (reviewer, claimed_at, claim_id);
  CREATE INDEX review_by_time ON review_queue (claimed_at, claim_id);

  CREATE TABLE review_seen (
    seen INTEGER PRIMARY KEY, reviewer TEXT NOT NULL, opinion_id TEXT NOT NULL, seen_at INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX review_seen_by_reviewer ON review_seen (reviewer, opinion_id);

  -- what the generator stored before it had a state of its own
  UPDATE opinions SET state = 'generated'
    WHERE state = 'no_champion' AND json_extract(document, '$.opinion.metadata.generated') = 1;
  INSERT INTO review_waiting (specialist, key, opinion)
    SELECT specialist, ring_key(opinion_id), opinion FROM opinions WHERE state <> 'generated'
      AND NOT EXISTS (SELECT 1 FROM feedback WHERE feedback.opinion = opinions.opinion AND feedback.state = 'current' AND human);
  `,
  `
  CREATE TABLE tokens (id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
  CREATE INDEX tokens_by_time ON tokens (at, id);
  `,
  `
  CREATE TABLE remembered_requests (
    key TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    owner TEXT NOT NULL,
    claimed_until INTEGER NOT NULL,
    at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    status INTEGER,           -- null: not answered yet
    media_type TEXT,
    body TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX requests_by_expiry ON remembered_requests (expires_at);
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * What the file is, read without writing to it.
 * @throws RequeenError store_corrupt when it is not ours, store_too_new when a newer Requeen wrote it.
 */
export function schemaVersionOf(connection: SqliteConnection): number {
  const header = (pragma: string): number => Number(Object.values(connection.get(`PRAGMA ${pragma}`) ?? {})[0]);
  const application = header("application_id");
  const version = header("user_version");
  const { path } = connection;
  if (application !== APPLICATION_ID && (application !== 0 || version !== 0 || header("schema_version") !== 0))
    throw new RequeenError("store_corrupt", `${path} must be a Requeen store; got a SQLite file of another program`, {
      path,
      application,
    });
  if (version > SCHEMA_VERSION)
    throw new RequeenError(
      "store_too_new",
      `the store ${path} has schema ${version}; this Requeen reads up to ${SCHEMA_VERSION}`,
      { path, schema: version, known: SCHEMA_VERSION },
    );
  return version;
}

/** Brings the file to today's schema, in one transaction; two processes that open it at once do it once. Gives the steps taken. */
export function migrate(connection: SqliteConnection): number {
  if (schemaVersionOf(connection) === SCHEMA_VERSION) return 0;
  return connection.write(() => {
    const from = schemaVersionOf(connection); // again, now that the lock is ours
    connection.database.function("ring_key", { deterministic: true }, (id) => ringKey(String(id)));
    for (const step of MIGRATIONS.slice(from)) connection.database.exec(step);
    connection.database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
    return SCHEMA_VERSION - from;
  });
}
