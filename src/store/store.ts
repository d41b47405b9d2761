import type { AuditEntry, NewAuditEntry, QuarantineEntry } from "../core/audit.ts";
import type { Dataset } from "../core/dataset.ts";
import type { Deployment } from "../core/deployment.ts";
import type { Tier } from "../core/evidence.ts";
import type { Feedback, FeedbackState } from "../core/feedback.ts";
import type { Opinion, OpinionHead } from "../core/opinion.ts";
import type { RememberedAnswer, RememberedRequest } from "../core/remembered-request.ts";
import type { ClaimState, ReviewClaim, WaitingOpinion } from "../core/review.ts";
import type { Run, RunState } from "../core/run.ts";
import type { Token } from "../core/token.ts";
import type { VerdictRecord } from "../core/verdict-record.ts";
import type { FeedbackSummary } from "./feedback-summary.ts";
import type { OriginalDocuments } from "./original-documents.ts";

/**
 * Where everything is kept that is not a model. Two backends: sqlite/ (embedded) and mongo/. One conformance suite, run by each.
 *
 * Rules for every backend:
 * - a promise that resolves means: on disk (SQLite: WAL with synchronous FULL; MongoDB: majority). Nothing acknowledged is lost.
 * - a call takes effect whole or not at all; on a MongoDB without transactions a list may be stored up to a place, see openMongoStore.
 * - `sequence` numbers grow in the order of commit and are never used twice.
 * - arrays of arguments are handled in order, in one transaction, with one answer each.
 * @throws RequeenError store_unavailable, store_read_only, store_corrupt, store_too_new, disk_full from any method.
 */
export interface Store {
  /** What the original system left in it; a store that it never wrote to has none. */
  readonly originals?: OriginalDocuments;
  /** Stores opinions. `same`: an equal one was there; `conflict`: another one with this id is there and stays. */
  addOpinions(opinions: readonly Opinion[]): Promise<("added" | "same" | "conflict")[]>;
  getOpinion(opinionId: string): Promise<Opinion | null>;
  /** One answer an id, in order; one query for all. At most 10,000 ids. */
  getOpinions(opinionIds: readonly string[]): Promise<(Opinion | null)[]>;
  /** The heads alone, without plan and vector: what an import of feedback asks. One answer an id, in order; one query; at most 10,000 ids. */
  getOpinionHeads(opinionIds: readonly string[]): Promise<(OpinionHead | null)[]>;
  /** How many there are, without reading them. */
  countOpinions(filter: OpinionFilter): Promise<number>;
  /** Newest `evaluated_at` first, then the larger id: the reverse of streamLabels, so that one index serves both. */
  listOpinions(filter: OpinionFilter, page: Page): Promise<Listed<Opinion>>;

  /**
   * Stores judgements, one current one per reviewer and opinion. The newer `submitted_at` is current, whatever the order of arrival.
   * `same`: this reviewer's current judgement of this opinion has equal decision, rating, notes and tier, or the id is there with equal
   * content: nothing is written. `superseded`: stored as history, since a newer judgement of the reviewer is there.
   * `opinion_not_found`, `conflict` (the id is there with other content, or the opinion is another specialist's): not stored.
   * `feedback_id` of `same` is the id of the judgement that is there.
   */
  addFeedback(feedback: readonly Feedback[]): Promise<FeedbackOutcome[]>;
  /**
   * For an import that has the process to itself: the same answers and promises as `addOpinions` and `addFeedback` of the store, by a thread
   * of its own where the backend is embedded, so that the caller reads the next documents meanwhile. Calls take effect in their order.
   */
  openBulkWriter(): BulkWriter;
  getFeedback(feedbackId: string): Promise<StoredFeedback | null>;
  /** Newest sequence first. */
  listFeedback(filter: FeedbackFilter, page: Page): Promise<Listed<StoredFeedback>>;
  /** Takes a judgement back; an earlier one of the same reviewer does not become current again. @throws feedback_not_found, conflict */
  retractFeedback(feedbackId: string, now: number): Promise<StoredFeedback>;
  /** Changes tiers after forensics; the tier of arrival is kept in `evidence.demoted_from`. Gives the number changed. */
  demoteFeedback(feedbackIds: readonly string[], tier: Tier): Promise<number>;

