import type { Policy } from "../core/policy.ts";
import { type Run, stepResult } from "../core/run.ts";
import type { Specialist } from "../core/specialist.ts";
import { championVersion } from "./champion.ts";
import type { DataSource } from "./data-source.ts";
import type { DatasetRow } from "./dataset-file.ts";
import type { House } from "./house.ts";
import type { TriggerView } from "./trigger.ts";

/**
 * The fallback of `--allow-synthetic-fallback`: while people's labels are too few to train and to judge, and nothing is in production, a
 * person may have a first champion trained on generated rows alone. No label of a person trains it, so that all of them can judge the
 * challenger that follows; nothing judges it, so that its verdict stays `inconclusive` and every page marks it as synthetic.
 */
const SIZE_REASONS: ReadonlySet<string> = new Set(["gate_rows", "training_rows"]);

export interface FallbackChance {
  /** Whether a run may begin although the trigger rule says that labels are too few. */
  readonly allowed: boolean;
  /** What a refusal adds: how the person could have it. Empty when the fallback could not help. */
  readonly hint: string;
}

/** Whether the fallback could help a person's request that was refused for the number of labels alone. */
export async function fallbackChance(
  house: House,
  specialist: Specialist,
  { decision, counts }: TriggerView,
  asked: { readonly byPerson: boolean; readonly allowSynthetic: boolean },
): Promise<FallbackChance> {
  const tooFew = decision.state === "WAIT" && decision.reasons.every(({ code }) => SIZE_REASONS.has(code));
  const rows = counts.machine >= house.policyOf(specialist).evidence.min_training_rows;
  if (!asked.byPerson || !tooFew || !rows || (await championVersion(house, specialist)) !== null)
    return { allowed: false, hint: "" };
  const hint = ` ${counts.machine} machine labels are there: --allow-synthetic-fallback true trains a first champion on the generated ones among them, marked as such.`;
  return { allowed: asked.allowSynthetic, hint: asked.allowSynthetic ? "" : hint };
}

export interface GeneratedRows {
  readonly rows: DatasetRow[];
  /** float64 [rows x d], row-major. */
  readonly features: Float64Array;
}

/** The generated rows of a snapshot, all to train on; null when they are too few or of one class. */
export function generatedRows(
  planned: readonly DatasetRow[],
  features: Float64Array,
  { evidence }: Policy,
): GeneratedRows | null {
  const width = planned.length === 0 ? 0 : features.length / planned.length;
  const kept = planned.flatMap(({ tier }, index) => (tier === "synthetic" ? [index] : []));
  const rows = kept.flatMap((index): DatasetRow[] => {
    const row = planned[index];
    return row === undefined ? [] : [{ ...row, role: "train", fold: null, reason: "train_tier", weight: 1 }];
  });
  if (rows.length < evidence.min_training_rows || new Set(rows.map(({ label }) => label)).size < 2) return null;
  const taken = new Float64Array(kept.length * width);
  for (const [row, index] of kept.entries()) taken.set(features.subarray(index * width, (index + 1) * width), row * width);
  return { rows, features: taken };
}

/** Whose labels the challenger of a run trains on, as its snapshot decided. */
export const trainsOn = (run: Run): DataSource => (stepResult(run, "collect")?.source === "synthetic" ? "synthetic" : "feedback");

/** Why a version without a verdict of people is in production. */
export const firstChampionReason = (rows: number): string =>
  `first champion, trained on ${rows} generated rows alone; no label of a person has judged it`;
