import { createHash } from "node:crypto";
import { canonicalJson } from "../core/canonical-json.ts";
import { RequeenError } from "../core/errors.ts";
import { type MovableStore, RECORD_KINDS, type RecordKind } from "./movable.ts";

const PAGE = 1_000;
const PROGRESS = "migrate:progress";

export interface KindReport {
  readonly records: number;
  /** Written by this call; the others were there already. */
  readonly written: number;
  /** SHA-256s of all records, joined by exclusive or: the order does not matter. Hex. */
  readonly digest: string;
}
export type MigrateReport = Readonly<Record<RecordKind, KindReport>>;

export interface MigrateOptions {
  /** Counts and digests the source, writes nothing. */
  readonly dryRun?: boolean;
  /** Called after each page. */
  readonly onProgress?: (kind: RecordKind, records: number) => void;
}

interface Progress {
  readonly kind: RecordKind;
  readonly cursor: string | null;
}

/**
 * Copies everything from one store to another, which must be empty or hold the beginning of the same move: a move that was cut off goes on
 * where it stood. In the end both are read whole and compared.
 * @throws RequeenError conflict when the target holds something else; digest_mismatch when the two differ in the end, as when somebody
 * wrote meanwhile.
 */
export async function migrateStore(from: MovableStore, to: MovableStore, options: MigrateOptions = {}): Promise<MigrateReport> {
  const { dryRun = false, onProgress = () => undefined } = options;
  const written: Partial<Record<RecordKind, number>> = dryRun ? {} : await copyStore(from, to, onProgress);
  const report: [RecordKind, KindReport][] = [];
  for (const kind of RECORD_KINDS) {
    const source = await digestOf(from, kind);
    if (!dryRun) {
      const target = await digestOf(to, kind);
      if (target.digest !== source.digest || target.records !== source.records)
        throw new RequeenError(
          "digest_mismatch",
          `${kind} differ after the move: ${source.records} in the source, ${target.records} in the target; stop what writes and run it again`,
          { kind, source, target },
        );
    }
    report.push([kind, { ...source, written: written[kind] ?? 0 }]);
  }
  return Object.fromEntries(report) as MigrateReport;
}

/**
 * The copying alone, for a source that is written to meanwhile: what was there at the start is copied, and of what came later nothing that
 * names something which is missing in the copy. Gives the number of records written by this call.
 * @throws RequeenError conflict when the target holds something else
 */
export async function copyStore(
  from: MovableStore,
  to: MovableStore,
  onProgress: NonNullable<MigrateOptions["onProgress"]>,
): Promise<Partial<Record<RecordKind, number>>> {
  const progress = (await to.getSetting(PROGRESS)) as Progress | null; // written below
  if (progress === null) await checkEmpty(to);
  const written: Partial<Record<RecordKind, number>> = {};
  for (const kind of RECORD_KINDS.slice(progress === null ? 0 : RECORD_KINDS.indexOf(progress.kind))) {
    let cursor = kind === progress?.kind ? progress.cursor : null;
    let records = 0;
    do {
      await to.putSetting(PROGRESS, { kind, cursor } satisfies Progress);
      const page = await from.exportRecords(kind, cursor, PAGE);
      written[kind] = (written[kind] ?? 0) + (await to.importRecords(kind, page.records));
      records += page.records.length;
      cursor = page.cursor;
      onProgress(kind, records);
    } while (cursor !== null);
  }
  // a later call begins anew: it finds everything there and adds what has come since
  await to.putSetting(PROGRESS, { kind: RECORD_KINDS[0], cursor: null } satisfies Progress);
  return written;
}

async function checkEmpty(store: MovableStore): Promise<void> {
  for (const kind of RECORD_KINDS) {
    const { records } = await store.exportRecords(kind, null, 1);
    if (records.length > 0)
      throw new RequeenError("conflict", `the target of a move must be an empty store; it has ${kind}`, { kind });
  }
}

async function digestOf(store: MovableStore, kind: RecordKind): Promise<{ records: number; digest: string }> {
  const joined = new Uint8Array(32);
  let records = 0;
  let cursor: string | null = null;
  do {
    const page: { records: readonly unknown[]; cursor: string | null } = await store.exportRecords(kind, cursor, PAGE);
    for (const record of page.records) {
      const digest = createHash("sha256").update(canonicalJson(record)).digest();
      for (let index = 0; index < joined.length; index += 1) joined[index] = (joined[index] ?? 0) ^ (digest[index] ?? 0);
    }
    records += page.records.length;
    cursor = page.cursor;
  } while (cursor !== null);
  return { records, digest: Buffer.from(joined).toString("hex") };
}
