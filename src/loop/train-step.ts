import { isDeepStrictEqual } from "node:util";
import { RequeenError } from "../core/errors.ts";
import { stepResult } from "../core/run.ts";
import { MODEL_TYPES, type ModelTypeName } from "../core/specialist.ts";
import { deriveSeed } from "../engine/index.ts";
import { readParquet } from "../store/parquet.ts";
import type { DatasetReference, FitAnswer, FitAsk, ScoreAnswer, TuneAnswer } from "../workers/protocol.ts";
import { dealTrials, paramsOf, searchOf } from "../workers/search.ts";
import type { Answer, Task } from "../workers/wire.ts";
import { loadVersion } from "./champion.ts";
import { readRoles } from "./dataset-file.ts";
import { onThreads, writeTaskState } from "./executor.ts";
import { trainsOn } from "./first-from-synthetic.ts";
import { type House, registryNames } from "./house.ts";
import { openTrials } from "./kept-trials.ts";
import { writePredictions } from "./predictions-file.ts";
import type { StepContext, StepOutcome } from "./run-steps.ts";
import { sliceFeatures, slicesOf } from "./slice-columns.ts";

/**
 * Trains the challenger where the house's executor trains, by default on the threads of the pool: one fit a fold of each repeat, each predicting the gate rows that it did not see, and one on
 * all rows that becomes the model. Scores the champion on the same gate rows. Leaves the model and the predictions as blobs.
 */
export async function trainStep(house: House, context: StepContext): Promise<StepOutcome> {
  const { run, specialist, policy, signal } = context;
  const record = await house.store.getDataset(run.dataset_id ?? "");
  if (record === null)
    throw new RequeenError("dataset_not_found", `dataset ${run.dataset_id} of run ${run.run_id} is not in the store`);
  const path = await house.blobs.path(record.dataset_id);
  const dataset: DatasetReference = { path, featureNames: record.feature_names, classes: record.classes };
  const isSynthetic = trainsOn(run) === "synthetic";
  // generated rows alone have nothing to judge and nothing to calibrate with
  const repeats = isSynthetic ? 1 : policy.evidence.repeats;
  const divisions = await readRoles(path, String(stepResult(run, "collect")?.split ?? ""), repeats, run.options.seed);
  const [roles] = divisions;
  if (roles === undefined) throw new Error("a dataset has at least one division into folds");
  const gateRows = roles.gateRows(null);
  const champion = await championOfRun(house, context);

  const modelType = modelTypeOf(run.options.model_type);
  const ask = (trainRows: Uint32Array, predictRows: Uint32Array, wantModel: boolean, repeat: number): FitAsk => ({
    dataset,
    featureSchema: record.feature_schema,
    modelType,
    params: paramsOf(modelType, specialist, record.feature_names),
    search: run.options.hyperparameter_tuning ? searchOf(modelType, specialist.training) : null,
    trials: [],
    trainRows,
    predictRows,
    calibrate: !isSynthetic,
    wantModel,
    seed: repeat === 0 ? run.options.seed : deriveSeed(run.options.seed, repeat),
  });
  const parts = divisions.flatMap((division, repeat) =>
    division.folds.map((fold): FoldPart => ({ repeat, trainRows: division.trainRows(fold), gateRows: division.gateRows(fold) })),
  );
  await using kept = await openTrials(house.store, run, record.dataset_id);
  // the longest first, so that the threads end together
  const fits = [
    ask(roles.trainRows(null), new Uint32Array(), true, 0),
    ...parts.map((part) => ask(part.trainRows, part.gateRows, false, part.repeat)),
  ].map((fit) => ({ ...fit, trials: fit.search === null ? [] : kept.of(fit) }));
  const score: Task[] = champion === null ? [] : [{ job: "score", ask: { dataset, model: champion.bytes, rows: gateRows } }];
  const executor = house.executor ?? onThreads(house.pool);
  const searches = searchTasks(fits, executor.width);
  const tasks = fits.length + score.length;
  const onProgress = meanProgress(context, searches.length + tasks);
  const onState = (words: string) => writeTaskState(house, run.run_id, words);
  /** @param fitOf the index of the fit whose search a task makes. */
  const execute = (tasks: readonly Task[], from: number, fitOf: (index: number) => number) =>
    executor.execute(tasks, {
      run,
      specialist,
      signal,
      onProgress: (index, share) => onProgress(from + index, share),
      onTrial: (index, trial) => {
        const fit = fits[fitOf(index)];
        if (fit !== undefined) kept.add(fit, trial);
      },
      onState,
      log: house.log,
    });
  const found =
    searches.length === 0
      ? []
      : (
          await execute(
            searches.map(({ task }) => task),
            0,
            (index) => searches[index]?.fit ?? -1,
          )
        ).filter(isTune);
  const fitting = fits.map((fit, index): Task => {
    const trials = found.filter((_, at) => searches[at]?.fit === index).flatMap(({ trials }) => trials);
    return { job: "fit", ask: { ...fit, trials: [...fit.trials, ...trials] } };
  });
  const answers = await execute([...fitting, ...score], searches.length, (index) => index);
  await kept.settle();
  if (house.executor !== undefined) await writeTaskState(house, run.run_id, null);
  const [trained, ...folds] = answers.filter(isFit);
  const scored = answers.find((answer): answer is ScoreAnswer => "classes" in answer) ?? null;
  if (trained?.model == null) throw new Error("the final fit came back without its model");
  const foldAnswers = folds.map(({ probabilities }, index) => ({
    rows: parts[index]?.gateRows ?? new Uint32Array(),
    probabilities,
  }));
  const challenger = assemble(gateRows, foldAnswers, record.classes.length, repeats);
  const model = await house.blobs.put(trained.model);
  const wanted = sliceFeatures(specialist, record.feature_names);
  const table = await readParquet(path, { columns: ["_opinion_id", "_group", "_label", "_weight", ...wanted] });
  const take = <T>(values: ArrayLike<T>): T[] => Array.from(gateRows, (row) => values[row] as T);
  const predictions = await writePredictions(
    house.blobs,
    {
      ids: take(table.texts("_opinion_id")).map((id) => id ?? ""),
      groups: take(table.texts("_group")).map((group) => group ?? ""),
      labels: Uint8Array.from(take(table.numbers("_label"))),
      weights: Float64Array.from(take(table.numbers("_weight"))),
      champion: scored?.probabilities ?? null,
      challenger,
      slices: slicesOf(specialist, record.feature_names, table, gateRows),
    },
    record.classes.length,
  );
  return {
    result: {
      model_sha256: model.sha256,
      predictions_sha256: predictions.sha256,
      champion: champion === null ? null : { version: champion.version, sha256: champion.sha256 },
      cost: {
        latency_ms: { champion: scored?.latencyMs ?? null, challenger: trained.latencyMs },
        size_bytes: { champion: champion?.bytes.length ?? null, challenger: model.sizeBytes },
      },
      report: trained.report,
    },
  };
}

