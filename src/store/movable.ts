import type { AuditEntry, QuarantineEntry } from "../core/audit.ts";
import type { Dataset } from "../core/dataset.ts";
import type { Deployment } from "../core/deployment.ts";
import type { Opinion } from "../core/opinion.ts";
import type { ReviewClaim } from "../core/review.ts";
import type { Run } from "../core/run.ts";
import type { Token } from "../core/token.ts";
import type { VerdictRecord } from "../core/verdict-record.ts";
import type { Store, StoredFeedback } from "./store.ts";

/** Everything that a store holds, by kind, in a form that no backend's own layout shows through. */
export interface MovedRecords {
  opinions: Opinion;
  /** Sequence numbers are kept: datasets name them. What the original system wrote has negative ones, before all of ours. */
  feedback: StoredFeedback & { readonly retracted_at: number | null };
  runs: Run;
  datasets: Dataset;
  verdicts: VerdictRecord;
  deployments: Deployment;
  quarantine: QuarantineEntry;
  claims: ReviewClaim;
  seen: { readonly reviewer: string; readonly opinion_id: string; readonly seen_at: number };
  audit: AuditEntry;
  tokens: Token;
  settings: { readonly key: string; readonly value: unknown };
  /** Only the fence moves: no token may be given twice. Nobody holds a lease in the new store. */
  leases: { readonly name: string; readonly fence: number };
}
export type RecordKind = keyof MovedRecords;

/** In the order in which they are moved: a record comes after those that it names. */
export const RECORD_KINDS = [
  "opinions",
  "feedback",
  "runs",
  "datasets",
  "verdicts",
  "deployments",
  "quarantine",
  "claims",
  "seen",
  "audit",
  "tokens",
  "settings",
  "leases",
] as const satisfies RecordKind[];

/** Names of settings that belong to one store and do not move. */
export const OWN_SETTINGS = /^(migrate|requeen):/;

export interface ExportPage<K extends RecordKind> {
  readonly records: MovedRecords[K][];
  /** Where the next page begins; null after the last one. Means something to this store only. */
  readonly cursor: string | null;
}

/** A store whose content can be taken out and put in whole. */
export interface MovableStore extends Store {
  /** The records of a kind, a page at a time, each once, in an order that does not change. */
  exportRecords<K extends RecordKind>(kind: K, cursor: string | null, limit: number): Promise<ExportPage<K>>;
  /** Writes the records whose ids are not there, as they are. Gives the number written. */
  importRecords<K extends RecordKind>(kind: K, records: readonly MovedRecords[K][]): Promise<number>;
}
