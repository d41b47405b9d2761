import type { QuarantineEntry } from "../core/audit.ts";
import { CHANNELS, type Channel, isHuman } from "../core/evidence.ts";
import type { Feedback } from "../core/feedback.ts";
import type { Opinion } from "../core/opinion.ts";
import { describeProblems, type Problem, readFeedback } from "../core/read-documents.ts";
import type { FeedbackOutcome, Store } from "../store/store.ts";
import { fitFeedback, idOfContent, readOpinionOf } from "./fit-documents.ts";
import { examineIntake } from "./forensics.ts";
import type { House } from "./house.ts";
import { cleanDocument } from "./redact.ts";

/** What became of an import. Every document is in exactly one of the counts. */
export interface ImportReport {
  read: number;
  added: number;
  /** Equal to what is stored already. */
  same: number;
  /** Feedback that replaced the reviewer's earlier judgement, or is older than the current one and stands as history. */
  superseded: number;
  quarantined: number;
  /** The first problems, for people; all are in the quarantine. */
  problems: string[];
}

/** Of an import beside other work: the event loop, and other writers of the store, wait for one batch. */
const BATCH = 2_000;
/** Of an import that has the process to itself. Larger batches write fewer bytes: index pages are written once a transaction. */
export const BULK_ROWS = 5_000;
const SHOWN_PROBLEMS = 10;
const emptyReport = (): ImportReport => ({ read: 0, added: 0, same: 0, superseded: 0, quarantined: 0, problems: [] });

/** How an import is named in the quarantine and the audit log. */
export interface ImportSource {
  readonly source: string;
  readonly dryRun?: boolean;
  /** The process does nothing else: batches of so many rows, read and written side by side; BULK_ROWS is a good number. */
  readonly bulkRows?: number;
  /** The caller writes the audit entry. */
  readonly partOfLarger?: boolean;
  readonly onProgress?: (read: number) => void;
  /** What became of each document of a batch, in order, once the batch is stored. Awaited before the next batch. */
  readonly onOutcomes?: (outcomes: readonly DocumentOutcome[]) => Promise<void> | void;
}

export interface DocumentOutcome {
  readonly outcome: "added" | "same" | "superseded" | "quarantined";
  /** Of the opinion or feedback; of a quarantined document its `quarantine_id`. */
  readonly id: string;
  /** Why it is in the quarantine; empty else. */
  readonly problems: readonly Problem[];
}

/**
 * Imports opinion documents of any version. What cannot be read, or does not fit its specialist, goes to the quarantine whole.
 * Streams: memory holds one batch of 2,000; with `bulkRows` three of that many.
 */
export async function importOpinions(
  house: House,
  documents: AsyncIterable<unknown>,
  options: ImportSource,
): Promise<ImportReport> {
  const report = emptyReport();
  await inBatches(house, documents, options, async (batch, writer) => {
    const good: { opinion: Opinion; document: unknown; place: number }[] = [];
    const bad = badDocuments(house, "opinion", options.source);
    batch.forEach((document, place) => {
      const result = readOpinionOf(house, document);
      if (result.ok) good.push({ opinion: result.value, document, place });
      else bad.add(place, document, result.problems);
    });
    const writing = options.dryRun
      ? good.map(() => "added" as const)
      : later(writer.addOpinions(good.map(({ opinion }) => opinion)));
    return async () => {
      const outcomes = await writing;
      const told: DocumentOutcome[] = [];
      good.forEach(({ opinion, document, place }, index) => {
        const outcome = outcomes[index] ?? "conflict";
        if (outcome === "conflict") bad.add(place, document, [conflict("opinion_id", opinion.opinion_id)]);
        else {
          report[outcome] += 1;
          told[place] = { outcome, id: opinion.opinion_id, problems: [] };
        }
      });
      await settle(house, report, batch.length, bad, told, options);
    };
  });
  await recordImport(house, "opinions.import", report, options);
  return report;
}

export interface FeedbackImport extends ImportSource {
  readonly channel: Channel;
  /** The one who vouches, or null: then the documents' own `submitted_by` name the reviewers, and the channel must not be one of a person. */
  readonly vouchedBy: string | null;
  /** Whether forensics looks at what came in, at its end; default: yes. */
  readonly examine?: boolean;
}

