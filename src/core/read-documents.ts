import type { z } from "zod";
import { isRequeenError } from "./errors.ts";
import type { Channel } from "./evidence.ts";
import { CHANNELS } from "./evidence.ts";
import { type Feedback, feedbackSchema } from "./feedback.ts";
import { type Opinion, type OpinionHead, opinionSchema } from "./opinion.ts";
import { readPlan } from "./plan.ts";
import type { Run } from "./run.ts";

/**
 * Reads what the original system and its neighbours wrote (opinions 1.0.0, 2.0.0 and the flat Avro form; feedback 2.0.0 and the loose
 * shapes of the page, the auto job and the balanced job; trigger records) and our own 3.0.0. Nothing is dropped: fields that have no
 * place go to `extra`. Nothing is guessed: what is missing and needed is a problem, with field, value and reason.
 */
export type ReadResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: Problem[] };

export interface Problem {
  readonly field: string;
  /** What came, as JSON, at most 200 characters. */
  readonly value: string;
  readonly reason: string;
}

type Fields = Record<string, unknown>;

/** Reads one opinion document of any version. Whether its class and columns fit the specialist is intake's question, not this one's. */
export function readOpinion(document: unknown): ReadResult<Opinion> {
  const fields = asFields(document);
  if (fields === null) return notAnObject(document);
  if (fields.schema_version === "3.0.0") return decodeWhole(opinionSchema, withoutMongoId(fields));
  const reader = new FieldReader(fields);
  reader.version(["1.0.0", "2.0.0", 1, "1", undefined]);
  const nested = reader.optionalObject("opinion");
  const judgement = nested === null ? reader : new FieldReader(nested, "opinion.", reader.problems);
  const planId = reader.text("plan_id");
  const plan = reader.plan("cognitive_plan");
  const metadata = judgement.optionalObject("metadata") ?? {};
  const value = {
    schema_version: "3.0.0" as const,
    opinion_id: reader.text("opinion_id"),
    plan_id: planId,
    intent_id: reader.optionalText("intent_id"),
    specialist_type: reader.text("specialist_type"),
    specialist_version: reader.optionalText("specialist_version"),
    correlation_id: reader.optionalText("correlation_id"),
    trace_id: reader.optionalText("trace_id"),
    span_id: reader.optionalText("span_id"),
    evaluated_at: reader.time("evaluated_at", ["created_at"]),
    processing_time_ms: reader.optionalNumber("processing_time_ms", 0, Number.MAX_SAFE_INTEGER),
    opinion: {
      recommendation: judgement.text("recommendation"),
      confidence_score: judgement.optionalNumber("confidence_score", 0, 1),
      risk_score: judgement.optionalNumber("risk_score", 0, 1),
      reasoning_summary: judgement.optionalText("reasoning_summary") ?? "",
      reasoning_factors: judgement.optionalList("reasoning_factors"),
      explainability_token: judgement.optionalText("explainability_token"),
      explainability: judgement.optionalObject("explainability") ?? {},
      mitigations: judgement.optionalList("mitigations"),
      metadata,
    },
    state: "external" as const,
    cognitive_plan: plan,
    columns: reader.columns("columns"),
    features: null,
    model: null,
    probabilities: reader.shares("probabilities"),
    group: reader.optionalText("group") ?? planId,
    extra: { ...(nested === null ? {} : judgement.rest()), ...reader.rest() },
  };
  return reader.problems.length > 0 ? { ok: false, problems: reader.problems } : checkRead(opinionSchema, value);
}

export interface FeedbackContext {
  readonly channel: Channel;
  /** Who answers for it: from the token, the claim or the command line. Null: the document's `submitted_by` is taken as the reviewer's name. */
  readonly reviewer: string | null;
  readonly shownOpinion: boolean | null;
  /** The opinion that is judged, if known: completes plan and specialist where the writer left them out. */
  readonly opinion: OpinionHead | null;
  /** Id for a document that has none; must be the same for the same document, so that a second import adds nothing. */
  readonly fallbackId: (document: unknown) => string;
}

/** A feedback whose writer named nobody: all of them count as one reviewer, so that they cannot outvote people. */
export const UNNAMED_REVIEWER = "unnamed";

