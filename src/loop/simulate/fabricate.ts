import { RequeenError } from "../../core/errors.ts";
import { toIso } from "../../core/time.ts";
import { SeededRandom } from "../../engine/seeded-random.ts";
import { between } from "./profile.ts";
import type { Decision } from "./reviewer-rules.ts";

/** What the original's feedback jobs read of a stored opinion. */
export interface OpinionToFabricate {
  readonly opinionId: string;
  readonly specialist: string;
  readonly recommendation: string;
  readonly confidence: number;
  readonly traceId: string | null;
}

/** A feedback document as those jobs wrote it: no plan_id, no submitted_by, no schema_version. */
export interface FabricatedFeedback {
  readonly feedback_id: string;
  readonly opinion_id: string;
  readonly opinion_recommendation: string;
  readonly human_recommendation: string;
  readonly human_rating: number;
  readonly feedback_notes: string;
  readonly specialist_type: string;
  readonly auto_generated: boolean;
  readonly manual_review?: true;
  readonly balanced_dataset?: true;
  readonly submitted_at: string;
  readonly trace_id: string | null;
}

/** The jobs wrote one document after another, a few milliseconds apart. */
const WRITE_STEP_MS = 4;

/**
 * What the original's auto-feedback job wrote (original-system.md 3.1 #1): the model's own recommendation back as a label. Below a
 * confidence of 0.4 it is review_required with rating 0.4; above 0.6 the rating is the confidence plus 0.1, at most 1; else the confidence.
 */
export function fabricateAutoFeedback(request: {
  opinions: readonly OpinionToFabricate[];
  startMs: number;
}): FabricatedFeedback[] {
  return request.opinions.map((opinion, index) => {
    const { confidence } = opinion;
    const unsure = confidence < 0.4;
    const atMs = request.startMs + index * WRITE_STEP_MS;
    return {
      feedback_id: `fb-auto-${atMs / 1000}-${index + 1}`,
      ...common(opinion, atMs),
      human_recommendation: unsure ? "review_required" : opinion.recommendation,
      human_rating: unsure ? 0.4 : confidence > 0.6 ? Math.min(confidence + 0.1, 1) : confidence,
      feedback_notes: "[AUTO]",
      auto_generated: true,
    };
  });
}

/** How many of each class the balanced job wrote, in its order, and the range of its ratings. */
const QUOTAS: readonly { decision: Decision; count: number; rating: readonly [number, number] }[] = [
  { decision: "approve", count: 80, rating: [0.65, 0.95] },
  { decision: "reject", count: 60, rating: [0.3, 0.6] },
  { decision: "review_required", count: 60, rating: [0.4, 0.6] },
];
export const BALANCED_QUOTA = QUOTAS.reduce((sum, { count }) => sum + count, 0);

/**
 * What the original's "balanced human feedback" job wrote (original-system.md 3.1 #2): the opinions shuffled, the first 80 approved, the
 * next 60 rejected, the next 60 sent to review, whatever they are; ratings drawn; marked as manual. With fewer opinions it stops early,
 * with more it leaves the rest alone.
 */
export function fabricateBalancedFeedback(request: {
  opinions: readonly OpinionToFabricate[];
  seed: number;
  startMs: number;
}): FabricatedFeedback[] {
  if (!Number.isSafeInteger(request.seed) || request.seed < 0)
    throw new RequeenError(
      "bad_parameter",
      `seed of fabricateBalancedFeedback must be an integer, 0 or more; got ${request.seed}`,
    );
  const random = new SeededRandom(request.seed);
  const labels = QUOTAS.flatMap((quota) => Array.from({ length: quota.count }, () => quota));
  const shuffled = random.shuffle([...request.opinions]).slice(0, labels.length);
  return shuffled.flatMap((opinion, index) => {
    const quota = labels[index];
    if (!quota) return [];
    const atMs = request.startMs + index * WRITE_STEP_MS;
    return {
      feedback_id: `fb-bal-${atMs / 1000}-${index}`,
      ...common(opinion, atMs),
      human_recommendation: quota.decision,
      human_rating: Math.round(between(random, ...quota.rating) * 100) / 100,
      feedback_notes: "[HUMAN]",
      auto_generated: false,
      manual_review: true as const,
      balanced_dataset: true as const,
    };
  });
}

const common = (opinion: OpinionToFabricate, atMs: number) => ({
  opinion_id: opinion.opinionId,
  opinion_recommendation: opinion.recommendation,
  specialist_type: opinion.specialist,
  submitted_at: toIso(atMs),
  trace_id: opinion.traceId,
});
