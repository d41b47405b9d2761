import { expect, test } from "vitest";
import {
  logLoss,
  predictProbabilities,
  rocAuc,
  type TrainingData,
  trainBoosting,
  trainForest,
} from "../../../src/engine/index.ts";
import { readFixture, type Sample, toColumns } from "./reference.ts";

interface Quality {
  quality: Record<string, { train_rows: number; peers: Record<"random_forest" | "gradient_boosting", [number, number][]> }>;
}
const { quality } = readFixture<Quality>("reference.json");

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const standardError = (values: readonly number[]): number => {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1) / values.length);
};

for (const name of ["spambase", "german"]) {
  const sample = readFixture<Sample>(`${name}-sample.json`);
  const { train_rows, peers } = quality[name];
  for (const kind of ["random_forest", "gradient_boosting"] as const) {
    test(`${kind} on ${name} is not worse than scikit-learn's by more than two standard errors over ten cuts`, () => {
      const auc: number[] = [];
      const loss: number[] = [];
      peers[kind].forEach(([peerAuc, peerLoss], seed) => {
        const order = Array.from(sample.y, (_, i) => (i - seed * 80 + sample.y.length * 10) % sample.y.length);
        const cut = (rows: readonly number[]): TrainingData => ({
          columns: toColumns(rows.map((row) => sample.x[row])),
          labels: Uint8Array.from(rows, (row) => sample.y[row]),
          classCount: 2,
          constantColumns: "allow",
        });
        const train = cut(order.slice(0, train_rows));
        const held = cut(order.slice(train_rows));
        const model = kind === "random_forest" ? trainForest(train, { maxDepth: 10, seed }) : trainBoosting(train, { seed });
        const p = predictProbabilities(model, held.columns).map((value) => Math.max(1e-6, value));
        auc.push((rocAuc(p, held.labels, 2) ?? 0) - peerAuc);
        loss.push(logLoss(p, held.labels, 2) - peerLoss);
      });
      expect(mean(auc)).toBeGreaterThan(-2 * standardError(auc) - 0.001);
      expect(mean(loss)).toBeLessThan(2 * standardError(loss) + 0.002);
    });
  }
}
