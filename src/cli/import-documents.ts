import { grouped } from "../decide/phrases.ts";
import type { DocumentInput } from "../loop/documents/read-file.ts";
import type { House } from "../loop/house.ts";
import { BULK_ROWS, type ImportReport, type ImportSource } from "../loop/import-documents.ts";
import type { ShownImport } from "../loop/shown-import.ts";
import type { CommandContext } from "./command.ts";
import { rehearse } from "./rehearse.ts";

export interface ImportOptions {
  readonly tier: string | null;
  readonly strict: boolean;
  readonly importAll: (house: House, documents: AsyncIterable<unknown>, source: ImportSource) => Promise<ImportReport>;
}

/** Runs an import with its progress on the terminal and tells what became of every document. */
export async function importDocuments(
  house: House,
  input: DocumentInput,
  { progress, signal, dryRun }: Pick<CommandContext, "progress" | "signal" | "dryRun">,
  { tier, strict, importAll }: ImportOptions,
): Promise<ShownImport> {
  const line = progress.begin(input.name);
  const startedAtMs = performance.now();
  const onProgress = (read: number): void => {
    if (read % REPORT_EVERY === 0) {
      const perSecond = Math.round((1000 * read) / Math.max(1, performance.now() - startedAtMs));
      line.step(`${grouped(read)} read, ${grouped(perSecond)} a second`);
    }
    line.share(input.share() ?? 0);
  };
  const report = await importAll(dryRun ? rehearse(house) : house, untilAborted(input.documents, signal), {
    source: input.name,
    bulkRows: BULK_ROWS,
    onProgress,
  });
  line.end(`${grouped(report.read)} read`);
  const { count, first } = input.unreadable;
  const problems = [...first, ...withoutFirst(report.problems, first.length)].slice(0, SHOWN_PROBLEMS);
  return { source: input.name, tier, ...report, problems, unreadable: count, dry_run: dryRun, strict };
}

const REPORT_EVERY = 50_000;
const SHOWN_PROBLEMS = 10;

/** What is no document at all is told by its place; the reader of documents, which saw only its text, then need not tell it again. */
function withoutFirst(problems: readonly string[], count: number): string[] {
  let left = count;
  return problems.filter((problem) => !(problem.endsWith(": must be an object") && left-- > 0));
}

/** Stops between two documents; what was read before stays imported. */
async function* untilAborted(documents: AsyncIterable<unknown>, signal: AbortSignal): AsyncGenerator<unknown> {
  for await (const document of documents) {
    signal.throwIfAborted();
    yield document;
  }
}