/** Reads one feedback document of any version. The tier comes from the channel; what the body claims of itself is kept as claimed. */
export function readFeedback(document: unknown, context: FeedbackContext): ReadResult<Feedback> {
  const fields = asFields(document);
  if (fields === null) return notAnObject(document);
  const reader = new FieldReader(fields);
  reader.version(["1.0.0", "2.0.0", "3.0.0", undefined]);
  const { opinion } = context;
  const reviewer = context.reviewer ?? reader.optionalText("submitted_by") ?? UNNAMED_REVIEWER;
  const claimedReviewer = context.reviewer === null ? null : reader.optionalText("submitted_by");
  const claimed: Fields = {};
  for (const name of ["auto_generated", "manual_review", "balanced_dataset", "evidence", "tier", "feedback_source"])
    if (fields[name] !== undefined) claimed[name] = fields[name];
  if (claimedReviewer !== null && claimedReviewer !== reviewer) claimed.submitted_by = claimedReviewer;
  for (const name of [
    "auto_generated",
    "manual_review",
    "balanced_dataset",
    "evidence",
    "tier",
    "submitted_by",
    "schema_version",
    "_id",
  ])
    reader.used(name);
  const value = {
    schema_version: "3.0.0" as const,
    feedback_id: reader.optionalText("feedback_id") ?? context.fallbackId(document),
    opinion_id: reader.text("opinion_id"),
    plan_id: reader.optionalText("plan_id") ?? opinion?.plan_id ?? reader.missing("plan_id"),
    specialist_type: reader.optionalText("specialist_type") ?? opinion?.specialist_type ?? reader.missing("specialist_type"),
    human_recommendation: reader.textOf(["human_recommendation", "final_decision"]),
    human_rating: reader.optionalNumberOf(["human_rating", "rating"], 0, 1),
    feedback_notes:
      reader.optionalText("feedback_notes") ?? reader.optionalText("notes") ?? reader.optionalText("feedback_text") ?? "",
    submitted_by: reviewer,
    submitted_at: reader.time("submitted_at", ["created_at"]),
    feedback_source: reader.optionalText("feedback_source") ?? context.channel,
    evidence: {
      tier: CHANNELS[context.channel],
      channel: context.channel,
      reviewer,
      shown_opinion: context.shownOpinion,
      claimed,
      demoted_from: null,
    },
    supersedes: null,
    opinion_recommendation: reader.optionalText("opinion_recommendation") ?? opinion?.recommendation ?? null,
    opinion_confidence: reader.optionalNumber("opinion_confidence", 0, 1) ?? opinion?.confidence_score ?? null,
    opinion_risk: reader.optionalNumber("opinion_risk", 0, 1) ?? opinion?.risk_score ?? null,
    metadata: reader.optionalObject("metadata") ?? {},
    extra: { ...(reader.optionalObject("extra") ?? {}), ...reader.without("supersedes").rest() },
  };
  if (opinion !== null && value.specialist_type !== opinion.specialist_type)
    reader.problem(
      "specialist_type",
      value.specialist_type,
      `the opinion ${opinion.opinion_id} is of specialist ${opinion.specialist_type}`,
    );
  if (reader.problems.length > 0) return { ok: false, problems: reader.problems };
  return isPlainFeedback(value) ? { ok: true, value } : checkRead(feedbackSchema, value);
}

const MAX_ID = 256;
const MAX_NOTES = 20_000;

/**
 * What the schema would find, for the usual document: a tenth of the schema's time in an import of a million. Types and ranges of single fields
 * were checked in reading; what is left are lengths. Anything unusual goes to the schema.
 */
const isPlainFeedback = ({ feedback_id, opinion_id, plan_id, submitted_by, feedback_notes, submitted_at }: Feedback): boolean =>
  [feedback_id, opinion_id, plan_id, submitted_by].every((id) => id.length <= MAX_ID) &&
  feedback_notes.length <= MAX_NOTES &&
  Number.isSafeInteger(submitted_at);

const TRIGGER_STATES = { pending: "failed", running: "failed", completed: "finished", failed: "failed" } as const;

