import { z } from "zod";
import { auditEntrySchema, quarantineEntrySchema } from "../../core/audit.ts";
import { datasetSchema } from "../../core/dataset.ts";
import { deploymentSchema } from "../../core/deployment.ts";
import { FEEDBACK_STATES, feedbackSchema } from "../../core/feedback.ts";
import { type OpinionDocument, opinionSchema } from "../../core/opinion.ts";
import { verdictSchema } from "../../core/verdict.ts";
import { verdictRecordSchema } from "../../core/verdict-record.ts";
import type { ApprovalState } from "../../loop/approve.ts";
import type { ModelDetails } from "../../loop/models.ts";
import type {
  ShownAuditEntry,
  ShownDataset,
  ShownDeployment,
  ShownFeedback,
  ShownList,
  ShownModel,
  ShownQuarantine,
} from "../../loop/present.ts";
import type { RecomputedVerdict } from "../../loop/recompute.ts";
import { type VerdictDetails, verdictEvidenceSchema } from "../../loop/verdicts.ts";
import type { AuditCheck } from "../../store/audit-chain.ts";
import { documentSchema } from "./document-schema.ts";
import { listOf, shape, time } from "./shared.ts";

export const opinionAnswer = shape<OpinionDocument>("Opinion", documentSchema(opinionSchema));
export const opinionsAnswer = listOf<ShownList<"opinions", OpinionDocument>>("OpinionList", "opinions", opinionAnswer);

export const feedbackAnswer = shape<ShownFeedback>(
  "Feedback",
  documentSchema(
    z.strictObject({ ...feedbackSchema.shape, state: z.enum(FEEDBACK_STATES), sequence: z.int(), recorded_at: time }),
  ),
);
export const feedbackListAnswer = listOf<ShownList<"feedback", ShownFeedback>>("FeedbackList", "feedback", feedbackAnswer);

export const datasetAnswer = shape<ShownDataset>("Dataset", documentSchema(datasetSchema));
export const datasetsAnswer = listOf<ShownList<"datasets", ShownDataset>>("DatasetList", "datasets", datasetAnswer);

export const verdictAnswer = shape<VerdictDetails>(
  "Verdict",
  documentSchema(
    z.strictObject({
      ...verdictRecordSchema.shape,
      champion_data_source: z
        .enum(["feedback", "synthetic"])
        .nullable()
        .describe("whose labels the champion of the comparison was trained on"),
      challenger_data_source: z.enum(["feedback", "synthetic"]).nullable().describe("whose labels the challenger was trained on"),
      findings: z
        .array(z.record(z.string(), z.unknown()))
        .describe("what forensics found in the labels of the snapshot, and thereby left out"),
      evidence: verdictEvidenceSchema.nullable().describe("where its labels came from and how they were used"),
    }),
  ),
);
const { verdict: _whole, ...short } = verdictRecordSchema.shape;
export const verdictsAnswer = listOf<ShownList<"verdicts", unknown>>(
  "VerdictList",
  "verdicts",
  documentSchema(z.strictObject({ ...short, headline: z.string() })).meta({ id: "VerdictHead" }),
);

const text = z.string().nullable();
const modelFields = {
  specialist: z.string(),
  version: z.string(),
  aliases: z.array(z.string()).describe("champion: in production; challenger: waits"),
  stage: z.string(),
  name: z.string().describe("of the registered model"),
  status: z.string(),
  description: z.string(),
  run_id: text,
  verdict_id: text,
  dataset_id: text,
  policy: text,
  data_source: z.enum(["feedback", "synthetic"]),
  sha256: text.describe("of the native model file"),
  tombstone: text.describe("when, by whom and why it was rolled back; null = it was not"),
  mlflow_run_id: text,
  created_at: time,
};
const modelAnswer = shape<ShownModel>("Model", z.strictObject(modelFields));
export const modelsAnswer = listOf<ShownList<"models", ShownModel>>("ModelList", "models", modelAnswer);
export const modelDetailsAnswer = shape<ModelDetails>(
  "ModelDetails",
  z.strictObject({
    ...modelFields,
    files: z.array(z.strictObject({ path: z.string(), size_bytes: z.int().nullable() })),
  }),
);

export const deploymentAnswer = shape<ShownDeployment>("Deployment", documentSchema(deploymentSchema));

export const auditAnswer = listOf<ShownList<"audit", ShownAuditEntry>>(
  "AuditList",
  "audit",
  documentSchema(auditEntrySchema).meta({ id: "AuditEntry" }),
);
export const auditCheckAnswer = shape<AuditCheck>(
  "AuditCheck",
  z.discriminatedUnion("intact", [
    z.strictObject({ intact: z.literal(true), entries: z.int(), last_hash: z.string() }),
    z.strictObject({ intact: z.literal(false), entries: z.int(), sequence: z.int(), problem: z.string() }),
  ]),
);

export const quarantineAnswer = listOf<ShownList<"quarantine", ShownQuarantine>>(
  "QuarantineList",
  "quarantine",
  documentSchema(quarantineEntrySchema).meta({ id: "QuarantineEntry" }),
);

export const approvalAnswer = shape<ApprovalState>(
  "Approval",
  z.strictObject({
    verdict_id: z.string(),
    run_id: z.string(),
    specialist: z.string(),
    state: z.enum(["not_asked", "waiting", "approved", "declined", "expired"]),
    expires_at: time.nullable(),
    approval: z
      .strictObject({
        verdict_id: z.string(),
        answer: z.enum(["approved", "declined"]),
        by: z.string(),
        reason: z.string(),
        at: time,
      })
      .nullable(),
  }),
);
export const approvalsAnswer = shape<{ readonly approvals: readonly ApprovalState[] }>(
  "ApprovalList",
  z.strictObject({ approvals: z.array(approvalAnswer) }),
);

export const recomputedAnswer = shape<RecomputedVerdict>(
  "RecomputedVerdict",
  z.strictObject({
    verdict_id: z.string(),
    recomputed_id: z.string(),
    same: z.boolean().describe("byte for byte"),
    decision: z.enum(["promote", "reject", "inconclusive"]),
    recomputed_decision: z.enum(["promote", "reject", "inconclusive"]),
    verdict: documentSchema(verdictSchema),
    policy_changed: z.boolean().describe("another policy was asked: `same` compares with what the policy in force said"),
    differs_at: z.array(z.string()).describe("paths of what differs; at most 20"),
    gate_versions: z
      .strictObject({ stored: z.int(), computed: z.int() })
      .describe("of the gate that computed the stored verdict, and of this program's"),
  }),
);
