import type { z } from "zod";
import { type AuditEntry, auditEntrySchema, type QuarantineEntry, quarantineEntrySchema } from "../core/audit.ts";
import { type Dataset, datasetSchema } from "../core/dataset.ts";
import { type Deployment, deploymentSchema } from "../core/deployment.ts";
import { type FeedbackDocument, feedbackSchema } from "../core/feedback.ts";
import { type Opinion, type OpinionDocument, opinionSchema } from "../core/opinion.ts";
import { type Run, runSchema } from "../core/run.ts";
import { toIso } from "../core/time.ts";
import type { Decision } from "../core/verdict.ts";
import { type VerdictRecord, verdictRecordSchema } from "../core/verdict-record.ts";
import { VERSION_TAGS } from "../registry/names.ts";
import type { ModelVersion } from "../registry/registry.ts";
import type { StoredFeedback } from "../store/store.ts";
import { type DataSource, dataSourceOf } from "./data-source.ts";
import type { PlanTrace, Reign } from "./history.ts";
import type { House } from "./house.ts";
import type { TriggerView } from "./trigger.ts";

/**
 * What the outside sees of each thing: the shapes of `--json` and of the HTTP answers, which are the same. Names in snake_case, times as
 * ISO 8601 with Z, null for what is not there.
 */

/** A list as every list command and route answers it, under the plural of its items: `{ runs: [...], next }`. */
export type ShownList<Plural extends string, Item> = { readonly [K in Plural]: readonly Item[] } & {
  /** Cursor of the next page; null on the last. */
  readonly next: string | null;
};

export const showList = <const Plural extends string, Item>(
  plural: Plural,
  items: readonly Item[],
  next: string | null,
): ShownList<Plural, Item> => ({ [plural]: items, next }) as ShownList<Plural, Item>;

/** What a run's verdict says in short; `requeen verdict show` has the whole. */
export interface VerdictSummary {
  readonly decision: Decision;
  readonly verdict_id: string;
  readonly headline: string;
  readonly candidate: boolean;
  readonly requires_approval: boolean;
  /** Posterior P(challenger better), 0..1. */
  readonly p_better: number;
  /** Gate rows that it was decided on. */
  readonly rows: number;
  /** Further labels until a decision; 0 = decided; null = more labels would not help. */
  readonly labels_needed: number | null;
}

type RunDocument = z.input<typeof runSchema>;
export interface ShownRun
  extends Omit<
    RunDocument,
    "run_id" | "trigger" | "options" | "policy" | "verdict_id" | "champion_version" | "fence" | "updated_at" | "started_at"
  > {
  /** Null, as trigger, options, policy and start: it was refused before it began, so there is no record. */
  readonly run_id: string | null;
  readonly trigger: RunDocument["trigger"] | null;
  readonly options: RunDocument["options"] | null;
  /** Name and version, as in `evidence/1`; null for runs of the original system. */
  readonly policy: string | null;
  readonly verdict: VerdictSummary | null;
  /** What is in production by this run: the version that it promoted, else the one that it found. */
  readonly champion_version: string | null;
  /** What was in production when it began, and what its challenger was compared with. */
  readonly compared_with_version: string | null;
  readonly started_at: string | null;
}

export const summarizeVerdict = ({ decision, verdict_id, verdict }: VerdictRecord): VerdictSummary => ({
  decision,
  verdict_id,
  headline: verdict.headline,
  candidate: verdict.candidate,
  requires_approval: verdict.requires_approval,
  p_better: verdict.test.p_better,
  rows: verdict.rows.count,
  labels_needed: verdict.labels_needed.total,
});

export function showRun(run: Run, verdict: VerdictRecord | null): ShownRun {
  const {
    policy,
    verdict_id: _verdict,
    champion_version,
    fence: _fence,
    updated_at: _updated,
    ...document
  } = runSchema.encode(run);
  return {
    ...document,
    policy: typeof policy.name === "string" ? `${policy.name}/${String(policy.version)}` : null,
    verdict: verdict === null ? null : summarizeVerdict(verdict),
    champion_version: run.promoted ? run.challenger_version : champion_version,
    compared_with_version: champion_version,
  };
}

/** A request that was refused before it became a run. `byEvidence`: for its labels; else by an error. */
export const refusedRun = (
  specialist: string,
  championVersion: string | null,
  error: NonNullable<ShownRun["error"]>,
  byEvidence: boolean,
): ShownRun => ({
  run_id: null,
  specialist,
  trigger: null,
  options: null,
  policy: null,
  state: byEvidence ? "refused" : "failed",
  steps: [],
  dataset_id: null,
  verdict: null,
  challenger_version: null,
  champion_version: championVersion,
  compared_with_version: championVersion,
  promoted: false,
  mlflow: null,
  error,
  started_at: null,
  ended_at: null,
});