  /** Current judgements by specialist and decision, sorted by both; without a filter of all there are. No query per row. */
  summarizeFeedback(filter: { specialist?: string; submittedFrom?: number }): Promise<FeedbackSummary[]>;

  /** Counts of current judgements of one specialist, without a query per row. */
  countLabels(specialist: string, options: CountOptions): Promise<LabelCounts>;
  /**
   * Current judgements with the vector of their opinion, ordered by the opinion's `evaluated_at`, opinion id, sequence; all of one opinion
   * stand together. Streamed in batches of about 1,000: memory does not grow with the number.
   */
  streamLabels(specialist: string, filter: LabelFilter): AsyncIterable<LabelRow[]>;
  /** How the opinions of one model version fared, over current human judgements; one query. */
  countAgreement(specialist: string, modelVersion: string): Promise<Agreement>;

  /**
   * Opinions that wait for a person, in the order of their keys: from `fromKey` on upwards, or from below it downwards. Left out: those with
   * a current human judgement, generated ones, those that somebody holds, and what the filter names. The keys follow from the ids
   * (`ringKey`), so that a place on the ring says nothing about the opinion.
   */
  listWaiting(filter: WaitingFilter, fromKey: number, direction: "up" | "down", limit: number): Promise<WaitingOpinion[]>;
  /** How many wait for a person, also those that somebody holds. A count over an index; MongoDB: an upper bound. */
  countWaiting(specialist: string): Promise<number>;
  /** What the specialists said of these plans; one query, at most 10,000 answers. */
  decisionsOn(planIds: readonly string[]): Promise<{ plan_id: string; specialist: string; recommendation: string }[]>;
  /**
   * Takes an opinion for a reviewer. False when somebody holds it at `now`, or it waits no more. A hold that is over by time becomes
   * `expired`.
   */
  addClaim(claim: ReviewClaim, now: number): Promise<boolean>;
  /** Writes a claim, if it is stored in the state `from` and nobody else took its opinion since. */
  putClaim(claim: ReviewClaim, from: ClaimState): Promise<boolean>;
  /**
   * Stores the claim's judgement and the claim, in one step; null when putClaim would answer false. Without transactions (MongoDB) the
   * judgement is stored first, and sending the same again ends what was begun.
   */
  submitClaim(claim: ReviewClaim, from: ClaimState, feedback: Feedback): Promise<FeedbackOutcome | null>;
  getClaim(claimId: string): Promise<ReviewClaim | null>;
  /** Newest `claimed_at` first. */
  listClaims(filter: ClaimFilter, page: Page): Promise<Listed<ReviewClaim>>;
  /** Notes that a reviewer has seen what the model said of these opinions. */
  markSeen(reviewer: string, opinionIds: readonly string[], now: number): Promise<void>;
  hasSeen(reviewer: string, opinionId: string): Promise<boolean>;

  /** Starts a run. @throws run_active when one of this specialist is `running`; conflict when its evidence key was used by another run. */
  addRun(run: Run): Promise<void>;
  /** Writes a run's record. @throws lease_lost when the record was last written under a newer fencing token; run_not_found */
  putRun(run: Run): Promise<void>;
  getRun(runId: string): Promise<Run | null>;
  /** Newest `started_at` first. */
  listRuns(filter: { specialist?: string; state?: RunState }, page: Page): Promise<Listed<Run>>;

  /**
   * Takes the lease `name` if it is free, expired, or already held by `owner`. Each taking gives a larger fencing token than any before.
   * Null when somebody else holds it.
   */
  acquireLease(name: string, owner: string, ttlMs: number, now: number): Promise<{ fence: number } | null>;
  /** False when the lease is no longer ours: stop at once. */
  renewLease(name: string, owner: string, fence: number, ttlMs: number, now: number): Promise<boolean>;
  /** Silent when the lease is no longer held by this owner under this fence. */
  releaseLease(name: string, owner: string, fence: number): Promise<void>;
  /** Who holds or last held the lease, expired or not; null when it is free. */
  getLease(name: string): Promise<{ owner: string; fence: number; expires_at: number } | null>;

  /** Idempotent by dataset_id. */
  addDataset(dataset: Dataset): Promise<void>;
  getDataset(datasetId: string): Promise<Dataset | null>;
  listDatasets(filter: { specialist?: string }, page: Page): Promise<Listed<Dataset>>;

