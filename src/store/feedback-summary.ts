/** Current judgements of one specialist that gave one decision. */
export interface FeedbackSummary {
  readonly specialist: string;
  readonly recommendation: string;
  readonly count: number;
  /** Of those, the ones with a rating. */
  readonly rated: number;
  readonly rating_sum: number;
  readonly rating_min: number | null;
  readonly rating_max: number | null;
}
