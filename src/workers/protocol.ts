import type { ModelTypeName } from "../core/specialist.ts";
import type { FitHelpers, FitTicket, Params, Trial } from "../engine/index.ts";
import type { Search } from "./search.ts";

/**
 * What the main thread asks of a training thread. One line a job; both ends take their types from here. Rows are indices into the
 * dataset's file; the thread reads the file itself and keeps the last one, so that no matrix crosses the border.
 */
export interface Jobs {
  /** Trains on some rows, predicts others. */
  fit: { ask: FitAsk; answer: FitAnswer };
  /** Scores some trials of the search that a fit would make. */
  tune: { ask: TuneAsk; answer: TuneAnswer };
  /** Probabilities of a stored model for some rows. */
  score: { ask: ScoreAsk; answer: ScoreAnswer };
}

/** A dataset file and how to read it. */
export interface DatasetReference {
  /** Parquet, content-addressed: the same path always holds the same rows. */
  readonly path: string;
  readonly featureNames: readonly string[];
  readonly classes: readonly string[];
}

export interface FitAsk {
  readonly dataset: DatasetReference;
  readonly featureSchema: string;
  readonly modelType: ModelTypeName;
  /** Parameters of the learner; what is not named has its default. */
  readonly params: Params;
  /** A search for better ones inside the training rows; null: none. */
  readonly search: Search | null;
  /** Trials of that search that were scored elsewhere, over the same rows with the same seed: they are not trained again. */
  readonly trials: readonly Trial[];
  /** Rows to learn from. Human rows weigh as the dataset says; each machine tier's weight is chosen inside these rows, zero allowed. */
  readonly trainRows: Uint32Array;
  /** Rows to predict; empty for none. */
  readonly predictRows: Uint32Array;
  /** Choose a calibrator on rows held out: up to five more trainings. */
  readonly calibrate: boolean;
  /** Whether the model itself is wanted (not for the folds of a cross-fit). */
  readonly wantModel: boolean;
  readonly seed: number;
}

export interface FitAnswer {
  /** Native model bytes, or null when not wanted. */
  readonly model: Uint8Array | null;
  /** float64 [predictRows x classes], row-major. */
  readonly probabilities: Float64Array;
  /** Median time of one opinion, milliseconds; null when no model was wanted. */
  readonly latencyMs: number | null;
  /** What was chosen and how it scored inside the training rows, and what was told to `onNote`; JSON-safe. */
  readonly report: Readonly<Record<string, unknown>>;
}

export interface TuneAsk {
  readonly dataset: DatasetReference;
  readonly modelType: ModelTypeName;
  /** Parameters and search of the fit. */
  readonly base: Params;
  readonly search: Search;
  /** The rows of the fit. */
  readonly trainRows: Uint32Array;
  /** The seed of the fit. */
  readonly seed: number;
  readonly params: readonly Params[];
}

export interface TuneAnswer {
  /** One a trial, in their order. */
  readonly trials: readonly Trial[];
}

export interface ScoreAsk {
  readonly dataset: DatasetReference;
  readonly model: Uint8Array;
  readonly rows: Uint32Array;
}

export interface ScoreAnswer {
  readonly probabilities: Float64Array;
  /** Classes of the model, in its order; must be the dataset's. */
  readonly classes: readonly string[];
  /** Median time of one opinion, milliseconds. */
  readonly latencyMs: number;
}

export type JobName = keyof Jobs;

/** Threads of the pool that a job may be helped by, when they have nothing else to do. */
export interface PoolHelpers extends Pick<FitHelpers, "leastRows" | "patienceMs"> {
  readonly count: number;
}

/** Main to thread: a job. */
export interface AskMessage<N extends JobName = JobName> {
  readonly id: number;
  readonly job: N;
  readonly ask: Jobs[N]["ask"];
  readonly helpers: PoolHelpers;
}
/** Main to thread: help in the fit of another thread until it ends or the helper is dismissed. */
export interface HelpMessage {
  readonly ticket: FitTicket;
}

/** Thread to main. Errors cross as data: a RequeenError keeps its code. */
export type ThreadMessage =
  | { readonly id: number; readonly kind: "answer"; readonly answer: Jobs[JobName]["answer"] }
  | { readonly id: number; readonly kind: "progress"; readonly share: number }
  /** A trial of the job's search is done. */
  | { readonly id: number; readonly kind: "trial"; readonly trial: Trial }
  /** The job is in a fit that can be helped with these tickets; none: it is no more. */
  | { readonly id: number; readonly kind: "tickets"; readonly tickets: readonly FitTicket[] }
  /** The thread helps no longer. */
  | { readonly kind: "helped" }
  | {
      readonly id: number;
      readonly kind: "error";
      readonly code: string | null;
      readonly message: string;
      readonly details: Record<string, unknown>;
      readonly stack: string;
    };