/** Reads a record of `retraining_triggers` that the original system wrote, as an ended run: history, never continued. */
export function readTrigger(document: unknown): ReadResult<Run> {
  const fields = asFields(document);
  if (fields === null) return notAnObject(document);
  const reader = new FieldReader(fields);
  const status = reader.text("status");
  const state = TRIGGER_STATES[status as keyof typeof TRIGGER_STATES];
  if (state === undefined) reader.problem("status", status, `must be one of ${Object.keys(TRIGGER_STATES).join(", ")}`);
  const startedAt = reader.time("triggered_at");
  const metadata = reader.optionalObject("metadata") ?? {};
  const mlflowRun = reader.optionalText("mlflow_run_id") ?? textOrNull(metadata.mlflow_run_id);
  const mlflowExperiment = reader.optionalText("mlflow_experiment_id") ?? textOrNull(metadata.mlflow_experiment_id);
  const abandoned = status === "pending" || status === "running";
  const message = abandoned
    ? `left ${status} by the original system`
    : (reader.optionalText("error_message") ?? textOrNull(metadata.error));
  const value: Run = {
    run_id: reader.text("trigger_id"),
    specialist: reader.text("specialist_type"),
    trigger: { reason: "evidence", by: "original-system", evidence_key: null },
    options: {
      model_type: "unknown",
      hyperparameter_tuning: false,
      promote_if_better: true,
      seed: 0,
      window_days: reader.optionalNumber("feedback_window_days", 1, 36_500),
      feedback_count: reader.optionalNumber("feedback_count", 0, Number.MAX_SAFE_INTEGER),
      min_feedback_quality: null,
      allow_synthetic: false,
      force: false,
    },
    policy: {},
    state: state ?? "failed",
    steps: [],
    dataset_id: null,
    verdict_id: null,
    challenger_version: null,
    champion_version: null,
    promoted: false,
    mlflow: mlflowRun === null ? null : { run_id: mlflowRun, experiment_id: mlflowExperiment ?? "" },
    error: state === "finished" || message === null ? null : { code: "original", message, details: metadata },
    fence: 0,
    started_at: startedAt,
    updated_at: startedAt,
    ended_at: reader.optionalTime("completed_at") ?? startedAt,
  };
  return reader.problems.length > 0 ? { ok: false, problems: reader.problems } : { ok: true, value };
}

/** Reads fields of a loose document, remembers which were used, and collects what is wrong instead of stopping at the first. */
class FieldReader {
  readonly problems: Problem[];
  readonly #fields: Fields;
  readonly #prefix: string;
  readonly #used = new Set<string>(["_id"]);

  constructor(fields: Fields, prefix = "", problems: Problem[] = []) {
    this.#fields = fields;
    this.#prefix = prefix;
    this.problems = problems;
  }

