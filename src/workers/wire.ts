import { z } from "zod";
import { RequeenError } from "../core/errors.ts";
import { MODEL_TYPES } from "../core/specialist.ts";
import type { Trial } from "../engine/index.ts";
import { TUNING_METRICS } from "../engine/tuning-metrics.ts";
import type { JobName, Jobs } from "./protocol.ts";
import type { Search } from "./search.ts";

/**
 * Tasks and answers of the training threads as files, for threads on another machine: JSON, with the bytes of typed arrays in base64, so that
 * every number comes back bit for bit. The dataset is named by its digest instead of by a path.
 */

/** One job of the pool with what it asks. */
export type Task = { readonly [N in JobName]: { readonly job: N; readonly ask: Jobs[N]["ask"] } }[JobName];
export type Answer = Jobs[JobName]["answer"];

const little = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

const base64 = (view: Uint8Array | Uint32Array | Float64Array): string => {
  if (!little) throw new Error("files of tasks are written on little-endian machines");
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64");
};
/** @param size bytes of an element; a text of another length is damaged. */
const bytesOf = (text: string, size: number): ArrayBuffer => {
  const bytes = Buffer.from(text, "base64");
  if (bytes.byteLength % size !== 0) throw new Error(`${bytes.byteLength} bytes are no array of elements of ${size}`);
  // a copy of its own, since the pool of Buffer is neither aligned nor ours
  return new Uint8Array(bytes).buffer;
};

const uint8 = z.codec(z.base64(), z.instanceof(Uint8Array), {
  decode: (text) => new Uint8Array(bytesOf(text, 1)),
  encode: base64,
});
const uint32 = z.codec(z.base64(), z.instanceof(Uint32Array), {
  decode: (text) => new Uint32Array(bytesOf(text, 4)),
  encode: base64,
});
const float64 = z.codec(z.base64(), z.instanceof(Float64Array), {
  decode: (text) => new Float64Array(bytesOf(text, 8)),
  encode: base64,
});

const parameter = z.union([z.number(), z.string(), z.boolean(), z.null(), z.array(z.union([z.number(), z.string()]))]);
const params = z.record(z.string(), parameter);
const trial = z.strictObject({ params, score: z.number(), turn_scores: z.array(z.number()), row_share: z.number() });

const search = z.strictObject({
  method: z.enum(["grid", "random", "halving"]),
  grid: z.record(z.string(), z.array(parameter)),
  trials: z.int(),
  folds: z.int(),
  by: z.enum(["class", "time"]),
  metric: z.enum(TUNING_METRICS),
  budget_ms: z.number().nullable(),
});

const fitTask = z.strictObject({
  job: z.literal("fit"),
  feature_schema: z.string(),
  model_type: z.enum(MODEL_TYPES),
  params,
  search: search.nullable(),
  /** Absent where every trial is the task's own. */
  trials: z.array(trial).min(1).optional(),
  train_rows: uint32,
  predict_rows: uint32,
  calibrate: z.boolean(),
  want_model: z.boolean(),
  seed: z.int().nonnegative(),
});
const tuneTask = z.strictObject({
  job: z.literal("tune"),
  base: params,
  search,
  model_type: z.enum(MODEL_TYPES),
  train_rows: uint32,
  seed: z.int().nonnegative(),
  params: z.array(params).min(1),
});
const scoreTask = z.strictObject({ job: z.literal("score"), model: uint8, rows: uint32 });

const bundleSchema = z.strictObject({
  version: z.literal(1),
  dataset_id: z.string().regex(/^[0-9a-f]{64}$/),
  feature_names: z.array(z.string()),
  classes: z.array(z.string()),
  tasks: z.array(z.discriminatedUnion("job", [fitTask, tuneTask, scoreTask])).min(1),
});
export type Bundle = z.output<typeof bundleSchema>;

const answerSchema = z.discriminatedUnion("job", [
  z.strictObject({
    job: z.literal("fit"),
    model: uint8.nullable(),
    probabilities: float64,
    latency_ms: z.number().nullable(),
    report: z.record(z.string(), z.unknown()),
  }),
  z.strictObject({ job: z.literal("tune"), trials: z.array(trial).min(1) }),
  z.strictObject({ job: z.literal("score"), probabilities: float64, classes: z.array(z.string()), latency_ms: z.number() }),
]);

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** All tasks of one run over one dataset. @throws RequeenError bad_data when they are over several. */
export function encodeBundle(datasetId: string, tasks: readonly Task[]): Uint8Array {
  const [first] = tasks;
  if (first === undefined) throw new RequeenError("bad_data", "a bundle must hold at least one task; got none");
  const { featureNames, classes, path } = first.ask.dataset;
  if (tasks.some(({ ask }) => ask.dataset.path !== path))
    throw new RequeenError("bad_data", "the tasks of a bundle must be over one dataset");
  return text(
    bundleSchema.encode({
      version: 1,
      dataset_id: datasetId,
      feature_names: [...featureNames],
      classes: [...classes],
      tasks: tasks.map(toFile),
    }),
  );
}

