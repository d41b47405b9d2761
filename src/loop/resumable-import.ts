import { createHash } from "node:crypto";
import { RequeenError } from "../core/errors.ts";
import type { House } from "./house.ts";
import type { DocumentOutcome, ImportReport, ImportSource } from "./import-documents.ts";

/** How far an import came; kept by its id, so that a cut line costs nothing. */
export interface ImportProgress {
  readonly import_id: string;
  /** Documents that are stored or in the quarantine; the next request may begin with the one after. */
  readonly position: number;
  readonly done: boolean;
  readonly updated_at: string;
  readonly report: ImportReport;
}

export interface ResumableImport {
  /** The caller's name for it; null: it is not remembered. */
  readonly importId: string | null;
  /** Who imports: ids of different people do not meet. */
  readonly subject: string;
  /** Documents of the whole that stand before the first one that is given. */
  readonly position: number;
  readonly documents: AsyncIterable<unknown>;
  readonly run: (documents: AsyncIterable<unknown>, source: Pick<ImportSource, "onOutcomes">) => Promise<ImportReport>;
  /** @param first number of the batch's first document in the whole, counted from 1. */
  readonly onOutcomes?: (outcomes: readonly DocumentOutcome[], first: number) => Promise<void> | void;
}

export interface ImportEnd {
  readonly report: ImportReport;
  /** Documents of this request that an earlier one had brought. */
  readonly skipped: number;
  /** Of the whole. */
  readonly position: number;
}

const keyOf = (subject: string, id: string): string => `import.${createHash("sha256").update(`${subject}\n${id}`).digest("hex")}`;

/** Null: no import has this id. */
export const readImport = async (house: Pick<House, "store">, subject: string, id: string): Promise<ImportProgress | null> =>
  ((await house.store.getSetting(keyOf(subject, id))) as ImportProgress | null) ?? null;

/** Ids of imports that this process is reading. */
const READING = new Set<string>();

/**
 * Runs an import whose position is written down batch by batch. A repeat of the whole, and a rest that begins at or before the position,
 * both go on where it stands: what was brought is passed over.
 * @throws RequeenError conflict when the documents begin behind the position, or the import is being read right now
 */
export async function runResumable(house: House, request: ResumableImport): Promise<ImportEnd> {
  const { importId, subject, position } = request;
  const key = importId === null ? null : keyOf(subject, importId);
  if (key === null || importId === null) {
    const report = await request.run(
      request.documents,
      tell(request, position, async () => undefined),
    );
    return { report, skipped: 0, position: position + report.read };
  }
  if (READING.has(key))
    throw new RequeenError("conflict", `import ${importId} is being read by another request`, { import_id: importId });
  READING.add(key);
  try {
    const before = await readImport(house, subject, importId);
    const stored = before?.position ?? 0;
    if (position > stored)
      throw new RequeenError(
        "conflict",
        `import ${importId} stands at ${stored}; documents from ${position} on would leave a gap`,
        {
          import_id: importId,
          position: stored,
        },
      );
    let [at, total] = [stored, before?.report ?? EMPTY];
    const write = (done: boolean): Promise<void> => {
      const progress: ImportProgress = {
        import_id: importId,
        position: at,
        done,
        updated_at: new Date(house.now()).toISOString(),
        report: total,
      };
      return house.store.putSetting(key, progress);
    };
    const options = tell(request, stored, async (outcomes) => {
      at += outcomes.length;
      total = added(total, outcomes);
      await write(false);
    });
    let skipped = 0;
    const rest = async function* (): AsyncGenerator<unknown> {
      for await (const document of request.documents) {
        if (position + skipped < stored) skipped += 1;
        else yield document;
      }
    };
    const report = await request.run(rest(), options);
    total = { ...total, problems: [...total.problems, ...report.problems].slice(0, MOST_PROBLEMS) };
    await write(true);
    return { report, skipped, position: at };
  } finally {
    READING.delete(key);
  }
}

const MOST_PROBLEMS = 10;
const EMPTY: ImportReport = { read: 0, added: 0, same: 0, superseded: 0, quarantined: 0, problems: [] };

function tell(
  { onOutcomes }: ResumableImport,
  from: number,
  then: (outcomes: readonly DocumentOutcome[]) => Promise<void>,
): Pick<ImportSource, "onOutcomes"> {
  let next = from + 1;
  return {
    onOutcomes: async (outcomes) => {
      await then(outcomes);
      await onOutcomes?.(outcomes, next);
      next += outcomes.length;
    },
  };
}

function added(report: ImportReport, outcomes: readonly DocumentOutcome[]): ImportReport {
  const sum = { ...report, read: report.read + outcomes.length };
  for (const { outcome } of outcomes) sum[outcome] += 1;
  return sum;
}