  /** Idempotent by verdict_id. */
  addVerdict(verdict: VerdictRecord): Promise<void>;
  getVerdict(verdictId: string): Promise<VerdictRecord | null>;
  listVerdicts(filter: { specialist?: string }, page: Page): Promise<Listed<VerdictRecord>>;

  addDeployment(deployment: Deployment): Promise<void>;
  /** @throws not_found */
  putDeployment(deployment: Deployment): Promise<void>;
  /** Newest `prepared_at` first. */
  listDeployments(filter: { specialist?: string; state?: Deployment["state"] }, page: Page): Promise<Listed<Deployment>>;

  addQuarantine(entries: readonly QuarantineEntry[]): Promise<void>;
  getQuarantine(quarantineId: string): Promise<QuarantineEntry | null>;
  listQuarantine(
    filter: { kind?: QuarantineEntry["kind"]; state?: QuarantineEntry["state"] },
    page: Page,
  ): Promise<Listed<QuarantineEntry>>;
  setQuarantineState(quarantineId: string, state: QuarantineEntry["state"]): Promise<void>;

  /** Appends to the hash chain; see hashAuditEntry. */
  appendAudit(entries: readonly NewAuditEntry[]): Promise<AuditEntry[]>;
  /** Oldest first. */
  listAudit(filter: { subject?: string; afterSequence?: number }, page: Page): Promise<Listed<AuditEntry>>;

  /** Stores an API key. @throws already_exists */
  addToken(token: Token): Promise<void>;
  getToken(tokenId: string): Promise<Token | null>;
  /** Newest `created_at` first; revoked and expired ones too. */
  listTokens(page: Page): Promise<Listed<Token>>;
  /** Ends an API key for good; the first revocation is the one that stays. @throws not_found */
  revokeToken(tokenId: string, by: string, now: number): Promise<Token>;
  /** Moves `last_used_at` forward; silent when there is no such key. */
  touchToken(tokenId: string, now: number): Promise<void>;

  /**
   * Takes a request that is to be done once. Claimed: nobody had it, or it expired, or its owner did not end it by `claimed_until` or is
   * `takeFrom` (then the first `at` stays). Else what is stored: answered, in work, or of another digest.
   */
  claimRequest(
    request: Omit<RememberedRequest, "answer">,
    now: number,
    takeFrom?: string,
  ): Promise<{ readonly claimed: boolean; readonly request: RememberedRequest }>;
  /** Writes the answer of a request that this owner holds; silent when somebody else took it over. */
  answerRequest(key: string, owner: string, answer: RememberedAnswer): Promise<void>;
  /** Gives up a request that this owner holds and that has no answer. */
  forgetRequest(key: string, owner: string): Promise<void>;
  /** Gives the number forgotten. */
  forgetExpiredRequests(now: number): Promise<number>;

  /** Small named JSON values: import positions, example progress. */
  getSetting(key: string): Promise<unknown>;
  putSetting(key: string, value: unknown): Promise<void>;

  /** Fast check that the store answers and can write. */
  ping(): Promise<void>;
  /** Where the backend is a server: whether it is being asked at all. */
  circuit?(): Circuit;
  close(): Promise<void>;
}

/** `open`: the server was away just now and is not asked; `half_open`: the next call tries; `closed`: as usual. */
export interface Circuit {
  readonly state: "closed" | "open" | "half_open";
  /** ms until a call tries again; 0 unless open. */
  readonly retry_after_ms: number;
}

