import { expect, test } from "vitest";
import { logLoss, predictProbabilities, rocAuc, type TrainingData, trainBoosting } from "../../../src/engine/index.ts";
import { readFixture, type Sample, toColumns } from "./reference.ts";

/** What test/fixtures/engine/categorical/make_reference.py wrote. */
interface Cuts {
  train_rows: number;
  step: number;
  categorical: number[];
  peers: Record<"lightgbm" | "hist_gradient_boosting", [number, number][]>;
}
const peers = readFixture<Record<"shops" | "german", Cuts>>("categorical/peers.json");

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const standardError = (values: readonly number[]): number => {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1) / values.length);
};

for (const name of ["shops", "german"] as const) {
  test(`boosting with categories on ${name} is not worse than LightGBM and scikit-learn by more than two standard errors over ten cuts`, () => {
    const { x, y } = readFixture<Sample>(`categorical/${name}-sample.json`);
    const { train_rows, step, categorical, peers: scores } = peers[name];
    const ours = Array.from({ length: 10 }, (_, seed): [number, number] => {
      const order = Array.from(y, (_, i) => (i - seed * step + y.length * 10) % y.length);
      const cut = (rows: readonly number[]): TrainingData => ({
        columns: toColumns(rows.map((row) => x[row])),
        labels: Uint8Array.from(rows, (row) => y[row]),
        classCount: 2,
      });
      const held = cut(order.slice(train_rows));
      const model = trainBoosting(cut(order.slice(0, train_rows)), { seed, categoricalFeatures: categorical });
      const p = predictProbabilities(model, held.columns);
      return [rocAuc(p, held.labels, 2) ?? 0, logLoss(p, held.labels, 2)];
    });
    for (const theirs of Object.values(scores)) {
      const auc = ours.map(([value], seed) => value - theirs[seed][0]);
      const loss = ours.map(([, value], seed) => value - theirs[seed][1]);
      expect(mean(auc)).toBeGreaterThan(-2 * standardError(auc) - 0.001);
      expect(mean(loss)).toBeLessThan(2 * standardError(loss) + 0.002);
    }
  });
}
