import type { ImportReport } from "./import-documents.ts";

/** What became of an import or a replay: every document is in one of the counts. */
export interface ShownImport extends Readonly<ImportReport> {
  readonly source: string;
  /** The evidence tier of what was imported; null for opinions. */
  readonly tier: string | null;
  /** Of the quarantined ones, those that were no document at all: not JSON, not UTF-8, cells missing. */
  readonly unreadable: number;
  readonly dry_run: boolean;
  /** `--strict` was given. */
  readonly strict: boolean;
}
