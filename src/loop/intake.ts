import { createHash } from "node:crypto";
import type { QuarantineEntry } from "../core/audit.ts";
import { canonicalJson } from "../core/canonical-json.ts";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import { CHANNELS, type Channel, isHuman } from "../core/evidence.ts";
import type { Feedback } from "../core/feedback.ts";
import { NO_CHAMPION_RECOMMENDATION, type Opinion, type OpinionHead } from "../core/opinion.ts";
import { describeProblems, type Problem, type ReadResult, readFeedback, readOpinion } from "../core/read-documents.ts";
import type { FeedbackOutcome, Store } from "../store/store.ts";
import { widthOf } from "./feature-names.ts";
import { examineIntake } from "./forensics.ts";
import { type House, specialistOf } from "./house.ts";
import { groupOf } from "./judge.ts";
import { noteWrite } from "./note-write.ts";
import { areNotesWithheld, cleanDocument, cleanFeedback, cleanOpinion } from "./redact.ts";
import { vectorOf } from "./vector.ts";

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

/** One judgement as it comes from a channel where a person or program is known. */
export interface NewJudgement {
  readonly opinionId: string;
  readonly recommendation: string;
  readonly rating: number | null;
  readonly notes?: string;
  readonly reviewer: string;
  readonly submittedAtMs?: number;
  readonly feedbackId?: string;
  /** Chance with which the opinion was picked for this review, (0, 1]; absent: it was not picked by chance. */
  readonly propensity?: number;
  readonly basePropensity?: number;
  /** What the body said of itself: kept, never believed. */
  readonly claimed?: Readonly<Record<string, unknown>>;
}

export interface Accepted {
  readonly feedback: Feedback;
  readonly outcome: "added" | "same" | "superseded";
  readonly replaced: string | null;
  /** The notes could not be looked through for personal data, and were kept out. */
  readonly notesWithheld: boolean;
}

/** For a caller that has just stored the opinions itself. */
export interface FeedbackWriting {
  /** Of the judged opinions, in order; absent: they are asked of the store. */
  readonly heads?: readonly OpinionHead[];
  readonly writer?: Pick<Store, "addFeedback">;
}

/**
 * Stores judgements of people or programs on stored opinions, all or none.
 * @throws RequeenError opinion_not_found, bad_request (a class that the specialist has not), conflict
 */
export async function addFeedback(
  house: House,
  channel: Channel,
  judgements: readonly NewJudgement[],
  { heads, writer = house.store }: FeedbackWriting = {},
): Promise<Accepted[]> {
  const opinions = heads ?? (await house.store.getOpinionHeads(judgements.map((judgement) => judgement.opinionId)));
  const feedback = judgements.map((judgement, index) => feedbackOf(house, channel, judgement, opinions[index] ?? null));
  const [subject = "", ...others] = new Set(feedback.map(({ specialist_type }) => specialist_type));
  const ids = feedback.map(({ feedback_id }) => feedback_id);
  const [outcomes] = await Promise.all([
    writer.addFeedback(feedback),
    ids.length === 0 ? null : noteWrite(house, "feedback.add", others.length === 0 ? subject : "several", ids, { channel }),
  ]);
  return outcomes.map((answer, index) => acceptedOf(feedback[index] as Feedback, answer));
}

/**
 * A judgement as the document that is stored.
 * @throws RequeenError opinion_not_found, bad_request (a class that the specialist has not, a rating out of range)
 */
export function feedbackOf(house: House, channel: Channel, judgement: NewJudgement, opinion: OpinionHead | null): Feedback {
  if (opinion === null) throw noOpinion(judgement.opinionId);
  const specialist = specialistOf(house, opinion.specialist_type);
  const allowed = answersOf(specialist);
  if (!allowed.includes(judgement.recommendation))
    throw new RequeenError(
      "bad_request",
      `human_recommendation must be one of ${allowed.join(", ")}; got ${JSON.stringify(judgement.recommendation)}`,
      {
        field: "human_recommendation",
        allowed,
      },
    );
  if (judgement.rating !== null && !(judgement.rating >= 0 && judgement.rating <= 1))
    throw new RequeenError("bad_request", `human_rating must be a number in [0, 1]; got ${judgement.rating}`, {
      field: "human_rating",
    });
  return cleanFeedback(house, {
    schema_version: "3.0.0",
    feedback_id: judgement.feedbackId ?? house.newId("feedback-"),
    opinion_id: opinion.opinion_id,
    plan_id: opinion.plan_id,
    specialist_type: opinion.specialist_type,
    human_recommendation: judgement.recommendation,
    human_rating: judgement.rating,
    feedback_notes: judgement.notes ?? "",
    submitted_by: judgement.reviewer,
    submitted_at: judgement.submittedAtMs ?? house.now(),
    feedback_source: channel,
    evidence: {
      tier: CHANNELS[channel],
      channel,
      reviewer: judgement.reviewer,
      shown_opinion: channel === "review_blind" ? false : channel === "review_informed" || channel === "person" ? true : null,
      claimed: { ...judgement.claimed },
      ...(judgement.propensity === undefined ? {} : { propensity: judgement.propensity }),
      ...(judgement.basePropensity === undefined ? {} : { base_propensity: judgement.basePropensity }),
      demoted_from: null,
    },
    supersedes: null,
    opinion_recommendation: opinion.recommendation,
    opinion_confidence: opinion.confidence_score,
    opinion_risk: opinion.risk_score,
    metadata: {},
    extra: {},
  });
}