/**
 * Imports feedback documents of any shape. The tier comes from the channel: `import_vouched` (a named person answers for them: tier bulk)
 * or `import` (nobody does: tier rule). Documents on unknown opinions go to the quarantine and can be replayed later.
 */
export async function importFeedback(
  house: House,
  documents: AsyncIterable<unknown>,
  options: FeedbackImport,
): Promise<ImportReport> {
  const report = emptyReport();
  const touched = new Set<string>();
  await inBatches(house, documents, options, async (batch, writer) => {
    const { good, bad } = await readFeedbackBatch(house, batch, options);
    for (const { feedback } of good) touched.add(feedback.specialist_type);
    const writing: FeedbackOutcome[] | Promise<FeedbackOutcome[]> = options.dryRun
      ? good.map(({ feedback }) => ({ outcome: "added" as const, feedback_id: feedback.feedback_id, replaced: null }))
      : later(writer.addFeedback(good.map(({ feedback }) => feedback)));
    return async () => {
      const outcomes = await writing;
      const told: DocumentOutcome[] = [];
      outcomes.forEach(({ outcome: stored, feedback_id, replaced }, index) => {
        const item = good[index];
        if (item === undefined) return;
        if (stored === "conflict" || stored === "opinion_not_found") {
          bad.add(item.place, item.document, [feedbackProblem(stored, item.feedback)]);
          return;
        }
        const outcome = stored === "added" && replaced !== null ? "superseded" : stored;
        report[outcome] += 1;
        told[item.place] = { outcome, id: feedback_id, problems: [] };
      });
      await settle(house, report, batch.length, bad, told, options);
    };
  });
  await recordImport(house, "feedback.import", report, options);
  if (isHuman(CHANNELS[options.channel]) && !options.dryRun && !options.partOfLarger && options.examine !== false)
    for (const specialist of house.specialists.filter(({ name }) => touched.has(name)))
      await examineIntake(house, specialist, true);
  return report;
}

/**
 * Tries quarantined documents again, for example after the missing opinions came or the configuration was mended. What fails again stays
 * where it is, waiting.
 */
export async function replayQuarantine(
  house: House,
  entries: readonly QuarantineEntry[],
  options: FeedbackImport,
): Promise<ImportReport> {
  const report = emptyReport();
  for (const entry of entries) {
    const source = { ...options, source: entry.source, partOfLarger: true };
    const one = (async function* () {
      yield entry.document;
    })();
    const part = entry.kind === "opinion" ? await importOpinions(house, one, source) : await importFeedback(house, one, source);
    report.read += part.read;
    for (const key of ["added", "same", "superseded", "quarantined"] as const) report[key] += part[key];
    report.problems.push(...part.problems);
    if (part.quarantined === 0 && !options.dryRun) await house.store.setQuarantineState(entry.quarantine_id, "replayed");
  }
  await recordImport(house, "quarantine.replay", report, options);
  return report;
}

async function readFeedbackBatch(house: House, batch: readonly unknown[], options: FeedbackImport) {
  const ids = batch.map((document) => (document as { opinion_id?: unknown } | null)?.opinion_id);
  const wanted = [...new Set(ids.filter((id): id is string => typeof id === "string"))];
  const found = await house.store.getOpinionHeads(wanted);
  const opinionOf = new Map(wanted.map((id, index) => [id, found[index] ?? null]));
  const good: { feedback: Feedback; document: unknown; place: number }[] = [];
  const bad = badDocuments(house, "feedback", options.source);
  batch.forEach((document, index) => {
    const opinion = opinionOf.get(ids[index] as string) ?? null;
    if (opinion === null && typeof ids[index] === "string") {
      bad.add(index, document, [unknownOpinion(ids[index])]);
      return;
    }
    const result = fitFeedback(
      house,
      readFeedback(document, {
        channel: options.channel,
        reviewer: null,
        shownOpinion: null,
        opinion,
        fallbackId: (content) => idOfContent("feedback-", content),
      }),
      options.vouchedBy,
    );
    if (result.ok) good.push({ feedback: result.value, document, place: index });
    else bad.add(index, document, result.problems);
  });
  return { good, bad };
}

