import { InferenceSession, Tensor } from "onnxruntime-node";
import {
  decodeModel,
  encodeModel,
  encodeOnnx,
  type FittedClassifier,
  fitClassifier,
  makeExplainer,
  predictRow,
  type TrainingData,
} from "../../src/engine/index.ts";
import type { PythonPeer } from "../peers/python.ts";
import { againstBudget, type BenchRow, median } from "../table.ts";
import { rowOf } from "./measure.ts";

/**
 * One row through 100 trees: ours, the same model in onnxruntime-node, and LightGBM's own 100 trees called from Python; then what else the
 * engine promises of 100 trees: an exact explanation under 1 ms, loading under 20 ms.
 */
export async function measureSingleRow(data: TrainingData, peer: PythonPeer | null): Promise<BenchRow[]> {
  const trainOne = (modelType: "random_forest" | "gradient_boosting"): FittedClassifier =>
    fitClassifier({
      data,
      modelType,
      params: modelType === "random_forest" ? { maxDepth: 10 } : {},
      calibration: "none",
      seed: 1,
    });
  const row = Float64Array.from(data.columns, (column) => column[0] ?? Number.NaN);
  const [forest, boosted] = [trainOne("random_forest"), trainOne("gradient_boosting")];
  const table: BenchRow[] = [];
  for (const [name, fitted] of [
    ["a forest of 100 trees, depth 10", forest],
    ["100 boosted trees, 31 leaves", boosted],
  ] as const) {
    const out = new Float64Array(2);
    const runtime = await openRuntime(fitted, row);
    const ours: number[] = [];
    const theirs: number[] = [];
    const lightGbm: number[] = [];
    for (let round = 0; round < 5; round++) {
      ours.push(microseconds(20_000, () => predictRow(fitted, row, out)));
      theirs.push(await runtime.microseconds(2000));
      if (fitted === boosted && peer !== null)
        lightGbm.push(Number((await peer.ask({ work: "single_row", rows: data.labels.length })).wall_ms) * 1000);
    }
    await runtime.close();
    const work = `one row, ${name}`;
    table.push(rowOf(work, "us wall", median(ours), median(theirs), "onnxruntime-node", 13));
    if (lightGbm.length > 0) table.push(rowOf(work, "us wall", median(ours), median(lightGbm), "LightGBM in Python", 20));
    const explainer = makeExplainer(fitted.model);
    table.push(againstBudget(`explanation of one row, ${name}`, "ms", microseconds(200, () => explainer.explain(row)) / 1000, 1));
    const bytes = encodeModel(fitted);
    table.push(againstBudget(`loading ${name}`, "ms", microseconds(40, () => decodeModel(bytes)) / 1000, 20));
  }
  return table;
}

async function openRuntime(fitted: FittedClassifier, row: Float64Array) {
  const session = await InferenceSession.create(encodeOnnx(fitted), { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const features = new Tensor("float32", Float32Array.from(row), [1, row.length]);
  const { probabilities } = await session.run({ features });
  const expected = predictRow(fitted, row)[1] ?? Number.NaN;
  if (!(Math.abs(Number(probabilities?.data[1]) - expected) < 1e-6))
    throw new Error("onnxruntime-node answers another probability");
  return {
    async microseconds(calls: number): Promise<number> {
      const times: number[] = [];
      for (let i = 0; i < calls; i++) {
        const begin = performance.now();
        await session.run({ features });
        times.push((performance.now() - begin) * 1000);
      }
      return median(times);
    },
    close: () => session.release(),
  };
}

/** Median over short batches: on a machine that is shared, a long one is interrupted by others' work. */
function microseconds(calls: number, call: () => void): number {
  const batch = Math.max(1, Math.min(25, Math.floor(calls / 20)));
  const times: number[] = [];
  for (let done = 0; done < calls; done += batch) {
    const begin = performance.now();
    for (let i = 0; i < batch; i++) call();
    times.push(((performance.now() - begin) * 1000) / batch);
  }
  return median(times);
}
