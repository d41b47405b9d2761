export { createHelpers, type HelperThreads } from "./helpers.ts";
export { type AskOptions, createPool, type Pool } from "./pool.ts";
export type {
  DatasetReference,
  FitAnswer,
  FitAsk,
  JobName,
  Jobs,
  ScoreAnswer,
  ScoreAsk,
  TuneAnswer,
  TuneAsk,
} from "./protocol.ts";