  problem(field: string, value: unknown, reason: string): void {
    this.problems.push({ field: this.#prefix + field, value: shorten(value), reason });
  }

  used(name: string): unknown {
    this.#used.add(name);
    const value = this.#fields[name];
    return value === null ? undefined : value;
  }

  without(name: string): this {
    this.#used.add(name);
    return this;
  }

  rest(): Fields {
    return Object.fromEntries(Object.entries(this.#fields).filter(([name]) => !this.#used.has(name)));
  }

  version(allowed: readonly unknown[]): void {
    const value = this.used("schema_version");
    if (!allowed.includes(value))
      this.problem("schema_version", value, `must be one of ${allowed.filter((v) => v !== undefined).join(", ")}`);
  }

  missing(name: string): string {
    this.problem(name, undefined, "is required");
    return "";
  }

  text(name: string): string {
    return this.optionalText(name) ?? (this.problems.some((p) => p.field === this.#prefix + name) ? "" : this.missing(name));
  }

  textOf(names: readonly [string, ...string[]]): string {
    for (const name of names) if (this.#fields[name] !== undefined && this.#fields[name] !== null) return this.text(name);
    return this.missing(names[0]);
  }

  /** Text or null; numbers are taken as text since some writers stored versions as numbers. */
  optionalText(name: string): string | null {
    const value = this.used(name);
    if (value === undefined) return null;
    if (typeof value === "string") return value === "" ? null : value;
    if (typeof value === "number" && Number.isFinite(value)) return String(value);
    this.problem(name, value, "must be text");
    return null;
  }

  optionalNumberOf(names: readonly string[], min: number, max: number): number | null {
    for (const name of names)
      if (this.#fields[name] !== undefined && this.#fields[name] !== null) return this.optionalNumber(name, min, max);
    return null;
  }

  optionalNumber(name: string, min: number, max: number): number | null {
    const value = unwrapNumber(this.used(name));
    if (value === undefined) return null;
    if (typeof value === "number" && value >= min && value <= max) return value;
    this.problem(name, value, `must be a number in [${min}, ${max === Number.MAX_SAFE_INTEGER ? "..." : max}]`);
    return null;
  }

  optionalObject(name: string): Fields | null {
    const value = this.used(name);
    if (value === undefined) return null;
    const fields = asFields(value);
    if (fields === null) this.problem(name, value, "must be an object");
    return fields;
  }

  optionalList(name: string): Fields[] {
    const value = this.used(name);
    if (value === undefined) return [];
    if (Array.isArray(value) && value.every((item) => asFields(item) !== null)) return value as Fields[];
    this.problem(name, value, "must be a list of objects");
    return [];
  }

  columns(name: string): Opinion["columns"] {
    const columns = this.optionalObject(name);
    if (columns === null) return null;
    for (const [column, value] of Object.entries(columns))
      if (value !== null && !["number", "string", "boolean"].includes(typeof value))
        this.problem(`${name}.${column}`, value, "must be a number, text, true, false or null");
    return columns as Opinion["columns"];
  }

  shares(name: string): Record<string, number> | null {
    const shares = this.optionalObject(name);
    if (shares === null) return null;
    for (const [key, value] of Object.entries(shares))
      if (typeof value !== "number" || !(value >= 0 && value <= 1))
        this.problem(`${name}.${key}`, value, "must be a number in [0, 1]");
    return shares as Record<string, number>;
  }

  plan(name: string): Opinion["cognitive_plan"] {
    const value = this.used(name);
    if (value === undefined || (asFields(value) !== null && Object.keys(value as Fields).length === 0)) return null;
    try {
      return readPlan(value);
    } catch (error) {
      if (!isRequeenError(error, "bad_plan")) throw error;
      this.problem(name, (value as Fields).plan_id, error.message);
      return null;
    }
  }

  optionalTime(name: string): number | null {
    const value = this.used(name);
    if (value === undefined) return null;
    const ms = readTime(value);
    if (ms === null)
      this.problem(name, value, "must be a time: ISO 8601 (without zone = UTC), a date, or milliseconds since the epoch");
    return ms;
  }

  time(name: string, otherNames: readonly string[] = []): number {
    for (const candidate of [name, ...otherNames])
      if (this.#fields[candidate] !== undefined && this.#fields[candidate] !== null) return this.optionalTime(candidate) ?? 0;
    this.missing(name);
    return 0;
  }
}

const ISO_TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?(Z)?$/;

/** Milliseconds since the epoch, or null. Naive times are UTC (the original wrote utcnow); "+00:00Z" is one of its slips. */
export function readTime(value: unknown): number | null {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.getTime();
  const unwrapped = unwrapNumber(asFields(value)?.$date ?? value);
  // seconds since the epoch are not guessed: before 1973 in milliseconds is refused
  if (typeof unwrapped === "number")
    return Number.isInteger(unwrapped) && unwrapped > 1e11 && unwrapped < 8.64e15 ? unwrapped : null;
  if (typeof unwrapped !== "string" || !ISO_TIME.test(unwrapped)) return null;
  const text = unwrapped.replace(/([+-]\d{2}:?\d{2})Z$/, "$1").replace(" ", "T");
  const ms = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** MongoDB's extended JSON wraps numbers: {"$numberLong": "12"}. */
function unwrapNumber(value: unknown): unknown {
  const fields = asFields(value);
  const wrapped = fields?.$numberLong ?? fields?.$numberInt ?? fields?.$numberDouble;
  return typeof wrapped === "string" ? Number(wrapped) : value;
}

const asFields = (value: unknown): Fields | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date) ? (value as Fields) : null;

const textOrNull = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

function withoutMongoId(fields: Fields): Fields {
  if (!("_id" in fields)) return fields;
  const { _id, ...rest } = fields;
  return rest;
}

const notAnObject = (document: unknown): { ok: false; problems: Problem[] } => ({
  ok: false,
  problems: [{ field: "", value: shorten(document), reason: "must be an object" }],
});

/** Our own version: read by the schema alone. */
function decodeWhole<S extends z.ZodType>(schema: S, document: unknown): ReadResult<z.output<S>> {
  const parsed = schema.safeDecode(document as z.input<S>);
  return parsed.success ? { ok: true, value: parsed.data } : { ok: false, problems: zodProblems(parsed.error, "", document) };
}

/** A converted document must be one that we would write: encoding checks ranges, lengths and times. */
function checkRead<S extends z.ZodType>(schema: S, value: z.output<S>): ReadResult<z.output<S>> {
  const encoded = schema.safeEncode(value);
  return encoded.success ? { ok: true, value } : { ok: false, problems: zodProblems(encoded.error, "", value) };
}

/** One problem a zod issue, with the value that stands at its path. */
export const zodProblems = (error: z.ZodError, prefix: string, document: unknown): Problem[] =>
  error.issues.map((issue) => ({
    field: prefix + issue.path.join("."),
    value: shorten(issue.path.reduce<unknown>((value, key) => (value as Fields | undefined)?.[key as string], document)),
    reason: issue.message,
  }));

function shorten(value: unknown): string {
  const text = JSON.stringify(value, (_key, inner) => (typeof inner === "bigint" ? String(inner) : inner)) ?? "nothing";
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

/** One line for people: `human_rating "high": must be a number in [0, 1]`. */
export const describeProblems = (problems: readonly Problem[]): string =>
  problems.map(({ field, value, reason }) => `${field === "" ? "document" : field} ${value}: ${reason}`).join("; ");
