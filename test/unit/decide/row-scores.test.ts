import { describe, expect, test } from "vitest";
import { gate, readPolicy } from "../../../src/decide/index.ts";
import { classFigures, scoreRows, standardError } from "../../../src/decide/row-scores.ts";
import { expectedCalibrationError } from "../../../src/engine/calibration-error.ts";
import { brierScore, logLoss, scoreDecisions } from "../../../src/engine/metrics.ts";
import { SeededRandom } from "../../../src/engine/seeded-random.ts";

function randomModel(random: SeededRandom, labels: Uint8Array, c: number): Float64Array {
  const probabilities = new Float64Array(labels.length * c);
  labels.forEach((label, i) => {
    let sum = 0;
    for (let k = 0; k < c; k++) {
      const raw = Math.exp(random.nextNormal() + (k === label ? 1.2 : 0));
      probabilities[i * c + k] = raw;
      sum += raw;
    }
    for (let k = 0; k < c; k++) probabilities[i * c + k] = (probabilities[i * c + k] ?? 0) / sum;
  });
  return probabilities;
}

describe("figures of the verdict", () => {
  test("equal those of the engine", () => {
    for (const c of [2, 3, 5]) {
      const random = new SeededRandom(c);
      const labels = Uint8Array.from({ length: 300 }, () => random.nextInt(c));
      const challenger = randomModel(random, labels, c);
      const classes = Array.from({ length: c }, (_, k) => `class ${k}`);
      const verdict = gate({
        labels,
        champion: null,
        challenger,
        classes,
        policy: readPolicy({ bootstrap_draws: 200 }),
        seed: 1,
      });
      const own = verdict.models.challenger;
      const engine = scoreDecisions(labels, scoreRows(labels, challenger, c).decided, c);
      expect(own?.accuracy).toBeCloseTo(engine.accuracy, 10);
      expect(own?.precision).toBeCloseTo(engine.weighted.precision ?? -1, 10);
      expect(own?.recall).toBeCloseTo(engine.weighted.recall ?? -1, 10);
      expect(own?.f1).toBeCloseTo(engine.weighted.f1 ?? -1, 10);
      expect(own?.log_loss).toBeCloseTo(logLoss(challenger, labels, c), 10);
      expect(own?.brier).toBeCloseTo(brierScore(challenger, labels, c), 10);
      expect(own?.ece).toBeCloseTo(expectedCalibrationError(challenger, labels, c), 10);
      for (const [k, scores] of engine.perClass.entries()) expect(own?.per_class[k]).toMatchObject({ rows: scores.support });
    }
  });

  test("linearised standard errors of precision, recall and F1 equal those of 4,000 redrawn samples within 12 %", () => {
    const c = 3;
    const random = new SeededRandom(9);
    const draw = () => {
      const labels = Uint8Array.from({ length: 200 }, () => (random.next() < 0.6 ? 0 : 1 + random.nextInt(2)));
      return { labels, decided: labels.map((label) => (random.next() < 0.7 ? label : random.nextInt(c))) };
    };
    for (const kind of ["weighted", "macro"] as const) {
      const values = { precision: [] as number[], recall: [] as number[], f1: [] as number[] };
      const errors = { precision: 0, recall: 0, f1: 0 };
      const rounds = 4_000;
      for (let round = 0; round < rounds; round++) {
        const { labels, decided } = draw();
        const figures = classFigures(labels, decided, c, null, { kind });
        for (const name of ["precision", "recall", "f1"] as const) {
          values[name].push(figures[name].value);
          errors[name] += standardError(figures[name].influence, null, null, 200) / rounds;
        }
      }
      for (const name of ["precision", "recall", "f1"] as const) {
        const mean = values[name].reduce((a, b) => a + b, 0) / rounds;
        const spread = Math.sqrt(values[name].reduce((a, b) => a + (b - mean) ** 2, 0) / (rounds - 1));
        expect(Math.abs(errors[name] / spread - 1), `${kind} ${name}`).toBeLessThan(0.12);
      }
    }
  });
});
