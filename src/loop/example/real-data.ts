import { readFile } from "node:fs/promises";
import { RequeenError } from "../../core/errors.ts";
import type { Opinion } from "../../core/opinion.ts";
import type { Run } from "../../core/run.ts";
import { type Specialist, specialistSchema } from "../../core/specialist.ts";
import type { Verdict } from "../../core/verdict.ts";
import { brierScore, expectedCalibrationError, logLoss, SeededRandom } from "../../engine/index.ts";
import { championVersion } from "../champion.ts";
import { EXTRA_SPECIALISTS, type House } from "../house.ts";
import { addFeedback } from "../intake.ts";
import { resumeRun, retrain } from "../retrain.ts";
import type { RunEvent } from "../run-steps.ts";
import { viewTrigger } from "../trigger.ts";
import { DAY_MS, MINUTE_MS, withSimulatedTime } from "./clock.ts";
import { judgeMissing } from "./judge-missing.ts";

/** A real data set with people's labels, played as a stream: rows are judged, then their labels arrive as feedback, in batches. */
export interface RealDataExample {
  readonly name: string;
  readonly file: URL;
  readonly specialist: string;
  readonly featureSchema: string;
  readonly classes: readonly string[];
  /** Labels that the first champion is trained on. */
  readonly firstLabels: number;
  readonly about: string;
}

const dataFile = (path: string): URL => new URL(`../../../examples/${path}`, import.meta.url);

export const REAL_DATA_EXAMPLES = {
  spambase: {
    name: "spambase",
    file: dataFile("spambase/spambase.csv"),
    specialist: "mail-triage",
    featureSchema: "mail/1",
    classes: ["nonspam", "spam"],
    firstLabels: 300,
    about: "4,601 mails that people sorted into spam and not spam",
  },
  "german-credit": {
    name: "german-credit",
    file: dataFile("german-credit/german_credit.csv"),
    specialist: "credit-check",
    featureSchema: "credit/1",
    classes: ["Good", "Bad"],
    firstLabels: 300,
    about: "1,000 loans that were paid back or not; few and noisy, so most verdicts are inconclusive",
  },
} as const satisfies Record<string, RealDataExample>;

export interface RealDataRequest {
  readonly seed: number;
  /** Most batches of 100 to play; null = all. */
  readonly batches: number | null;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: RunEvent) => void;
  readonly onStage?: (text: string) => void;
}

/** One run of the loop and how the champion that it left did on the batch after it, which nobody had seen. */
export interface ExampleRun {
  readonly run_id: string;
  /** Human labels in the store when the run began. */
  readonly labels: number;
  readonly state: Run["state"];
  readonly verdict:
    | (Pick<Verdict, "decision" | "headline"> & {
        readonly verdict_id: string;
        readonly p_better: number;
        readonly gate_rows: number;
      })
    | null;
  readonly promoted: boolean;
  /** In production after the run. */
  readonly champion_version: string | null;
  readonly champion_next_batch_accuracy: number | null;
  readonly champion_next_batch_log_loss: number | null;
  readonly champion_next_batch_brier: number | null;
  readonly champion_next_batch_mean_confidence: number | null;
  readonly champion_next_batch_calibration_error: number | null;
}

export interface RealDataResult {
  readonly example: string;
  readonly specialist: string;
  readonly runs: readonly ExampleRun[];
}

interface Memory {
  readonly anchor_ms: number;
  readonly seed: number;
  /** Batches whose labels are in the store and whose run, if one was due, has ended. */
  batches: number;
  runs: ExampleRun[];
}

const BATCH = 100;

/**
 * Plays the data set through the whole loop, one batch of 100 a simulated day, ending now. Goes on where an interrupted call stopped; a call
 * after the end gives the stored table.
 */
export async function runRealDataExample(
  house: House,
  example: RealDataExample,
  request: RealDataRequest,
): Promise<RealDataResult> {
  const { rows, columns } = await readRows(example, request.seed);
  const specialist = specialistSchema.parse({
    name: example.specialist,
    classes: [...example.classes],
    features: { schema: example.featureSchema, columns: columns.map((name) => ({ name, kind: "numeric" })) },
  });
  await addSpecialist(house, specialist);
  const key = `example.${example.name}`;
  const days = Math.ceil((rows.length - example.firstLabels) / BATCH) + 1;
  const memory = ((await house.store.getSetting(key)) as Memory | null) ?? {
    anchor_ms: house.now() - days * DAY_MS,
    seed: request.seed,
    batches: 0,
    runs: [],
  };
  if (memory.seed !== request.seed)
    throw new RequeenError(
      "conflict",
      `this data folder holds ${example.name} with seed ${memory.seed}; use another folder for seed ${request.seed}`,
    );
  const time = withSimulatedTime(
    { ...house, specialists: [...house.specialists.filter(({ name }) => name !== specialist.name), specialist] },
    memory.anchor_ms,
    `example-${example.name}`,
  );

  const lastBatch = Math.min(request.batches ?? Number.POSITIVE_INFINITY, Math.ceil((rows.length - example.firstLabels) / BATCH));
  for (let batch = 0; batch <= lastBatch; batch += 1) {
    const from = batch === 0 ? 0 : example.firstLabels + (batch - 1) * BATCH;
    const to = batch === 0 ? example.firstLabels : Math.min(rows.length, from + BATCH);
    const part = rows.slice(from, to);
    request.onStage?.(`batch ${batch} of ${lastBatch}: ${to} labels`);
    const dayMs = memory.anchor_ms + batch * DAY_MS;
    time.set(dayMs);
    const opinions = await judgeMissing(
      time.house,
      specialist.name,
      part.map(({ values }, index) => ({
        columns: values,
        planId: `${example.name}-${from + index}`,
        opinionId: `${example.name}-${memory.seed}-${from + index}`,
        evaluatedAtMs: dayMs,
      })),
    );
    scoreLast(memory, opinions, part, example.classes);
    if (memory.batches > batch) continue;
    await addFeedback(
      time.house,
      "review_blind",
      opinions.map((opinion, index) => ({
        opinionId: opinion.opinion_id,
        feedbackId: `feedback-${opinion.opinion_id}`,
        recommendation: part[index]?.label ?? "",
        rating: null,
        reviewer: `${example.name}-people`,
        // people take between half a minute and a minute and a half
        submittedAtMs: dayMs + MINUTE_MS * (index + 1) + ((index * 7919) % 30) * 1000,
      })),
    );
    time.set(dayMs + DAY_MS / 2);
    const run = await runIfReady(time.house, specialist, batch === 0, request);
    if (run !== null) memory.runs.push(await describe(time.house, specialist, run, to));
    memory.batches = batch + 1;
    await house.store.putSetting(key, memory);
  }
  return { example: example.name, specialist: specialist.name, runs: memory.runs };
}

