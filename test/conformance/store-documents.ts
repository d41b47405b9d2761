import type { NewAuditEntry, QuarantineEntry } from "../../src/core/audit.ts";
import type { Dataset } from "../../src/core/dataset.ts";
import type { Deployment } from "../../src/core/deployment.ts";
import type { Tier } from "../../src/core/evidence.ts";
import { type Feedback, feedbackSchema } from "../../src/core/feedback.ts";
import { type Opinion, opinionSchema } from "../../src/core/opinion.ts";
import type { Run } from "../../src/core/run.ts";
import type { Token } from "../../src/core/token.ts";

/** Documents for store tests: small, valid, each field overridable. Times in ms from an arbitrary start. */

export const T0 = Date.parse("2026-01-05T08:00:00.000Z");
const MINUTE = 60_000;

export function anOpinion(opinionId: string, change: Partial<Opinion> = {}): Opinion {
  return {
    schema_version: "3.0.0",
    opinion_id: opinionId,
    plan_id: `plan-of-${opinionId}`,
    intent_id: null,
    specialist_type: "business",
    specialist_version: null,
    correlation_id: null,
    trace_id: null,
    span_id: null,
    evaluated_at: T0,
    processing_time_ms: 12,
    opinion: {
      recommendation: "approve",
      confidence_score: 0.75,
      risk_score: 0.25,
      reasoning_summary: "",
      reasoning_factors: [],
      explainability_token: null,
      explainability: {},
      mitigations: [],
      metadata: {},
    },
    state: "judged",
    cognitive_plan: null,
    columns: null,
    features: { schema: "mail/1", values: [1, null, -2.5] },
    model: { name: "business-evaluator", version: "1", run_id: null, sha256: null },
    probabilities: { approve: 0.75, reject: 0.25 },
    group: `plan-of-${opinionId}`,
    extra: {},
    ...change,
  };
}

/** @param change.tier and `reviewer` go to the evidence part. */
export function aFeedback(
  feedbackId: string,
  opinionId: string,
  { tier = "informed", reviewer = "ann", ...change }: Partial<Feedback> & { tier?: Tier; reviewer?: string } = {},
): Feedback {
  return {
    schema_version: "3.0.0",
    feedback_id: feedbackId,
    opinion_id: opinionId,
    plan_id: `plan-of-${opinionId}`,
    specialist_type: "business",
    human_recommendation: "approve",
    human_rating: 0.9,
    feedback_notes: "",
    submitted_by: reviewer,
    submitted_at: T0 + MINUTE,
    feedback_source: "human_expert",
    evidence: { tier, channel: "person", reviewer, shown_opinion: true, claimed: {}, demoted_from: null },
    supersedes: null,
    opinion_recommendation: "approve",
    opinion_confidence: 0.75,
    opinion_risk: 0.25,
    metadata: {},
    extra: {},
    ...change,
  };
}

/** What a document of ours must pass; tests use it to show that the fixtures are real ones. */
export const isValid = {
  opinion: (value: Opinion) => opinionSchema.encode(value),
  feedback: (value: Feedback) => feedbackSchema.encode(value),
};

export function aRun(runId: string, change: Partial<Run> & { evidenceKey?: string | null } = {}): Run {
  const { evidenceKey = null, ...rest } = change;
  return {
    run_id: runId,
    specialist: "business",
    trigger: { reason: "evidence", by: "scheduler", evidence_key: evidenceKey },
    options: {
      model_type: "random_forest",
      hyperparameter_tuning: false,
      promote_if_better: true,
      seed: 1,
      window_days: null,
      feedback_count: null,
      min_feedback_quality: null,
      allow_synthetic: false,
      force: false,
    },
    policy: {},
    state: "running",
    steps: [],
    dataset_id: null,
    verdict_id: null,
    challenger_version: null,
    champion_version: null,
    promoted: false,
    mlflow: null,
    error: null,
    fence: 1,
    started_at: T0,
    updated_at: T0,
    ended_at: null,
    ...rest,
  };
}

export const aDataset = (digit: string, change: Partial<Dataset> = {}): Dataset => ({
  dataset_id: digit.repeat(64),
  specialist: "business",
  feature_schema: "mail/1",
  feature_names: ["a", "b", "c"],
  classes: ["approve", "reject"],
  rows: 0,
  rows_by_role: { train: 0, gate: 0, out: 0 },
  rows_by_tier: {},
  rows_by_class: {},
  rows_left_out: {},
  cutoff_sequence: 0,
  new_human_labels: 0,
  size_bytes: 0,
  findings: [],
  quality: null,
  reviewer_agreement: null,
  created_at: T0,
  ...change,
});

export const aDeployment = (id: string, change: Partial<Deployment> = {}): Deployment => ({
  deployment_id: id,
  specialist: "business",
  action: "promote",
  version: "2",
  predecessor: "1",
  run_id: "run-1",
  verdict_id: null,
  dataset_id: null,
  by: "ann",
  reason: "better on 200 labels",
  tombstone: null,
  state: "prepared",
  prepared_at: T0,
  done_at: null,
  ...change,
});

export const aQuarantineEntry = (id: string, change: Partial<QuarantineEntry> = {}): QuarantineEntry => ({
  quarantine_id: id,
  kind: "feedback",
  document: { human_rating: "great" },
  problems: [{ field: "human_rating", value: '"great"', reason: "must be a number in [0, 1]" }],
  source: "import of a.ndjson, line 3",
  at: T0,
  state: "waiting",
  ...change,
});

export const aToken = (id: string, change: Partial<Token> = {}): Token => ({
  token_id: id,
  name: "ci-labeller",
  roles: ["program"],
  specialists: ["business"],
  tier: "rule",
  vouched_by: null,
  secret_sha256: "0f".repeat(32),
  created_by: "ann",
  created_at: T0,
  expires_at: T0 + 90 * 86_400_000,
  last_used_at: null,
  revoked_at: null,
  revoked_by: null,
  ...change,
});

export const anAuditEntry = (subject: string, change: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  at: T0,
  actor: "ann",
  action: "feedback.add",
  subject,
  details: { tier: "informed" },
  ...change,
});
