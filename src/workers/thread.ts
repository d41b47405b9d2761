import { parentPort } from "node:worker_threads";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import { TIER_NAMES, type Tier } from "../core/tiers.ts";
import {
  decodeModel,
  encodeModel,
  type FitHelpers,
  type FittedClassifier,
  fitClassifier,
  helpFit,
  predictProbabilities,
  predictRow,
  scoreTrials,
  type Trial,
  type Watch,
} from "../engine/index.ts";
import { readParquet } from "../store/parquet.ts";
import { type MixedRows, take, weighRows } from "./mix-labels.ts";
import type {
  AskMessage,
  DatasetReference,
  FitAnswer,
  FitAsk,
  HelpMessage,
  JobName,
  Jobs,
  PoolHelpers,
  ScoreAnswer,
  ScoreAsk,
  ThreadMessage,
  TuneAnswer,
  TuneAsk,
} from "./protocol.ts";
import { tuningOptionsOf } from "./search.ts";

/** A dataset as this thread keeps it: columns of all rows. */
interface Table {
  readonly columns: Float64Array[];
  readonly labels: Float64Array;
  readonly weights: Float64Array;
  /** When each label was given, ms since the epoch. */
  readonly times: Float64Array;
  readonly groups: Uint32Array;
  readonly tiers: Tier[];
}

/** What a job's trainings are given by the thread. */
interface Tools {
  readonly onProgress: (share: number) => void;
  readonly onTrial: (trial: Trial) => void;
  readonly helpers: FitHelpers;
}
type Handlers = { readonly [N in JobName]: (ask: Jobs[N]["ask"], tools: Tools) => Promise<Jobs[N]["answer"]> };

const HANDLERS: Handlers = { fit, tune, score };

/** The last dataset: the folds of a run ask for the same one. */
let kept: { path: string; table: Table } | null = null;

async function tableOf({ path, featureNames }: DatasetReference): Promise<Table> {
  if (kept?.path === path) return kept.table;
  const read = await readParquet(path, { columns: ["_group", "_label", "_weight", "_tier", "_labelled_at", ...featureNames] });
  const codes = new Map<string | null, number>();
  const groups = Uint32Array.from(read.texts("_group"), (group) => {
    const code = codes.get(group) ?? codes.size;
    codes.set(group, code);
    return code;
  });
  const columns = featureNames.map((name) => read.numbers(name));
  const table = {
    columns,
    labels: read.numbers("_label"),
    weights: read.numbers("_weight"),
    times: read.numbers("_labelled_at"),
    groups,
    tiers: read.texts("_tier").map(tierOf),
  };
  kept = { path, table };
  return table;
}

function tierOf(text: string | null): Tier {
  const tier = TIER_NAMES.find((name) => name === text);
  if (tier === undefined)
    throw new RequeenError("bad_data", `_tier of the dataset must be one of ${TIER_NAMES.join(", ")}; got ${text}`);
  return tier;
}

/** A loop: `Float64Array.from` with a function takes eight times as long. */
function takeRows(column: Float64Array, rows: Uint32Array): Float64Array {
  const taken = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i += 1) taken[i] = column[rows[i] ?? 0] ?? Number.NaN;
  return taken;
}

/** What a fit learns from: rows that weigh nothing are left out. The same rows, model type and seed give the same, whoever asks. */
async function rowsToLearn(ask: Pick<FitAsk, "dataset" | "modelType" | "trainRows" | "seed" | "params">) {
  const table = await tableOf(ask.dataset);
  const mixed: MixedRows = {
    columns: table.columns.map((column) => takeRows(column, ask.trainRows)),
    labels: Uint8Array.from(takeRows(table.labels, ask.trainRows)),
    tiers: Array.from(ask.trainRows, (row) => table.tiers[row] ?? "echo"),
    weights: takeRows(table.weights, ask.trainRows),
    groups: Uint32Array.from(ask.trainRows, (row) => table.groups[row] ?? 0),
    classCount: ask.dataset.classes.length,
  };
  const { modelType, seed, params } = ask;
  const { weights, choice } = await weighRows(mixed, { modelType, params, seed });
  const used = Array.from(ask.trainRows, (_, index) => index).filter((index) => (weights[index] ?? 0) > 0);
  const groups = Uint32Array.from(used, (index) => mixed.groups[index] ?? 0);
  const times = Float64Array.from(used, (index) => table.times[ask.trainRows[index] ?? 0] ?? Number.NaN);
  return { table, data: take(mixed, used, weights), groups, times, choice };
}

/** Trains with helpers, and if one of them is lost once more without: the result is the same. */
function withHelp<T>({ helpers }: Tools, train: (watch: Pick<Watch, "helpers" | "onNote">) => T): { result: T; notes: string[] } {
  const notes = new Set<string>();
  const onNote = (note: string): void => void notes.add(note);
  try {
    return { result: train({ onNote, ...(helpers.count > 0 ? { helpers } : {}) }), notes: [...notes] };
  } catch (error) {
    if (!isRequeenError(error) || error.code !== "worker_lost") throw error;
    onNote(`trained again without helping threads: ${error.message}`);
    return { result: train({ onNote }), notes: [...notes] };
  }
}

