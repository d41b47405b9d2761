import { z } from "zod";
import { policySchema } from "../../core/policy.ts";
import { specialistSchema } from "../../core/specialist.ts";
import { DECISIONS } from "../../core/verdict.ts";
import type { BudgetView } from "../../loop/budget.ts";
import type { FleetPlan } from "../../loop/plan.ts";
import type { ShownReign, ShownTrace, ShownTrigger } from "../../loop/present.ts";
import type { ShownSpecialist } from "../../loop/show-specialist.ts";
import type { SpecialistStatus, Status } from "../../loop/status.ts";
import { documentSchema } from "./document-schema.ts";
import { listOf, shape, time } from "./shared.ts";

const STATES = z.enum(["READY", "WAIT", "RUNNING", "BLOCKED"]);
const dataSource = z.enum(["feedback", "synthetic"]);
const count = z.int().min(0);

export const specialistStatus = shape<SpecialistStatus>(
  "SpecialistStatus",
  z.strictObject({
    specialist: z.string(),
    human_labels: count.describe("distinct opinions with a label of a person"),
    machine_labels: count.describe("distinct opinions with labels of programs only"),
    new_labels: count.describe("human labels that may judge and that no verdict has considered yet"),
    threshold: count.describe("new labels that start a run"),
    state: STATES,
    why: z.string(),
    findings: z
      .array(z.strictObject({ code: z.string(), effect: z.string(), sentence: z.string(), at: time }))
      .describe("what forensics found in the labels, at most 5; effect `warn` left them standing"),
    champion: z.strictObject({ version: z.string(), data_source: dataSource }).nullable(),
    confidence: z.number().nullable().describe("mean confidence of the champion's opinions; before any, that of its gate"),
    accuracy: z
      .strictObject({
        value: z.number(),
        low: z.number().describe("of the 95 % interval"),
        high: z.number(),
        labels: z.number(),
        source: z.enum(["opinions", "gate"]),
      })
      .nullable()
      .describe("share of the champion's labelled opinions that people agree with"),
    last_verdict: z
      .strictObject({ decision: z.enum(DECISIONS), verdict_id: z.string(), run_id: z.string(), headline: z.string(), at: time })
      .nullable(),
  }),
);

export const statusAnswer = shape<Status>(
  "Status",
  z.strictObject({
    paused: z
      .strictObject({ reason: z.string(), by: z.string(), since: time })
      .nullable()
      .describe("who stopped every change of production, since when and why; null: nothing is paused"),
    specialists: z.array(specialistStatus),
    totals: z.strictObject({ human_labels: count, machine_labels: count, new_labels: count, ready: count, champions: count }),
  }),
);

const reason = z.strictObject({
  code: z.string(),
  sentence: z.string(),
  value: z.number().nullable(),
  threshold: z.number().nullable(),
});

export const triggerAnswer = shape<ShownTrigger>(
  "Trigger",
  z.strictObject({
    specialist: z.string(),
    state: STATES,
    cause: z.enum(["evidence", "drift", "schedule", "person"]).nullable(),
    new_labels: count,
    reasons: z.array(reason),
    retry_at: time.nullable().describe("when a pause ends; null where time alone changes nothing"),
    active_run_id: z.string().nullable(),
  }),
);
export const triggersAnswer = shape<{ readonly triggers: readonly ShownTrigger[] }>(
  "TriggerList",
  z.strictObject({ triggers: z.array(triggerAnswer) }),
);

const reignFields = {
  specialist: z.string(),
  version: z.string().nullable().describe("null: none was in production"),
  from: time,
  until: time.nullable().describe("null: it still is"),
  action: z.enum(["promote", "rollback"]),
  by: z.string(),
  reason: z.string(),
  run_id: z.string().nullable(),
  verdict_id: z.string().nullable(),
  dataset_id: z.string().nullable(),
  tombstone: z.string().nullable(),
  data_source: dataSource.nullable(),
};
const reign = z.strictObject(reignFields).meta({ id: "Reign" });
const trace = z
  .strictObject({
    opinion_id: z.string(),
    plan_id: z.string(),
    specialist: z.string(),
    evaluated_at: time,
    recommendation: z.string(),
    confidence: z.number().nullable(),
    model: z
      .strictObject({ name: z.string(), version: z.string(), run_id: z.string().nullable(), sha256: z.string().nullable() })
      .nullable(),
    reign: reign.nullable(),
  })
  .meta({ id: "PlanTrace" });

export type HistoryAnswer =
  | { readonly reigns: readonly ShownReign[]; readonly next: string | null }
  | { readonly opinions: readonly ShownTrace[]; readonly next: string | null };
export const historyAnswer = shape<HistoryAnswer>(
  "History",
  z.union([listOf("ReignList", "reigns", reign), listOf("PlanTraceList", "opinions", trace)]),
);

export const planAnswer = shape<FleetPlan>(
  "LabelPlan",
  z.strictObject({
    plans: z.array(
      z.strictObject({
        specialist: z.string(),
        seconds_per_review: z.number().nullable(),
        opinions_per_week: z.number(),
        plan: z.strictObject({
          gate_rows: z.number(),
          discordance: z.number(),
          power: z.number(),
          smallest_visible_gain: z.number().nullable(),
          gains: z.array(
            z.strictObject({
              gain: z.number(),
              chance: z.number(),
              more_labels: z.number().nullable(),
              review_minutes: z.number().nullable(),
            }),
          ),
          sentence: z.string(),
        }),
      }),
    ),
    next_labels: z.array(
      z.strictObject({
        specialist: z.string(),
        right_opinions_per_week: z.number(),
        gain_now: z.number(),
        gain_then: z.number(),
      }),
    ),
  }),
);

export const budgetsAnswer = shape<{ readonly budgets: readonly BudgetView[] }>(
  "BudgetList",
  z.strictObject({
    budgets: z.array(
      z.strictObject({
        specialist: z.string(),
        policy: z.string(),
        method: z.enum(["none", "alpha_spending", "lord", "saffron"]),
        tolerated: z.number(),
        next_level: z.number().nullable(),
        spent: z.number().nullable(),
        left: z.number().nullable(),
        renews_at: time.nullable(),
        verdicts: z.number(),
        promotions: z.number(),
        sentence: z.string(),
      }),
    ),
  }),
);

const { policy: _policy, mlflow: _mlflow, ...configured } = specialistSchema.shape;
export const specialistAnswer = shape<ShownSpecialist>(
  "Specialist",
  documentSchema(
    z.strictObject({
      ...configured,
      feature_names: z.array(z.string()).describe("in the order of the vector"),
      answers: z.array(z.string()).describe("decisions that people may give: the classes, and what the label rule maps to them"),
      policy: policySchema.describe("presets resolved, overrides applied"),
      registry: z.strictObject({ model: z.string(), experiment: z.string() }).describe("names in the MLflow server"),
      defined_in: z
        .strictObject({ specialist: z.string(), policy: z.string() })
        .describe("the file or variable that sets it; `built in`; `data folder`: brought by an example"),
    }),
  ),
);
export const specialistsAnswer = listOf<{ readonly specialists: readonly ShownSpecialist[]; readonly next: string | null }>(
  "SpecialistList",
  "specialists",
  specialistAnswer,
);
