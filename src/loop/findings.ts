import { toIso } from "../core/time.ts";
import { type IntakeFindings, readIntakeFindings } from "./forensics.ts";
import type { House } from "./house.ts";
import { specialistOf } from "./house.ts";

/** What was found in a specialist's labels when the last snapshot was taken. */
export interface ShownFindings {
  readonly specialist: string;
  /** The snapshot that was examined; null: none was taken yet, so nothing was examined. */
  readonly dataset_id: string | null;
  readonly examined_at: string | null;
  /** Forensic findings: code, effect, reviewer, rows, statistic, threshold, p_value, sentence. */
  readonly findings: readonly Readonly<Record<string, unknown>>[];
  /** What was found as labels came in, since then and before; null: nothing was looked at yet. */
  readonly intake: IntakeFindings | null;
  readonly rows_left_out: Readonly<Record<string, number>>;
  /** The checks before training, report quality/1. */
  readonly quality: Readonly<Record<string, unknown>> | null;
  readonly reviewer_agreement: {
    readonly opinions: number;
    readonly alpha: number | null;
    readonly method: string | null;
  } | null;
  /** How many current judgements stand in each tier now, after what the findings moved. */
  readonly judgements_by_tier: Readonly<Record<string, number>>;
}

/** @throws RequeenError specialist_not_found */
export async function readFindings(house: House, name: string): Promise<ShownFindings> {
  const specialist = specialistOf(house, name);
  const options = {
    afterSequence: 0,
    gateTiers: house.policyOf(specialist).gate_tiers,
    featureSchema: specialist.features.schema,
  };
  const [{ items }, counts, intake] = await Promise.all([
    house.store.listDatasets({ specialist: name }, { limit: 1 }),
    house.store.countLabels(name, options),
    readIntakeFindings(house, name),
  ]);
  const dataset = items[0];
  return {
    specialist: name,
    dataset_id: dataset?.dataset_id ?? null,
    examined_at: dataset === undefined ? null : toIso(dataset.created_at),
    findings: dataset?.findings ?? [],
    intake,
    rows_left_out: dataset?.rows_left_out ?? {},
    quality: dataset?.quality ?? null,
    reviewer_agreement: dataset?.reviewer_agreement ?? null,
    judgements_by_tier: counts.by_tier,
  };
}