async function fit(ask: FitAsk, tools: Tools): Promise<FitAnswer> {
  const { table, data, groups, times, choice } = await rowsToLearn(ask);
  const { modelType, seed, params, search } = ask;
  const given = new Set(ask.trials);
  const onTrial = (trial: Trial): void => {
    if (!given.has(trial)) tools.onTrial(trial);
  };
  const { result: fitted, notes } = withHelp(tools, (watch) =>
    fitClassifier({
      data,
      modelType,
      params,
      tuning: search === null ? false : { ...tuningOptionsOf(search, times), done: ask.trials, onTrial },
      calibration: ask.calibrate ? "auto" : "none",
      groups,
      seed,
      classes: ask.dataset.classes,
      featureNames: ask.dataset.featureNames,
      featureSchema: ask.featureSchema,
      onProgress: tools.onProgress,
      ...watch,
    }),
  );
  const predictColumns = table.columns.map((column) => takeRows(column, ask.predictRows));
  return {
    model: ask.wantModel ? encodeModel(fitted) : null,
    probabilities: ask.predictRows.length === 0 ? new Float64Array() : predictProbabilities(fitted, predictColumns),
    latencyMs: ask.wantModel ? latencyOf(fitted, table.columns) : null,
    report: {
      ...fitted.trainingReport,
      params: fitted.model.params,
      calibrator: fitted.calibrator.kind,
      machine_labels: choice,
      ...(notes.length === 0 ? {} : { notes }),
    },
  };
}

async function tune(ask: TuneAsk, tools: Tools): Promise<TuneAnswer> {
  const { data, groups, times } = await rowsToLearn({ ...ask, params: ask.base });
  const options = { ...tuningOptionsOf(ask.search, times), params: ask.base, groups, onTrial: tools.onTrial };
  const { result: trials } = withHelp(tools, (watch) =>
    scoreTrials(data, ask.modelType, options, ask.seed, ask.params, { onProgress: tools.onProgress, ...watch }),
  );
  return { trials };
}

/** A model's trees are laid out for prediction once it has seen so many. */
const WARM_ROWS = 200;
const TIMED_ROWS = 100;

/** Median time of one opinion, milliseconds, over 100 rows of the dataset after 200 to warm up. */
function latencyOf(fitted: FittedClassifier, columns: readonly Float64Array[]): number {
  const rowCount = columns[0]?.length ?? 0;
  const times: number[] = [];
  const out = new Float64Array(fitted.classCount);
  const values = new Float64Array(columns.length);
  for (let index = 0; index < WARM_ROWS + TIMED_ROWS; index += 1) {
    columns.forEach((column, j) => {
      values[j] = column[index % rowCount] ?? Number.NaN;
    });
    const startedAt = performance.now();
    predictRow(fitted, values, out);
    if (index >= WARM_ROWS) times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);
  return Number((times[Math.floor(times.length / 2)] ?? 0).toPrecision(3));
}

async function score(ask: ScoreAsk): Promise<ScoreAnswer> {
  const { columns } = await tableOf(ask.dataset);
  const fitted = decodeModel(ask.model);
  if (fitted.classes.join("\n") !== ask.dataset.classes.join("\n"))
    throw new RequeenError(
      "bad_model",
      `the model decides ${fitted.classes.join(", ")}; the dataset has ${ask.dataset.classes.join(", ")}`,
    );
  return {
    probabilities: predictProbabilities(
      fitted,
      columns.map((column) => takeRows(column, ask.rows)),
    ),
    classes: fitted.classes,
    latencyMs: latencyOf(fitted, columns),
  };
}

const PROGRESS_STEP = 0.02;

/** Passes on only what a reader can see: a message a tree keeps both threads busy with messages. */
function inSteps(report: (share: number) => void): (share: number) => void {
  let told = 0;
  return (share) => {
    if (share - told < PROGRESS_STEP) return;
    told = share;
    report(share);
  };
}

const port = parentPort;
if (port === null) throw new Error("thread.ts runs in a worker thread only");
const send = (message: ThreadMessage): void => port.postMessage(message);

/** The job that is done now. */
let jobId = -1;
/** The same for jobs that follow each other: fits with the same helpers use one memory in turn, which every thread that helped in it holds. */
let lastHelpers: FitHelpers | null = null;
let resting: NodeJS.Timeout | undefined;
/** Without a job for so long, the thread lets go of that memory. */
const REST_MS = 5000;

function helpersFor(id: number, given: PoolHelpers): FitHelpers {
  jobId = id;
  clearTimeout(resting);
  lastHelpers ??= {
    ...given,
    start: (tickets) => send({ id: jobId, kind: "tickets", tickets }),
    end: () => send({ id: jobId, kind: "tickets", tickets: [] }),
  };
  return lastHelpers;
}

function rest(): void {
  resting = setTimeout(() => {
    lastHelpers = null;
  }, REST_MS);
  resting.unref();
}

port.on("message", async (message: AskMessage | HelpMessage) => {
  if ("ticket" in message) {
    // what this throws ends the thread: the pool tells the fit that it helped in
    helpFit(message.ticket);
    send({ kind: "helped" });
    return;
  }
  const { id, job, ask, helpers } = message;
  const tools: Tools = {
    onProgress: inSteps((share) => send({ id, kind: "progress", share })),
    onTrial: (trial) => send({ id, kind: "trial", trial }),
    helpers: helpersFor(id, helpers),
  };
  try {
    const handler = HANDLERS[job] as (ask: unknown, tools: Tools) => Promise<Jobs[JobName]["answer"]>;
    send({ id, kind: "answer", answer: await handler(ask, tools) });
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const known = isRequeenError(error) ? error : null;
    send({
      id,
      kind: "error",
      code: known?.code ?? null,
      message: error.message,
      details: { ...known?.details },
      stack: error.stack ?? "",
    });
  } finally {
    rest();
  }
});