/** At most `limit` items (1..10,000); `cursor` is what the page before gave as `next`. */
export interface Page {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface Listed<T> {
  readonly items: T[];
  /** Cursor of the next page; null when there is none. Stable while rows are added. */
  readonly next: string | null;
}

export interface OpinionFilter {
  readonly specialist?: string;
  readonly planId?: string;
  readonly modelVersion?: string;
  /** Only opinions without a current human judgement; generated ones wait for nobody. */
  readonly pending?: boolean;
  readonly evaluatedFrom?: number;
  readonly evaluatedBefore?: number;
}

export interface WaitingFilter {
  readonly specialist: string;
  /** At this time, ms: holds that end before it are over. */
  readonly now: number;
  /** Leaves out what this reviewer skipped since `skippedSince`, ms. */
  readonly reviewer: string;
  readonly skippedSince: number;
  /** Leaves out what the reviewer has seen the model's word on. */
  readonly unseen: boolean;
}

export interface ClaimFilter {
  readonly reviewer?: string;
  readonly specialist?: string;
  readonly opinionId?: string;
  readonly state?: ClaimState;
  readonly claimedFrom?: number;
}

export interface FeedbackFilter {
  readonly specialist?: string;
  readonly opinionId?: string;
  readonly reviewer?: string;
  readonly tier?: Tier;
  readonly state?: FeedbackState;
  readonly submittedFrom?: number;
  readonly submittedBefore?: number;
}

export interface StoredFeedback extends Feedback {
  readonly state: FeedbackState;
  readonly sequence: number;
  /** When the store wrote it, ms. */
  readonly recorded_at: number;
}

/** @throws RequeenError worker_lost besides what the store throws */
export type BulkWriter = Pick<Store, "addOpinions" | "addFeedback"> & AsyncDisposable;

export type FeedbackOutcome =
  | { readonly outcome: "added" | "same" | "superseded"; readonly feedback_id: string; readonly replaced: string | null }
  | { readonly outcome: "opinion_not_found" | "conflict"; readonly feedback_id: string; readonly replaced: null };

export interface CountOptions {
  /** New means recorded after this sequence number; 0 = everything is new. */
  readonly afterSequence: number;
  /** Tiers whose labels may judge a challenger. */
  readonly gateTiers: readonly Tier[];
  /** Only opinions with a vector of this schema can be learnt from. */
  readonly featureSchema: string;
  /** Whether `new_gate_effective` is wanted: it reads the evidence of each new label. Absent = no. */
  readonly weigh?: boolean;
}

export interface LabelCounts {
  /** Current judgements by tier. */
  readonly by_tier: Readonly<Record<Tier, number>>;
  /** Distinct opinions with at least one current human judgement. */
  readonly human: number;
  /** Of those, the ones with a human judgement recorded after `afterSequence`. */
  readonly new_human: number;
  /** Distinct opinions with a vector of `featureSchema` and a current judgement of `gateTiers` recorded after `afterSequence`. */
  readonly new_gate: number;
  /**
   * How many independent labels `new_gate` is worth: Kish's effective number over the inverse chances of pick (core/evidence.ts, the largest
   * of an opinion). `new_gate` itself unless `weigh` was asked.
   */
  readonly new_gate_effective: number;
  /** Distinct opinions with current judgements of machine tiers only. */
  readonly machine: number;
  /** Largest sequence number of this specialist's feedback; 0 when there is none. */
  readonly last_sequence: number;
  /** ms; null when there is none. */
  readonly first_submitted_at: number | null;
  readonly last_submitted_at: number | null;
}

export interface LabelFilter {
  /** Only feedback recorded up to and including this sequence number. */
  readonly upToSequence?: number;
  /** Only feedback submitted at or after this time, ms. */
  readonly submittedFrom?: number;
  readonly tiers?: readonly Tier[];
}

export interface LabelRow {
  readonly feedback_id: string;
  readonly opinion_id: string;
  readonly plan_id: string;
  readonly group: string;
  readonly reviewer: string;
  readonly recommendation: string;
  readonly rating: number | null;
  readonly tier: Tier;
  /** Chance with which the opinion was picked for this review, (0, 1]; null: not picked by chance. */
  readonly propensity: number | null;
  /** The same chance had all been left to plain chance; null where the propensity is, or where it was 1. */
  readonly base_propensity: number | null;
  readonly submitted_at: number;
  readonly evaluated_at: number;
  readonly sequence: number;
  readonly opinion_decision: string;
  readonly opinion_confidence: number | null;
  readonly opinion_state: Opinion["state"];
  readonly model_version: string | null;
  /** Null when the opinion was imported without a vector. */
  readonly feature_schema: string | null;
  /** In the order of the schema, NaN = missing; owned by the caller. */
  readonly features: Float64Array | null;
}

export interface Agreement {
  /** Opinions of this version. */
  readonly judged: number;
  /** Mean confidence over them; null when there is none. */
  readonly mean_confidence: number | null;
  /** Opinions of this version with a current human judgement. */
  readonly labelled: number;
  /** Of those, the ones where the newest human judgement equals the opinion's decision. */
  readonly agreed: number;
}