/** @throws RequeenError opinion_not_found, conflict */
export function acceptedOf(feedback: Feedback, answer: FeedbackOutcome): Accepted {
  if (answer.outcome === "conflict")
    throw new RequeenError("conflict", `feedback ${answer.feedback_id} is stored with another content`, {
      feedback_id: answer.feedback_id,
    });
  if (answer.outcome === "opinion_not_found") throw noOpinion(feedback.opinion_id);
  return {
    feedback: { ...feedback, feedback_id: answer.feedback_id },
    outcome: answer.outcome,
    replaced: answer.replaced,
    notesWithheld: areNotesWithheld(feedback),
  };
}

const noOpinion = (opinionId: string): RequeenError =>
  new RequeenError("opinion_not_found", `there is no opinion ${JSON.stringify(opinionId)}`, { opinion_id: opinionId });

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

/** What people may answer about a specialist's opinions: its classes, and the decisions that its label rule maps to them. */
export const answersOf = (specialist: { classes: readonly string[]; label: { map: Record<string, string> } }): string[] => [
  ...new Set([...specialist.classes, ...Object.keys(specialist.label.map)]),
];

/** The id of a document that came without one: the same document gives the same id, so a second import adds nothing. */
export const idOfContent = (prefix: string, document: unknown): string =>
  prefix +
  createHash("sha256")
    .update(canonicalJson(JSON.parse(JSON.stringify(document))))
    .digest("hex")
    .slice(0, 32);

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
      options,
    );
    if (result.ok) good.push({ feedback: result.value, document, place: index });
    else bad.add(index, document, result.problems);
  });
  return { good, bad };
}

/** An opinion document of any version, as an opinion of the specialist that it names; or what is wrong with it. */
export function readOpinionOf(house: House, document: unknown): ReadResult<Opinion> {
  const result = fitOpinion(house, readOpinion(document));
  return result.ok ? { ok: true, value: cleanOpinion(house, result.value) } : result;
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

/** An opinion must fit the specialist it names: a known one, a class of its own, a vector of its schema. */
export function fitOpinion(house: House, result: ReadResult<Opinion>): ReadResult<Opinion> {
  if (!result.ok) return result;
  const opinion = result.value;
  const specialist = house.specialists.find(({ name }) => name === opinion.specialist_type);
  if (specialist === undefined)
    return refused(
      "specialist_type",
      opinion.specialist_type,
      `must be one of ${house.specialists.map((s) => s.name).join(", ")}`,
    );
  const { recommendation } = opinion.opinion;
  const allowed = [...answersOf(specialist), NO_CHAMPION_RECOMMENDATION];
  if (!allowed.includes(recommendation))
    return refused("opinion.recommendation", recommendation, `must be one of ${allowed.join(", ")}`);
  const group =
    opinion.schema_version === "3.0.0" && opinion.state !== "external"
      ? opinion.group
      : groupOf(specialist, opinion.plan_id, opinion.intent_id, opinion.columns);
  if (opinion.features !== null) {
    const width = widthOf(specialist);
    if (opinion.features.schema === specialist.features.schema && opinion.features.values.length !== width)
      return refused("features.values", opinion.features.values.length, `${opinion.features.schema} has ${width} features`);
    return { ok: true, value: { ...opinion, group } };
  }
  const subject =
    opinion.cognitive_plan !== null
      ? { plan: opinion.cognitive_plan }
      : opinion.columns !== null
        ? { columns: opinion.columns }
        : null;
  // an opinion without its plan is kept: it can be listed and counted, but nothing can be learnt from it
  if (subject === null) return { ok: true, value: { ...opinion, group } };
  try {
    const values = Array.from(vectorOf(specialist, subject), (value) => (Number.isNaN(value) ? null : value));
    return { ok: true, value: { ...opinion, group, features: { schema: specialist.features.schema, values } } };
  } catch (error) {
    if (!isRequeenError(error)) throw error;
    return refused("plan" in subject ? "cognitive_plan" : "columns", opinion.plan_id, error.message);
  }
}

function fitFeedback(house: House, result: ReadResult<Feedback>, options: FeedbackImport): ReadResult<Feedback> {
  if (!result.ok) return result;
  const feedback = result.value;
  const specialist = house.specialists.find(({ name }) => name === feedback.specialist_type);
  if (specialist === undefined)
    return refused(
      "specialist_type",
      feedback.specialist_type,
      `must be one of ${house.specialists.map((s) => s.name).join(", ")}`,
    );
  const allowed = answersOf(specialist);
  if (!allowed.includes(feedback.human_recommendation))
    return refused("human_recommendation", feedback.human_recommendation, `must be one of ${allowed.join(", ")}`);
  const clean = cleanFeedback(house, feedback);
  if (options.vouchedBy === null) return { ok: true, value: clean };
  return { ok: true, value: { ...clean, metadata: { ...clean.metadata, vouched_by: options.vouchedBy } } };
}

const refused = (field: string, value: unknown, reason: string): { ok: false; problems: Problem[] } => ({
  ok: false,
  problems: [{ field, value: JSON.stringify(value), reason }],
});

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
