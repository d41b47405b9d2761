import { z } from "zod";
import { deploymentSchema } from "../../core/deployment.ts";
import { MODEL_TYPES } from "../../core/specialist.ts";
import type { ApprovalState } from "../../loop/approve.ts";
import type { ShownDeployment } from "../../loop/present.ts";
import { documentSchema } from "./document-schema.ts";
import { approvalAnswer, deploymentAnswer } from "./records.ts";
import { reason, shape } from "./shared.ts";

export const retrainBody = z
  .strictObject({
    model_type: z.enum(MODEL_TYPES).optional().describe("learner instead of the specialist's first"),
    tune: z.boolean().optional().describe("search the grid of the model type"),
    promote: z.boolean().default(true).describe("false: stop before the promotion, whatever the verdict"),
    window_days: z.number().positive().max(36_500).optional().describe("only labels of the last days"),
    seed: z.int().min(0).optional().describe("seed of every random choice"),
  })
  .prefault({});

const version = z
  .string()
  .regex(/^v?\d{1,9}$/)
  .describe("number of a registered version");
export const promoteBody = z.strictObject({
  version,
  reason,
  force: z.boolean().default(false).describe("whatever its verdict or an earlier rollback says; on record"),
});
export const rollbackBody = z.strictObject({
  reason,
  to: version.optional().describe("go back to this version instead of the one before"),
});
export const reasonBody = z.strictObject({ reason });

export const recomputeBody = z
  .strictObject({
    policy: z
      .union([z.string().min(1).max(64), z.record(z.string(), z.unknown())])
      .optional()
      .describe("what if: a preset, or a policy written out; without it, the policy in force"),
  })
  .prefault({});

export const changedAnswer = shape<ShownDeployment & { readonly dry_run: false }>(
  "ChangedDeployment",
  documentSchema(z.strictObject({ ...deploymentSchema.shape, dry_run: z.literal(false) })),
);

export interface Approved {
  readonly approval: ApprovalState;
  readonly deployment: ShownDeployment;
}
export const approvedAnswer = shape<Approved>(
  "Approved",
  z.strictObject({ approval: approvalAnswer, deployment: deploymentAnswer }),
);