/** Runs with their verdicts; one query a run that has one. */
export const showRuns = (house: Pick<House, "store">, runs: readonly Run[]): Promise<ShownRun[]> =>
  Promise.all(
    runs.map(async (run) => showRun(run, run.verdict_id === null ? null : await house.store.getVerdict(run.verdict_id))),
  );

export const showOpinion = (opinion: Opinion): OpinionDocument => opinionSchema.encode(opinion);

export interface ShownFeedback extends FeedbackDocument {
  readonly state: StoredFeedback["state"];
  readonly sequence: number;
  readonly recorded_at: string;
}

export const showFeedback = ({ state, sequence, recorded_at, ...feedback }: StoredFeedback): ShownFeedback => ({
  ...feedbackSchema.encode(feedback),
  state,
  sequence,
  recorded_at: toIso(recorded_at),
});

export const showDataset = (dataset: Dataset): z.input<typeof datasetSchema> => datasetSchema.encode(dataset);
export type ShownDataset = ReturnType<typeof showDataset>;

export const showVerdict = (record: VerdictRecord): z.input<typeof verdictRecordSchema> => verdictRecordSchema.encode(record);
export type ShownVerdict = ReturnType<typeof showVerdict>;

export const showDeployment = (deployment: Deployment): z.input<typeof deploymentSchema> => deploymentSchema.encode(deployment);
export type ShownDeployment = ReturnType<typeof showDeployment>;

export const showAuditEntry = (entry: AuditEntry): z.input<typeof auditEntrySchema> => auditEntrySchema.encode(entry);
export type ShownAuditEntry = ReturnType<typeof showAuditEntry>;

export const showQuarantine = (entry: QuarantineEntry): z.input<typeof quarantineEntrySchema> =>
  quarantineEntrySchema.encode(entry);
export type ShownQuarantine = ReturnType<typeof showQuarantine>;

export interface ShownReign extends Omit<Reign, "from_at" | "until_at"> {
  readonly from: string;
  /** Null: still in production. */
  readonly until: string | null;
}

export const showReign = ({ from_at, until_at, ...reign }: Reign): ShownReign => ({
  ...reign,
  from: toIso(from_at),
  until: until_at === null ? null : toIso(until_at),
});

export interface ShownTrace extends Omit<PlanTrace, "evaluated_at" | "reign"> {
  readonly evaluated_at: string;
  readonly reign: ShownReign | null;
}

export const showTrace = ({ evaluated_at, reign, ...trace }: PlanTrace): ShownTrace => ({
  ...trace,
  evaluated_at: toIso(evaluated_at),
  reign: reign === null ? null : showReign(reign),
});

/** One registered version of a specialist's model. */
export interface ShownModel {
  readonly specialist: string;
  readonly version: string;
  readonly aliases: readonly string[];
  readonly stage: string;
  /** Name of the registered model. */
  readonly name: string;
  readonly status: string;
  readonly description: string;
  readonly run_id: string | null;
  readonly verdict_id: string | null;
  readonly dataset_id: string | null;
  readonly policy: string | null;
  /** Synthetic: trained on no label of a person. */
  readonly data_source: DataSource;
  /** Of the native model file. */
  readonly sha256: string | null;
  /** When, by whom and why it was rolled back; null = it was not. */
  readonly tombstone: string | null;
  readonly mlflow_run_id: string | null;
  readonly created_at: string;
}

export function showModel(specialist: string, version: ModelVersion): ShownModel {
  const tag = (name: keyof typeof VERSION_TAGS): string | null => version.tags[VERSION_TAGS[name]] ?? null;
  return {
    specialist,
    version: version.version,
    aliases: version.aliases,
    stage: version.stage,
    name: version.name,
    status: version.status,
    description: version.description,
    run_id: tag("run"),
    verdict_id: tag("verdict"),
    dataset_id: tag("dataset"),
    policy: tag("policy"),
    data_source: dataSourceOf(version.tags),
    sha256: tag("digest"),
    tombstone: tag("tombstone"),
    mlflow_run_id: version.runId === "" ? null : version.runId,
    created_at: toIso(version.createdAtMs),
  };
}

/** What the trigger rule says of a specialist now. */
export interface ShownTrigger {
  readonly specialist: string;
  readonly state: TriggerView["decision"]["state"];
  readonly cause: TriggerView["decision"]["cause"];
  readonly new_labels: number;
  readonly reasons: TriggerView["decision"]["reasons"];
  /** When a pause ends; null where time alone changes nothing. */
  readonly retry_at: string | null;
  /** The run that is not ended. */
  readonly active_run_id: string | null;
}

export const showTrigger = (specialist: string, { decision, newLabels, activeRun }: TriggerView): ShownTrigger => ({
  specialist,
  state: decision.state,
  cause: decision.cause,
  new_labels: newLabels,
  reasons: decision.reasons,
  retry_at: decision.retryAtMs === null ? null : toIso(decision.retryAtMs),
  active_run_id: activeRun?.run_id ?? null,
});
