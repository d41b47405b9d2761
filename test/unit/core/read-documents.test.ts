import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { feedbackSchema } from "../../../src/core/feedback.ts";
import { type OpinionHead, opinionSchema } from "../../../src/core/opinion.ts";
import {
  type FeedbackContext,
  readFeedback,
  readOpinion,
  readTime,
  readTrigger,
  UNNAMED_REVIEWER,
} from "../../../src/core/read-documents.ts";

const AT = Date.UTC(2026, 1, 8, 16, 0, 0);

/** As `save_opinion` of the original wrote them (original-system.md 1.1, 1.2). */
const OPINION_2 = {
  _id: { $oid: "65c4f0" },
  schema_version: "2.0.0",
  opinion_id: "6f1c1b6e",
  plan_id: "plan-1",
  intent_id: "gAAAAAB-encrypted",
  specialist_type: "business",
  specialist_version: "1.0.7",
  opinion: {
    confidence_score: 0.5,
    risk_score: 0.5,
    recommendation: "review_required",
    reasoning_summary: "ml",
    reasoning_factors: [{ factor_name: "ml_confidence", weight: 0.5, score: 0.5 }],
    explainability_token: "t",
    mitigations: [],
    metadata: { model_source: "ml_model" },
  },
  correlation_id: "c",
  evaluated_at: "2026-02-08T16:00:00.000000",
  processing_time_ms: 12,
  buffered: false,
  content_hash: "abc",
  tenant_id: "default",
};