async function runIfReady(house: House, specialist: Specialist, first: boolean, request: RealDataRequest): Promise<Run | null> {
  const options = { signal: request.signal, ...(request.onEvent === undefined ? {} : { onEvent: request.onEvent }) };
  const view = await viewTrigger(house, specialist);
  if (view.activeRun !== null) return resumeRun(house, view.activeRun.run_id, options);
  if (!first && view.decision.state !== "READY") return null;
  return retrain(house, { specialist: specialist.name, by: house.actor, reason: "evidence" }, options);
}

async function describe(house: House, specialist: Specialist, run: Run, labels: number): Promise<ExampleRun> {
  const record = run.verdict_id === null ? null : await house.store.getVerdict(run.verdict_id);
  const champion = await championVersion(house, specialist);
  return {
    run_id: run.run_id,
    labels,
    state: run.state,
    verdict:
      record === null
        ? null
        : {
            decision: record.decision,
            headline: record.verdict.headline,
            verdict_id: record.verdict_id,
            p_better: record.verdict.test.p_better,
            gate_rows: record.verdict.rows.count,
          },
    promoted: run.promoted,
    champion_version: champion?.version ?? null,
    champion_next_batch_accuracy: null,
    champion_next_batch_log_loss: null,
    champion_next_batch_brier: null,
    champion_next_batch_mean_confidence: null,
    champion_next_batch_calibration_error: null,
  };
}

/** The batch that was just judged is the next one of the run before it: labels come only now. */
function scoreLast(memory: Memory, opinions: readonly Opinion[], rows: readonly DataRow[], classes: readonly string[]): void {
  const last = memory.runs.at(-1);
  if (
    last === undefined ||
    last.champion_next_batch_accuracy !== null ||
    opinions.some(({ probabilities }) => probabilities === null)
  )
    return;
  const labels = Uint8Array.from(rows, ({ label }) => classes.indexOf(label));
  const probabilities = Float64Array.from(
    opinions.flatMap((opinion) => classes.map((name) => opinion.probabilities?.[name] ?? Number.NaN)),
  );
  const right = opinions.filter((opinion, index) => opinion.opinion.recommendation === rows[index]?.label).length;
  const confidence = opinions.reduce((sum, { opinion }) => sum + (opinion.confidence_score ?? 0), 0);
  memory.runs[memory.runs.length - 1] = {
    ...last,
    champion_next_batch_accuracy: right / rows.length,
    champion_next_batch_log_loss: logLoss(probabilities, labels, classes.length),
    champion_next_batch_brier: brierScore(probabilities, labels, classes.length),
    champion_next_batch_mean_confidence: confidence / rows.length,
    champion_next_batch_calibration_error: expectedCalibrationError(probabilities, labels, classes.length),
  };
}

interface DataRow {
  readonly values: Record<string, number>;
  readonly label: string;
}

/** All rows in an order that follows from the seed: the file has all of one class first. */
async function readRows(example: RealDataExample, seed: number): Promise<{ rows: DataRow[]; columns: string[] }> {
  const { parse } = await import("csv-parse/sync"); // the hive reads no CSV
  const records: Record<string, string>[] = parse(await readFile(example.file), { columns: true });
  const columns = Object.keys(records[0] ?? {}).filter((name) => name !== "label");
  const rows = records.map(
    (record): DataRow => ({
      label: record.label ?? "",
      values: Object.fromEntries(columns.map((name) => [name, Number(record[name])])),
    }),
  );
  return { rows: new SeededRandom(seed).shuffle(rows), columns };
}

async function addSpecialist(house: House, specialist: Specialist): Promise<void> {
  const stored = ((await house.store.getSetting(EXTRA_SPECIALISTS)) as Specialist[] | null) ?? [];
  if (stored.some(({ name }) => name === specialist.name)) return;
  await house.store.putSetting(EXTRA_SPECIALISTS, [...stored, specialist]);
}