function toFile({ job, ask }: Task): Bundle["tasks"][number] {
  if (job === "score") return { job, model: ask.model, rows: ask.rows } as Bundle["tasks"][number];
  if (job === "tune") {
    const { modelType, base, trainRows, seed, params } = ask;
    return {
      job,
      model_type: modelType,
      base,
      search: searchToFile(ask.search),
      train_rows: trainRows,
      seed,
      params,
    } as Bundle["tasks"][number];
  }
  return {
    job,
    feature_schema: ask.featureSchema,
    model_type: ask.modelType,
    params: ask.params,
    search: ask.search === null ? null : searchToFile(ask.search),
    ...(ask.trials.length === 0 ? {} : { trials: ask.trials.map(trialToFile) }),
    train_rows: ask.trainRows,
    predict_rows: ask.predictRows,
    calibrate: ask.calibrate,
    want_model: ask.wantModel,
    seed: ask.seed,
  } as Bundle["tasks"][number];
}

const searchToFile = ({ budgetMs, ...search }: Search) => ({ ...search, budget_ms: budgetMs });
const searchFrom = ({ budget_ms: budgetMs, ...rest }: z.output<typeof search>): Search => ({ ...rest, budgetMs });

const trialToFile = ({ params, score, turnScores, rowShare }: Trial) => ({
  params: params as z.output<typeof trial>["params"],
  score,
  turn_scores: [...turnScores],
  row_share: rowShare,
});
const trialOf = ({ params, score, turn_scores, row_share }: z.output<typeof trial>): Trial => ({
  params,
  score,
  turnScores: turn_scores,
  rowShare: row_share,
});

/** @throws RequeenError bad_data */
export const decodeBundle = (bytes: Uint8Array): Bundle => read(bundleSchema, bytes, "a bundle of tasks");

/** One task of a bundle, over the dataset's file on this machine. @throws RequeenError bad_parameter */
export function taskOf(bundle: Bundle, index: number, path: string): Task {
  const task = bundle.tasks[index];
  if (task === undefined)
    throw new RequeenError("bad_parameter", `index must be in [0, ${bundle.tasks.length - 1}]; got ${index}`, { index });
  const dataset = { path, featureNames: bundle.feature_names, classes: bundle.classes };
  if (task.job === "score") return { job: "score", ask: { dataset, model: task.model, rows: task.rows } };
  if (task.job === "tune") {
    const { model_type: modelType, train_rows: trainRows, base, seed, params } = task;
    return { job: "tune", ask: { dataset, modelType, base, search: searchFrom(task.search), trainRows, seed, params } };
  }
  return {
    job: "fit",
    ask: {
      dataset,
      featureSchema: task.feature_schema,
      modelType: task.model_type,
      params: task.params,
      search: task.search === null ? null : searchFrom(task.search),
      trials: (task.trials ?? []).map(trialOf),
      trainRows: task.train_rows,
      predictRows: task.predict_rows,
      calibrate: task.calibrate,
      wantModel: task.want_model,
      seed: task.seed,
    },
  };
}

/** Trials as JSON-safe values, each number as it is. */
export const writeTrials = (trials: readonly Trial[]): readonly unknown[] => trials.map(trialToFile);

/** @throws RequeenError bad_data */
export function readTrials(value: unknown): Trial[] {
  const read = z.array(trial).safeParse(value);
  if (read.success) return read.data.map(trialOf);
  throw new RequeenError("bad_data", `stored trials cannot be read: ${read.error.message.slice(0, 400)}`);
}

export function encodeAnswer(answer: Answer): Uint8Array {
  if ("trials" in answer) return text(answerSchema.encode({ job: "tune", trials: answer.trials.map(trialToFile) }));
  if ("classes" in answer)
    return text(
      answerSchema.encode({
        job: "score",
        probabilities: answer.probabilities as Float64Array<ArrayBuffer>,
        classes: [...answer.classes],
        latency_ms: answer.latencyMs,
      }),
    );
  const { model, probabilities, latencyMs, report } = answer;
  return text(
    answerSchema.encode({
      job: "fit",
      model: model as Uint8Array<ArrayBuffer> | null,
      probabilities: probabilities as Float64Array<ArrayBuffer>,
      latency_ms: latencyMs,
      report: { ...report },
    }),
  );
}

/** @throws RequeenError bad_data */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const answer = read(answerSchema, bytes, "an answer");
  if (answer.job === "tune") return { trials: answer.trials.map(trialOf) };
  const { probabilities } = answer;
  if (answer.job === "score") return { probabilities, classes: answer.classes, latencyMs: answer.latency_ms };
  return { model: answer.model, probabilities, latencyMs: answer.latency_ms, report: answer.report };
}

function read<T extends z.ZodType>(schema: T, bytes: Uint8Array, what: string): z.output<T> {
  try {
    return schema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RequeenError("bad_data", `${what} cannot be read: ${reason.slice(0, 400)}`, {}, { cause });
  }
}