/** Documents of a batch that go to the quarantine, with their places in the batch. */
interface BadDocuments {
  readonly entries: readonly (QuarantineEntry & { readonly place: number })[];
  add(place: number, document: unknown, problems: Problem[]): void;
}

function badDocuments(house: House, kind: QuarantineEntry["kind"], source: string): BadDocuments {
  const entries: (QuarantineEntry & { place: number })[] = [];
  return {
    entries,
    add: (place, document, problems) => void entries.push({ ...quarantined(house, kind, document, problems, source), place }),
  };
}

const conflict = (field: string, value: unknown): Problem => ({
  field,
  value: JSON.stringify(value),
  reason: "is stored with another content; the stored one stays",
});

const feedbackProblem = (outcome: "opinion_not_found" | "conflict", feedback: Feedback): Problem =>
  outcome === "conflict" ? conflict("feedback_id", feedback.feedback_id) : unknownOpinion(feedback.opinion_id);

const unknownOpinion = (id: unknown): Problem => ({
  field: "opinion_id",
  value: JSON.stringify(id),
  reason: "no opinion with this id is stored; import it, then replay",
});

const quarantined = (
  house: House,
  kind: QuarantineEntry["kind"],
  document: unknown,
  problems: Problem[],
  source: string,
): QuarantineEntry => ({
  // one entry a document, whatever often it is imported
  quarantine_id: idOfContent(`quarantine-${kind}-`, document),
  kind,
  document: cleanDocument(house, document),
  problems,
  source,
  at: house.now(),
  state: "waiting",
});

async function settle(
  house: House,
  report: ImportReport,
  read: number,
  bad: BadDocuments,
  told: DocumentOutcome[],
  options: ImportSource,
): Promise<void> {
  report.read += read;
  report.quarantined += bad.entries.length;
  const entries = bad.entries.map(({ place, ...entry }) => {
    told[place] = { outcome: "quarantined", id: entry.quarantine_id, problems: entry.problems };
    if (report.problems.length < SHOWN_PROBLEMS) report.problems.push(describeProblems(entry.problems));
    return entry;
  });
  if (entries.length > 0 && !options.dryRun) await house.store.addQuarantine(entries);
  await options.onOutcomes?.(told);
  options.onProgress?.(report.read);
}

async function recordImport(house: House, action: string, report: ImportReport, options: ImportSource): Promise<void> {
  if (options.dryRun || options.partOfLarger || report.read === 0) return;
  const { problems: _shown, ...counts } = report;
  await house.store.appendAudit([{ at: house.now(), actor: house.actor, action, subject: options.source, details: counts }]);
}

/** Stores what was read of a batch. The returned function waits for that and tells what became of it. */
type BatchStep = (batch: unknown[], writer: Writes) => Promise<() => Promise<void>>;
type Writes = Pick<Store, "addOpinions" | "addFeedback">;

/** A promise that is awaited when its turn comes, or not at all when the import failed before. */
function later<T>(writing: Promise<T>): Promise<T> {
  writing.catch(() => undefined);
  return writing;
}

/**
 * Takes documents batch after batch. With `bulkRows` the next batch is read while the one before is being written; what became of them is told in
 * order all the same, and after a failure nothing more is read.
 */
async function inBatches(house: House, documents: AsyncIterable<unknown>, options: ImportSource, step: BatchStep): Promise<void> {
  if (options.bulkRows === undefined) {
    for await (const batch of batches(documents, BATCH)) await (await step(batch, house.store))();
    return;
  }
  await using writer = house.store.openBulkWriter();
  let before: Promise<void> = Promise.resolve();
  try {
    for await (const batch of batches(documents, options.bulkRows)) {
      const finish = await step(batch, writer);
      await before;
      before = finish();
      before.catch(() => undefined); // awaited after the next batch, or below
    }
  } finally {
    await before;
  }
}

async function* batches<T>(items: AsyncIterable<T>, size: number): AsyncIterable<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
