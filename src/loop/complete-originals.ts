import { isRequeenError, RequeenError } from "../core/errors.ts";
import type { Opinion } from "../core/opinion.ts";
import { readPlan } from "../core/plan.ts";
import { describeProblems } from "../core/read-documents.ts";
import type { OpinionAddition, OriginalDocuments, OriginalFeedbackReport } from "../store/original-documents.ts";
import { isRecord } from "./documents/cells.ts";
import { fitOpinion } from "./fit-documents.ts";
import type { House } from "./house.ts";
import { cleanOpinion } from "./redact.ts";

const BATCH = 500;
const SHOWN_PROBLEMS = 10;

/** What became of the opinions of the original system that had no vector. Every one is in exactly one of the counts after `seen`. */
export interface CompletedOpinions {
  seen: number;
  /** Got their vector: labels on them train now. */
  completed: number;
  /** Their plan is nowhere: they can be listed and judged, and nothing can be learnt from them. */
  without_plan: number;
  /** Do not fit their specialist, or their plan cannot be read. */
  refused: number;
  /** No opinions at all; they wait in the quarantine. */
  unreadable: number;
}

export interface CompleteReport {
  readonly dry_run: boolean;
  readonly opinions: CompletedOpinions;
  readonly feedback: OriginalFeedbackReport;
  /** The first reasons of refusals. */
  readonly problems: readonly string[];
}

export interface CompleteOptions {
  /** Where plans stand that the opinions do not hold, by `plan_id`. */
  readonly plans: string;
  /** Who answers for it that people made the feedback; null: nobody, and it stays of a machine tier. */
  readonly vouchedBy: string | null;
  readonly dryRun: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (opinions: number) => void;
}

/**
 * Completes, where it stands, what the original system left in the store: opinions get the vector of their plan, feedback is tied to it and,
 * if somebody answers for it, becomes evidence. No field of the original documents is changed. May be cut off and made again at any time:
 * what has its vector is passed over.
 * @throws RequeenError bad_config when the store is none that the original system wrote to; the store's
 */
export async function completeOriginals(house: House, options: CompleteOptions): Promise<CompleteReport> {
  const { originals } = house.store;
  if (originals === undefined)
    throw new RequeenError(
      "bad_config",
      "documents of the original system stand in a MongoDB; set MONGODB_URI to the one that holds them",
    );
  const { dryRun, vouchedBy, signal, onProgress } = options;
  const opinions: CompletedOpinions = { seen: 0, completed: 0, without_plan: 0, refused: 0, unreadable: 0 };
  const problems: string[] = [];
  for (let after: string | null = null; ; ) {
    signal?.throwIfAborted();
    const page = await originals.listWithoutVector(after, BATCH);
    opinions.seen += page.seen;
    opinions.unreadable += page.seen - page.opinions.length;
    const additions = await additionsOf(house, originals, page.opinions, options.plans, opinions, problems);
    opinions.completed += dryRun ? additions.length : await originals.addVectors(additions);
    onProgress?.(opinions.seen);
    if (page.last === null) break;
    after = page.last;
  }
  const feedback = await originals.settleFeedback(vouchedBy, dryRun);
  if (!dryRun && (opinions.completed > 0 || feedback.tied > 0 || feedback.vouched > 0)) {
    const details = { opinions, feedback, vouched_by: vouchedBy };
    await house.store.appendAudit([
      { at: house.now(), actor: house.actor, action: "originals.complete", subject: "store", details },
    ]);
  }
  return { dry_run: dryRun, opinions, feedback, problems };
}

async function additionsOf(
  house: House,
  originals: OriginalDocuments,
  opinions: readonly Opinion[],
  plans: string,
  counts: CompletedOpinions,
  problems: string[],
): Promise<OpinionAddition[]> {
  const found = await originals.findPlans(
    opinions.filter(({ cognitive_plan, columns }) => cognitive_plan === null && columns === null),
    plans,
  );
  return opinions.flatMap((opinion): OpinionAddition[] => {
    const elsewhere = found.get(opinion.opinion_id);
    if (opinion.cognitive_plan === null && opinion.columns === null && elsewhere === undefined) {
      counts.without_plan += 1;
      return [];
    }
    const addition = additionOf(house, opinion, elsewhere);
    if (typeof addition !== "string") return [addition];
    counts.refused += 1;
    if (problems.length < SHOWN_PROBLEMS) problems.push(`opinion ${JSON.stringify(opinion.opinion_id)}: ${addition}`);
    return [];
  });
}

/** @returns what to add, or why nothing can be */
function additionOf(house: House, opinion: Opinion, elsewhere: Record<string, unknown> | undefined): OpinionAddition | string {
  let plan = opinion.cognitive_plan;
  if (elsewhere !== undefined) {
    try {
      plan = readPlan({ plan_id: opinion.plan_id, ...planIn(elsewhere) });
    } catch (error) {
      if (!isRequeenError(error, "bad_plan")) throw error;
      return error.message;
    }
  }
  const fitted = fitOpinion(house, { ok: true, value: { ...opinion, cognitive_plan: plan } });
  if (!fitted.ok) return describeProblems(fitted.problems);
  const { opinion_id, features, group } = fitted.value;
  if (features === null) return "no vector follows from it";
  // of the vector the plan's own words; what is kept of a plan from elsewhere is looked through as all texts
  const kept = elsewhere === undefined ? null : cleanOpinion(house, fitted.value).cognitive_plan;
  return { opinion_id, group, features, cognitive_plan: kept };
}

/** A ledger's record holds its plan under one of these names. */
const HOLDERS = ["cognitive_plan", "plan_data", "plan"] as const;

function planIn(record: Record<string, unknown>): Record<string, unknown> {
  if (Array.isArray(record.tasks)) return record;
  for (const name of HOLDERS) {
    const inner = record[name];
    if (isRecord(inner) && Array.isArray(inner.tasks)) return inner;
  }
  return record;
}
