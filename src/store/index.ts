export type { ArrowFile } from "./arrow-file.ts";
export { openArrow } from "./arrow-file.ts";
export type { AuditCheck } from "./audit-chain.ts";
export { AUDIT_GENESIS, hashAuditEntry, verifyAuditChain } from "./audit-chain.ts";
export type { BlobStore } from "./blobs.ts";
export { openFileBlobs } from "./file-blobs.ts";
export type { KindReport, MigrateOptions, MigrateReport } from "./migrate.ts";
export { migrateStore } from "./migrate.ts";
export type { MongoOptions } from "./mongo/open.ts";
export { openMongoStore } from "./mongo/open.ts";
export type { MovableStore, MovedRecords, RecordKind } from "./movable.ts";
export { RECORD_KINDS } from "./movable.ts";
export type { OpinionAddition, OriginalDocuments, OriginalFeedbackReport } from "./original-documents.ts";
export type { ColumnKind, ParquetBatch, ParquetColumns, ParquetField, ParquetTable } from "./parquet.ts";
export { openParquet, parquetFields, readParquet, scanParquet, writeParquet } from "./parquet.ts";
export type { SqliteOptions } from "./sqlite/open.ts";
export { openSqliteStore } from "./sqlite/open.ts";
export type {
  Agreement,
  CountOptions,
  FeedbackFilter,
  FeedbackOutcome,
  LabelCounts,
  LabelFilter,
  LabelRow,
  Listed,
  OpinionFilter,
  Page,
  Store,
  StoredFeedback,
} from "./store.ts";
export type { TrainingFile, TrainingFileOptions } from "./training-file.ts";
export { openTrainingFile } from "./training-file.ts";
