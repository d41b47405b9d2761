import { z } from "zod";
import type { Dataset } from "../core/dataset.ts";
import { type Run, stepResult } from "../core/run.ts";
import { type DataSource, dataSourceOfRows } from "./data-source.ts";
import { findVerdict } from "./decide-step.ts";
import { findRun } from "./find-record.ts";
import { readHistory } from "./history.ts";
import type { House } from "./house.ts";
import { type ShownVerdict, showVerdict } from "./present.ts";

/** A whole verdict as it is shown. */
export interface VerdictDetails extends ShownVerdict {
  /** Whose labels the champion of the comparison was trained on; null = there was none, or its dataset is not here. */
  readonly champion_data_source: DataSource | null;
  /** The same of the challenger; synthetic = a first champion that no label of a person judged. */
  readonly challenger_data_source: DataSource | null;
  /** What forensics found in the labels of its snapshot, and thereby left out: code, effect, reviewer, rows, statistic, threshold, p_value, sentence. */
  readonly findings: readonly Readonly<Record<string, unknown>>[];
  /** Where its labels came from and how they were used; null = the run or its dataset is not here. */
  readonly evidence: VerdictEvidence | null;
}

/** What a reader must know of the rows before he believes the comparison. */
export const verdictEvidenceSchema = z.strictObject({
  split: z
    .string()
    .nullable()
    .describe("cross_fit: each row scored by a challenger trained on other groups; holdout: the newest rows"),
  folds: z.int().describe("challengers that were trained for the comparison, without the final one; 0 = not known"),
  gate_rows_by_tier: z.record(z.string(), z.int()).describe("evidence tiers of the rows that judged; empty = not known"),
  rows_by_tier: z.record(z.string(), z.int()).describe("of all rows of the snapshot"),
  reviewer_agreement: z
    .strictObject({ opinions: z.int(), alpha: z.number().nullable(), method: z.string().nullable() })
    .nullable(),
  machine_errors: z
    .array(
      z.strictObject({
        source: z.string(),
        overlap: z.int(),
        wrong: z.int(),
        error: z.strictObject({ value: z.number(), low: z.number(), high: z.number() }).nullable(),
      }),
    )
    .describe("each machine tier held to people's labels of the same opinions"),
  machine_weights: z
    .record(z.string(), z.number())
    .describe("weight of a row of each machine tier in the final training; a person's row weighs 1"),
});
export type VerdictEvidence = z.output<typeof verdictEvidenceSchema>;

/** @param id of a verdict or of its run, or the first digits of either. @throws RequeenError verdict_not_found, run_not_found */
export async function readVerdict(house: House, id: string): Promise<VerdictDetails> {
  const record = await findVerdict(house, await verdictKey(house, id));
  const champion = record.inputs.champion?.version;
  const dataset = await house.store.getDataset(record.inputs.dataset_id);
  const reigns = champion === undefined ? [] : await readHistory(house, { specialist: record.specialist });
  return {
    ...showVerdict(record),
    champion_data_source: reigns.find(({ version }) => version === champion)?.data_source ?? null,
    challenger_data_source: dataset === null ? null : dataSourceOfRows(dataset),
    findings: dataset?.findings ?? [],
    evidence: dataset === null ? null : evidenceOf(dataset, await house.store.getRun(record.run_id)),
  };
}

const collected = z.looseObject({
  split: z.string().nullable().catch(null),
  folds: z.int().catch(0),
  gate_rows_by_tier: z.record(z.string(), z.int()).catch({}),
});
const trained = z.looseObject({
  report: z.looseObject({ machine_labels: z.looseObject({ weights: z.record(z.string(), z.number()) }) }),
});

function evidenceOf(dataset: Dataset, run: Run | null): VerdictEvidence {
  const { split, folds, gate_rows_by_tier } = collected.parse((run === null ? null : stepResult(run, "collect")) ?? {});
  const training = trained.safeParse(run === null ? null : stepResult(run, "train"));
  return {
    split,
    folds,
    gate_rows_by_tier,
    rows_by_tier: Object.fromEntries(Object.entries(dataset.rows_by_tier)),
    reviewer_agreement: dataset.reviewer_agreement,
    machine_errors: dataset.machine_errors ?? [],
    machine_weights: training.success ? training.data.report.machine_labels.weights : {},
  };
}

/** What `findVerdict` finds the verdict by: a run's first digits are made whole. */
export const verdictKey = async (house: Pick<House, "store">, id: string): Promise<string> =>
  id.startsWith("run-") ? (await findRun(house, id)).run_id : id;