function readOk(document: unknown) {
  const result = readOpinion(document);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

describe("opinions", () => {
  test("schema 2.0.0, nested: nothing is lost, nothing is made up", () => {
    const opinion = readOk(OPINION_2);
    expect(opinion).toMatchObject({
      schema_version: "3.0.0",
      opinion_id: "6f1c1b6e",
      evaluated_at: AT,
      state: "external",
      opinion: { recommendation: "review_required", confidence_score: 0.5, metadata: { model_source: "ml_model" } },
      features: null,
      cognitive_plan: null,
      probabilities: null,
      group: "plan-1",
      extra: { buffered: false, content_hash: "abc", tenant_id: "default" },
    });
    expect(opinionSchema.safeEncode(opinion).success).toBe(true);
  });
  test("the flat Avro form, with its integer version and a time in milliseconds", () => {
    const { opinion, ...rest } = OPINION_2;
    const flat = { ...rest, ...opinion, schema_version: 1, evaluated_at: AT };
    expect(readOk(flat)).toMatchObject({ evaluated_at: AT, opinion: { recommendation: "review_required", risk_score: 0.5 } });
  });
  test("a plan that came along is kept and read", () => {
    const plan = { plan_id: "plan-1", tasks: [{ task_id: "a", task_type: "create", dependencies: [] }] };
    expect(readOk({ ...OPINION_2, cognitive_plan: plan }).cognitive_plan?.tasks).toHaveLength(1);
  });
  test("our own form reads back as it was written", () => {
    const opinion = readOk(OPINION_2);
    const written = opinionSchema.encode(opinion);
    expect(readOk({ ...written, _id: "x" })).toEqual(opinion);
  });
  test.each([
    [{ opinion_id: undefined }, "opinion_id", "is required"],
    [{ schema_version: "9.0.0" }, "schema_version", "must be one of"],
    [{ evaluated_at: "yesterday" }, "evaluated_at", "must be a time"],
    [{ opinion: { ...OPINION_2.opinion, confidence_score: 1.5 } }, "opinion.confidence_score", "must be a number in [0, 1]"],
    [{ opinion: { ...OPINION_2.opinion, recommendation: null } }, "opinion.recommendation", "is required"],
    [
      { cognitive_plan: { plan_id: "p", tasks: [{ task_id: "a", task_type: "x", dependencies: ["a"] }] } },
      "cognitive_plan",
      "cycle",
    ],
    [{ columns: { a: [1] } }, "columns.a", "must be a number, text"],
    [{ probabilities: { approve: 2 } }, "probabilities.approve", "must be a number in [0, 1]"],
  ])("%j is a problem of %s", (change, field, reason) => {
    const result = readOpinion({ ...OPINION_2, ...change });
    expect(result.ok).toBe(false);
    if (!result.ok)
      expect(result.problems).toEqual([expect.objectContaining({ field, reason: expect.stringContaining(reason) })]);
  });
  test("every problem is named, not only the first", () => {
    const result = readOpinion({ opinion: {} });
    const fields = result.ok ? [] : result.problems.map(({ field }) => field);
    expect(fields.sort()).toEqual(["evaluated_at", "opinion.recommendation", "opinion_id", "plan_id", "specialist_type"]);
  });
  test.each([null, 7, "x", [], undefined])("%j is no document", (document) => {
    expect(readOpinion(document)).toMatchObject({ ok: false, problems: [{ reason: "must be an object" }] });
  });
});

const HEAD: OpinionHead = {
  opinion_id: "o-1",
  plan_id: "plan-1",
  specialist_type: "business",
  recommendation: "approve",
  confidence_score: 0.5,
  risk_score: 0.5,
};
const CONTEXT: FeedbackContext = {
  channel: "import",
  reviewer: null,
  shownOpinion: null,
  opinion: HEAD,
  fallbackId: () => "fallback",
};

function feedbackOf(document: unknown, change: Partial<FeedbackContext> = {}) {
  const result = readFeedback(document, { ...CONTEXT, ...change });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

describe("feedback, as each writer left it", () => {
  test("schema 2.0.0 of the collector", () => {
    const feedback = feedbackOf({
      feedback_id: "feedback-0123456789ab",
      schema_version: "2.0.0",
      opinion_id: "o-1",
      plan_id: "plan-1",
      specialist_type: "business",
      submitted_by: "ana",
      human_rating: 0.9,
      human_recommendation: "approve",
      feedback_notes: "ok",
      submitted_at: { $date: "2026-02-08T16:00:00Z" },
      feedback_source: "human_expert",
      metadata: { pii_detected: false },
      opinion_recommendation: "review_required",
      cognitive_plan_snapshot: {},
      auto_generated: false,
      manual_review: false,
    });
    expect(feedback).toMatchObject({
      feedback_id: "feedback-0123456789ab",
      submitted_by: "ana",
      submitted_at: AT,
      human_recommendation: "approve",
      human_rating: 0.9,
      opinion_recommendation: "review_required",
      evidence: {
        tier: "rule",
        channel: "import",
        reviewer: "ana",
        claimed: { auto_generated: false, manual_review: false, feedback_source: "human_expert" },
      },
      extra: { cognitive_plan_snapshot: {} },
    });
  });
  test("the page's shape, without plan, reviewer and version, is completed from the opinion and counts as one unnamed reviewer", () => {
    const feedback = feedbackOf({
      feedback_id: "fb-1770566400",
      opinion_id: "o-1",
      human_recommendation: "reject",
      human_rating: 0.5,
      notes: "não",
      submitted_at: "2026-02-08T16:00:00",
      trace_id: null,
    });
    expect(feedback).toMatchObject({
      plan_id: "plan-1",
      specialist_type: "business",
      submitted_by: UNNAMED_REVIEWER,
      feedback_notes: "não",
      opinion_confidence: 0.5,
    });
  });
  test("what the auto and balanced jobs say of themselves is kept as a claim and changes nothing", () => {
    for (const claim of [
      { auto_generated: true },
      { auto_generated: false, manual_review: true, balanced_dataset: true },
      { tier: "blind", evidence: { tier: "blind" } },
    ]) {
      const feedback = feedbackOf(
        { opinion_id: "o-1", human_recommendation: "approve", submitted_at: AT, ...claim },
        { channel: "person", reviewer: "token-subject" },
      );
      expect(feedback.evidence).toMatchObject({ tier: "informed", reviewer: "token-subject", claimed: claim });
    }
  });
  test("a body cannot name its reviewer where the channel knows one", () => {
    const feedback = feedbackOf(
      { opinion_id: "o-1", human_recommendation: "approve", submitted_at: AT, submitted_by: "the boss" },
      { reviewer: "ana" },
    );
    expect(feedback).toMatchObject({ submitted_by: "ana", evidence: { reviewer: "ana", claimed: { submitted_by: "the boss" } } });
  });
  test("a missing rating stays missing: no default stands in", () => {
    expect(feedbackOf({ opinion_id: "o-1", human_recommendation: "approve", submitted_at: AT }).human_rating).toBeNull();
  });
  test.each([
    [{ human_recommendation: undefined }, "human_recommendation", "is required"],
    [{ human_rating: 4 }, "human_rating", "must be a number in [0, 1]"],
    [{ submitted_at: undefined }, "submitted_at", "is required"],
    [{ specialist_type: "technical" }, "specialist_type", "is of specialist business"],
    [{ opinion_id: "" }, "opinion_id", "is required"],
    [{ feedback_id: "x".repeat(300) }, "feedback_id", "256"],
  ])("%j is a problem of %s", (change, field, reason) => {
    const result = readFeedback({ opinion_id: "o-1", human_recommendation: "approve", submitted_at: AT, ...change }, CONTEXT);
    expect(result.ok ? [] : result.problems).toEqual([
      expect.objectContaining({ field, reason: expect.stringContaining(reason) }),
    ]);
  });
  test("whatever is read is what the schema would write", () => {
    const text = fc.string({ maxLength: 300 });
    const document = fc.record(
      {
        feedback_id: text,
        opinion_id: text,
        plan_id: text,
        submitted_by: text,
        human_recommendation: text,
        human_rating: fc.oneof(fc.double(), fc.constant(null), text),
        feedback_notes: fc.string({ maxLength: 25_000 }),
        submitted_at: fc.oneof(
          fc.integer(),
          fc.double(),
          text,
          fc.date().map((date) => (Number.isNaN(date.getTime()) ? "" : date.toISOString())),
        ),
        metadata: fc.oneof(fc.dictionary(text, fc.jsonValue()), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(document, (given) => {
        const result = readFeedback(given, { ...CONTEXT, opinion: null });
        if (result.ok) expect(feedbackSchema.safeEncode(result.value).success).toBe(true);
        else expect(result.problems.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe("times", () => {
  test.each([
    ["2026-02-08T16:00:00Z", AT],
    ["2026-02-08T16:00:00", AT],
    ["2026-02-08 16:00:00.000000", AT],
    ["2026-02-08T16:00:00+00:00Z", AT],
    ["2026-02-08T13:00:00-03:00", AT],
    [AT, AT],
    [new Date(AT), AT],
    [{ $date: AT }, AT],
    [{ $date: { $numberLong: String(AT) } }, AT],
    [1_770_566_400, null],
    ["08/02/2026", null],
    [Number.NaN, null],
    [true, null],
  ])("%j", (given, ms) => {
    expect(readTime(given)).toBe(ms);
  });
});

describe("trigger records of the original system", () => {
  const TRIGGER = {
    trigger_id: "trigger-0123456789ab",
    specialist_type: "business",
    triggered_at: "2026-02-08T16:00:00",
    feedback_count: 201,
    feedback_window_days: 7,
    status: "completed",
    metadata: { mlflow_run_id: "r", mlflow_experiment_id: "3" },
  };
  test("a completed one is an ended run, with the ids that stand in its metadata", () => {
    expect(readTrigger(TRIGGER)).toMatchObject({
      ok: true,
      value: {
        run_id: "trigger-0123456789ab",
        state: "finished",
        mlflow: { run_id: "r", experiment_id: "3" },
        options: { feedback_count: 201, window_days: 7 },
        started_at: AT,
      },
    });
  });
  test("one that was left running is history too, never continued", () => {
    expect(readTrigger({ ...TRIGGER, status: "running" })).toMatchObject({
      ok: true,
      value: { state: "failed", error: { message: "left running by the original system" } },
    });
  });
  test("an unknown status is a problem", () => {
    expect(readTrigger({ ...TRIGGER, status: "odd" })).toMatchObject({ ok: false, problems: [{ field: "status" }] });
  });
});
