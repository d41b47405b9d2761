/** What a search for parameters may score its trials by. Apart from tune.ts, so that who reads a stored search does not load the learners. */
export const TUNING_METRICS = ["log_loss", "brier", "accuracy", "macro_f1", "roc_auc"] as const;
export type TuningMetric = (typeof TUNING_METRICS)[number];
