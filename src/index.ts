/**
 * `requeen`: what things are, how documents are read and written, features, the configuration, and the client of the registry.
 * Learners are in `requeen/engine`, verdicts in `requeen/decide`, the store in `requeen/store`, training threads in `requeen/workers`.
 */
export { type Config, type ConfigInput, type LoadedConfig, readConfig } from "./config/read-config.ts";
export { Secret } from "./config/secret.ts";
export { type Dataset, datasetSchema } from "./core/dataset.ts";
export { type Deployment, deploymentSchema } from "./core/deployment.ts";
export { ERRORS, type ErrorCode, isRequeenError, RequeenError } from "./core/errors.ts";
export { CHANNELS, type Channel, type Evidence, evidenceSchema, isHuman, TIERS, type Tier } from "./core/evidence.ts";
export { type Feedback, type FeedbackDocument, feedbackSchema } from "./core/feedback.ts";
export { type Opinion, type OpinionDocument, opinionSchema } from "./core/opinion.ts";
export { checkPlan, type Plan, type PlanDocument, planSchema, readPlan, type Task, taskSchema, writePlan } from "./core/plan.ts";
export {
  type FeedbackContext,
  type Problem,
  type ReadResult,
  readFeedback,
  readOpinion,
  readTrigger,
} from "./core/read-documents.ts";
export { isEnded, RUN_STEPS, type Run, type RunOptions, type RunState, type RunStep, runSchema } from "./core/run.ts";
export { builtInSpecialists, type Column, DEFAULT_CLASSES, type Specialist, specialistSchema } from "./core/specialist.ts";
export { type Decision, type Verdict, verdictSchema } from "./core/verdict.ts";
export { extractFeatures, FEATURE_CATALOG, type FeatureEntry, featureNames, type PlanSchemaName } from "./features/index.ts";
export { createRegistryClient, type RegistryClientOptions } from "./registry/client.ts";
export { createHttpTransport, type HttpTransportOptions } from "./registry/http-transport.ts";
export type { Registry } from "./registry/registry.ts";
