import type { Tier } from "../../core/evidence.ts";
import { FINDING_CODES, type FindingCode, type FindingEffect } from "../../core/finding-codes.ts";

/** One judgement as forensics sees it: who said what of which opinion, and what the opinion had said. */
export interface LabelRow {
  readonly opinion_id: string;
  readonly reviewer: string;
  /** The person's decision class. */
  readonly recommendation: string;
  /** 0..1, null where the source gave none. */
  readonly rating: number | null;
  /** ms since the epoch. */
  readonly submitted_at: number;
  /** The opinion's own class and its probability; null where unknown. */
  readonly opinion_decision: string | null;
  readonly opinion_confidence: number | null;
  readonly tier: Tier;
  /** Feature vector, NaN = missing; absent = not looked at. All rows of the same length. */
  readonly features?: ArrayLike<number>;
}

export { FINDING_CODES, type FindingCode, type FindingEffect };

export interface Finding {
  readonly code: FindingCode;
  readonly effect: FindingEffect;
  /** The reviewer, or null when all rows together were looked at. */
  readonly reviewer: string | null;
  /** Indices into the rows given, ascending. */
  readonly rows: readonly number[];
  readonly statistic: number;
  readonly threshold: number;
  /** Chance of such a statistic among honest labels under the finding's null model; null where the finding is a plain count. */
  readonly p_value: number | null;
  readonly sentence: string;
}

export interface ForensicsOptions {
  /** All decision classes; a class without rows can be found missing. */
  readonly classes: readonly string[];
  readonly seed: number;
  /** A source with fewer rows is not examined by itself. Default 20. */
  readonly leastRows?: number;
}

/** One source: the rows of one reviewer, or all. `indices` ascend in time, ties in the order given. */
export interface LabelSource {
  readonly reviewer: string | null;
  readonly rows: readonly LabelRow[];
  readonly indices: readonly number[];
  readonly seed: number;
}

/** Below these the null models call a pattern no accident. Each holds honest reviewers far under 1 % false findings over all detectors. */
export const FORENSIC_LIMITS = {
  /** Agreement that echo needs, and the agreement that a good model and an honest reviewer are granted. */
  echo: { agreement: 0.98, granted: 0.95, p: 1e-3 },
  ratingRule: { share: 0.9, p: 0.01, gap: 0.3, leastRows: 10 },
  quota: { p: 0.02, independence: 0.05, leastRows: 40 },
  blocks: { p: 1e-8 },
  burst: { gapMs: 1_500, honestShare: 0.05, p: 1e-6, leastGaps: 15 },
  copies: { p: 1e-6, leastShared: 12 },
  missingClass: { share: 0.05, p: 1e-3 },
} as const;