interface FoldPart {
  readonly repeat: number;
  readonly trainRows: Uint32Array;
  readonly gateRows: Uint32Array;
}

const isFit = (answer: Answer): answer is FitAnswer => "report" in answer;
const isTune = (answer: Answer): answer is TuneAnswer => "trials" in answer;

/**
 * The searches of all fits, in parts: none where the fits alone keep the executor busy. `fit` is the index of the fit that gets the trials; what
 * it has of an earlier attempt is in no part.
 */
function searchTasks(fits: readonly FitAsk[], width: number): { readonly fit: number; readonly task: Task }[] {
  return fits.flatMap((ask, fit) => {
    const { dataset, modelType, params: base, search, trainRows, seed, trials } = ask;
    if (search === null) return [];
    return dealTrials(ask, fits.length, width).flatMap((dealt) => {
      const params = dealt.filter((each) => !trials.some((trial) => isDeepStrictEqual(trial.params, each)));
      if (params.length === 0) return [];
      return { fit, task: { job: "tune", ask: { dataset, modelType, base, search, trainRows, seed, params } } as const };
    });
  });
}

/** Progress of tasks that run side by side: the mean of their shares. */
function meanProgress({ progress }: StepContext, count: number): (index: number, share: number) => void {
  const shares = new Float64Array(count);
  return (index, share) => {
    shares[index] = share;
    progress(shares.reduce((sum, each) => sum + each, 0) / count);
  };
}

/** The version that was champion when the data were collected; the gate compares with it and with no other. */
async function championOfRun(house: House, { run, specialist }: StepContext) {
  if (run.champion_version === null) return null;
  const version = await house.registry.getModelVersion(registryNames(specialist).model, run.champion_version);
  return loadVersion(house, specialist, version);
}

/** Puts the folds' predictions into the order of the gate rows; repeats are averaged. @returns float64 [gate rows x classes]. */
function assemble(
  gateRows: Uint32Array,
  answers: readonly { readonly rows: Uint32Array; readonly probabilities: Float64Array }[],
  classCount: number,
  repeats: number,
): Float64Array {
  const position = new Map(Array.from(gateRows, (row, index) => [row, index]));
  const all = new Float64Array(gateRows.length * classCount);
  for (const { rows, probabilities } of answers) {
    rows.forEach((row, at) => {
      const start = (position.get(row) ?? 0) * classCount;
      for (let k = 0; k < classCount; k += 1)
        all[start + k] = (all[start + k] ?? 0) + (probabilities[at * classCount + k] ?? Number.NaN) / repeats;
    });
  }
  return all;
}

function modelTypeOf(name: string): ModelTypeName {
  const known = MODEL_TYPES.find((type) => type === name);
  if (known !== undefined) return known;
  throw new RequeenError("bad_parameter", `model_type must be one of ${MODEL_TYPES.join(", ")}; got ${JSON.stringify(name)}`);
}
