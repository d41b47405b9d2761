import type { Opinion } from "../core/opinion.ts";

/** What is added to an opinion of the original system so that a model can learn from the labels on it. */
export interface OpinionAddition {
  readonly opinion_id: string;
  readonly group: string;
  readonly features: NonNullable<Opinion["features"]>;
  /** The plan, where it stood elsewhere; null: the opinion's own document holds it. */
  readonly cognitive_plan: Opinion["cognitive_plan"];
}

export interface OriginalFeedbackReport {
  /** Documents of the original system. */
  readonly seen: number;
  /** On opinions with a vector: they were tied to it by this call. */
  readonly tied: number;
  /** A named person answers for them since this call. */
  readonly vouched: number;
  /** Said of themselves that a program wrote them (`auto_generated`): nobody can answer for those. */
  readonly automatic: number;
}

/**
 * Documents that the original system left in a store, or still writes there. Nothing of theirs is changed: what is added stands under
 * `requeen`, so that their own readers go on. Each call may be cut off anywhere and made again.
 */
export interface OriginalDocuments {
  /**
   * Opinions without a vector, in the order of their ids.
   * @param after id of the last one seen; null: from the first
   * @returns `seen` counts those too that cannot be read and wait in the quarantine; `last` is null at the end
   */
  listWithoutVector(
    after: string | null,
    limit: number,
  ): Promise<{ readonly opinions: Opinion[]; readonly seen: number; readonly last: string | null }>;
  /**
   * Plans of opinions that do not hold them, by opinion id, as they stand: in a collection of plans by `plan_id`, or in the snapshot of a
   * feedback. Two queries, whatever the number of opinions.
   */
  findPlans(opinions: readonly Opinion[], collection: string): Promise<Map<string, Record<string, unknown>>>;
  /** @returns how many opinions got one */
  addVectors(additions: readonly OpinionAddition[]): Promise<number>;
  /**
   * Ties feedback to the vectors of its opinions, so that it counts as evidence.
   * @param vouchedBy who answers for it that people made it (tier bulk); null: nobody (tier rule)
   */
  settleFeedback(vouchedBy: string | null, dryRun: boolean): Promise<OriginalFeedbackReport>;
}
