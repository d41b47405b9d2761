import { expect, test } from "vitest";
import { rankFor } from "../../../src/engine/conformal.ts";
import {
  applyCalibrator,
  type CalibratorKind,
  decodeModel,
  encodeModel,
  fitCalibrator,
  fitClassifier,
  fitConformal,
  logLoss,
  predictionSets,
  reviewRequired,
  SeededRandom,
  vennAbersInterval,
} from "../../../src/engine/index.ts";
import { fitIsotonic } from "../../../src/engine/isotonic.ts";
import { makeData } from "./seeded-data.ts";

/** True probabilities, labels drawn from them, and what a model would say after `distort`. */
function distorted(rows: number, seed: number, distort: (p: number) => number) {
  const random = new SeededRandom(seed);
  const truth = Float64Array.from({ length: rows }, () => 1 / (1 + Math.exp(-1.5 * random.nextNormal())));
  const labels = Uint8Array.from(truth, (p) => (random.next() < p ? 1 : 0));
  const probabilities = Float64Array.from([...truth].flatMap((p) => [1 - distort(p), distort(p)]));
  return { truth, labels, probabilities, weights: new Float64Array(rows).fill(1), classCount: 2 };
}

/** Root mean square distance of calibrated to true probabilities on new rows. */
function distance(kind: CalibratorKind, distort: (p: number) => number): number {
  const calibrator = fitCalibrator(kind, distorted(4000, 1, distort));
  const { truth, probabilities } = distorted(2000, 2, distort);
  applyCalibrator(calibrator, probabilities, 2);
  return Math.sqrt(truth.reduce((sum, p, row) => sum + (probabilities[row * 2 + 1] - p) ** 2, 0) / truth.length);
}

test("beta undoes an asymmetric distortion that neither temperature nor none does", () => {
  const asymmetric = (p: number) => p ** 3 / (p ** 3 + (1 - p));
  expect(distance("beta", asymmetric)).toBeLessThan(0.03);
  expect(distance("temperature", asymmetric)).toBeGreaterThan(0.05);
  expect(distance("none", asymmetric)).toBeGreaterThan(0.1);
});

test("isotonic undoes a step-like distortion that no formula fits", () => {
  const stepped = (p: number) => (p < 0.5 ? 0.1 + p / 50 : 0.8 + p / 50);
  expect(distance("isotonic", stepped)).toBeLessThan(0.05);
  expect(distance("platt", stepped)).toBeGreaterThan(distance("isotonic", stepped));
});

test("a model that ranks backwards is flattened, never turned round", () => {
  for (const kind of ["platt", "beta"] as const) {
    const data = distorted(1000, 3, (p) => 1 - p);
    const p = Float64Array.of(0.9, 0.1, 0.1, 0.9);
    applyCalibrator(fitCalibrator(kind, data), p, 2);
    expect(p[3]).toBeGreaterThanOrEqual(p[1] - 1e-12);
  }
});

test("pooling adjacent violators, by hand", () => {
  const { value, low, high } = fitIsotonic(
    Float64Array.of(1, 2, 3, 4, 5),
    Float64Array.of(0, 1, 0, 1, 1),
    new Float64Array(5).fill(1),
  );
  expect([...value]).toEqual([0, 0.5, 1]);
  expect([...low]).toEqual([1, 2, 4]);
  expect([...high]).toEqual([1, 3, 5]);
});

test("which calibrators are tried depends on the rows, as the table says", () => {
  const kinds = (rows: number, classCount = 2) =>
    fitClassifier({
      data: makeData(rows, 2, classCount, 1),
      modelType: "logistic_regression",
      calibration: "auto",
      seed: 1,
    }).trainingReport.candidates.map(({ kind }) => kind);
  expect(kinds(40)).toEqual(["none", "temperature"]);
  expect(kinds(499)).toEqual(["none", "temperature", "platt"]);
  expect(kinds(500)).toEqual(["none", "temperature", "platt", "beta"]);
  expect(kinds(1001)).toEqual(["none", "temperature", "platt", "beta", "isotonic"]);
  expect(kinds(200, 3)).toEqual(["none", "temperature", "platt", "vector"]);
  expect(kinds(500, 3)).toEqual(["none", "temperature", "platt", "beta", "vector", "dirichlet"]);
  // ten classes: 110 numbers to fit, ten rows for each
  expect(kinds(1001, 10)).toEqual(["none", "temperature", "platt", "beta", "isotonic", "vector"]);
});

test("Dirichlet scaling undoes a confusion between two classes that no form of one class can; vector scaling undoes slopes", () => {
  const random = new SeededRandom(71);
  const rowCount = 6000;
  const truth = new Float64Array(rowCount * 3);
  const labels = new Uint8Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    const scores = [0, 1, 2].map(() => 1.5 * random.nextNormal());
    const sum = scores.reduce((total, score) => total + Math.exp(score), 0);
    for (let k = 0; k < 3; k++) truth[row * 3 + k] = Math.exp(scores[k] ?? 0) / sum;
    const draw = random.next();
    labels[row] = draw < truth[row * 3] ? 0 : draw < truth[row * 3] + truth[row * 3 + 1] ? 1 : 2;
  }
  const weights = new Float64Array(rowCount).fill(1);
  const distort = (scoreOf: (logs: number[], k: number) => number): Float64Array => {
    const out = new Float64Array(truth.length);
    for (let row = 0; row < rowCount; row++) {
      const logs = [0, 1, 2].map((k) => Math.log(truth[row * 3 + k]));
      const powers = [0, 1, 2].map((k) => Math.exp(scoreOf(logs, k)));
      const sum = powers.reduce((total, power) => total + power, 0);
      for (let k = 0; k < 3; k++) out[row * 3 + k] = (powers[k] ?? 0) / sum;
    }
    return out;
  };
  const away = (kind: CalibratorKind, probabilities: Float64Array): number => {
    const calibrated = probabilities.slice();
    applyCalibrator(fitCalibrator(kind, { probabilities, labels, weights, classCount: 3 }), calibrated, 3);
    return Math.sqrt(calibrated.reduce((sum, p, i) => sum + (p - truth[i]) ** 2, 0) / calibrated.length);
  };
  // the first class is given half of the second's evidence
  const confused = distort((logs, k) => (k === 0 ? 0.5 * logs[0] + 0.5 * logs[1] : logs[k]));
  const sloped = distort((logs, k) => [2, 1, 0.5][k] * logs[k] + [0.5, 0, -1][k]);
  expect(away("dirichlet", confused)).toBeLessThan(0.02);
  expect(away("dirichlet", confused)).toBeLessThan(0.3 * Math.min(away("vector", confused), away("platt", confused)));
  expect(away("vector", sloped)).toBeLessThan(0.02);
  expect(away("vector", sloped)).toBeLessThan(0.3 * away("temperature", sloped));
});

test("with few rows vector and Dirichlet scaling stay near doing nothing", () => {
  const probabilities = Float64Array.of(0.5, 0.3, 0.2, 0.1, 0.7, 0.2, 0.25, 0.25, 0.5);
  const data = { probabilities, labels: Uint8Array.of(0, 1, 2), weights: Float64Array.of(1, 1, 1), classCount: 3 };
  for (const kind of ["vector", "dirichlet"] as const) {
    const calibrated = probabilities.slice();
    applyCalibrator(fitCalibrator(kind, data), calibrated, 3);
    expect(calibrated.reduce((most, p, i) => Math.max(most, Math.abs(p - probabilities[i])), 0)).toBeLessThan(0.3);
  }
});

test("vector scaling stands where its penalised loss is least, of weighted rows and of few too", () => {
  for (const [seed, rowCount] of [
    [73, 300],
    [74, 12],
  ] as const) {
    const random = new SeededRandom(seed);
    const labels = Uint8Array.from({ length: rowCount }, (_, row) => row % 4);
    const weights = Float64Array.from({ length: rowCount }, () => 0.2 + 3 * random.next());
    const probabilities = new Float64Array(rowCount * 4);
    labels.forEach((label, row) => {
      const shares = [0, 1, 2, 3].map((k) => random.next() ** 2 + (k === label ? random.next() : 0));
      const sum = shares.reduce((total, share) => total + share);
      probabilities.set(
        shares.map((share) => share / sum),
        row * 4,
      );
    });
    const fitted = fitCalibrator("vector", { probabilities, labels, weights, classCount: 4 });
    if (fitted.kind !== "vector") throw new Error("no vector");
    const lossAt = (slopes: Float64Array, offsets: Float64Array): number => {
      let loss = 0;
      for (let row = 0; row < rowCount; row++) {
        const scores = [0, 1, 2, 3].map(
          (k) => Number(slopes[k]) * Math.log(Number(probabilities[row * 4 + k])) + Number(offsets[k]),
        );
        const sum = scores.reduce((total, score) => total + Math.exp(score), 0);
        loss += Number(weights[row]) * (Math.log(sum) - Number(scores[Number(labels[row])]));
      }
      const squares = (values: Float64Array, from: number) => values.reduce((sum, value) => sum + (value - from) ** 2, 0);
      return loss + 0.5 * (squares(slopes, 1) + squares(offsets, 0));
    };
    const least = lossAt(fitted.slopes, fitted.offsets);
    for (let i = 0; i < 8; i++) {
      for (const step of [-1e-5, 1e-5]) {
        const [slopes, offsets] = [fitted.slopes.slice(), fitted.offsets.slice()];
        const moved = i < 4 ? slopes : offsets;
        moved[i % 4] = Number(moved[i % 4]) + step;
        expect(lossAt(slopes, offsets)).toBeGreaterThan(least);
      }
    }
  }
});

test("vector scaling flattens a class that ranks backwards", () => {
  const random = new SeededRandom(72);
  const labels = Uint8Array.from({ length: 300 }, () => random.nextInt(3));
  const probabilities = new Float64Array(900);
  labels.forEach((label, row) => {
    const wrong = label === 0 ? 0.1 : 0.6;
    probabilities.set([wrong, (1 - wrong) / 2, (1 - wrong) / 2], row * 3);
  });
  const fitted = fitCalibrator("vector", { probabilities, labels, weights: new Float64Array(300).fill(1), classCount: 3 });
  expect(fitted.kind === "vector" && fitted.slopes[0]).toBe(0);
});

for (const kind of ["beta", "isotonic", "vector", "dirichlet"] as const) {
  const classCounts = kind === "vector" || kind === "dirichlet" ? [3, 5] : [2, 3];
  test(`load(save(x)) = x with ${kind}, ${classCounts.join(" and ")} classes`, () => {
    for (const classCount of classCounts) {
      const fitted = fitClassifier({
        data: makeData(150, 3, classCount, 4),
        modelType: "logistic_regression",
        calibration: kind,
        seed: 1,
      });
      expect(fitted.calibrator.kind).toBe(kind);
      expect(decodeModel(encodeModel(fitted))).toEqual(fitted);
    }
  });
}

test("a Venn-Abers interval holds the observed share on average and narrows with rows", () => {
  const width = (rows: number): number => {
    const { labels, probabilities } = distorted(rows, 5, (p) => p);
    const scores = Float64Array.from(labels, (_, row) => probabilities[row * 2 + 1]);
    const fresh = distorted(200, 6, (p) => p);
    let low = 0;
    let high = 0;
    for (let row = 0; row < 200; row++) {
      const interval = vennAbersInterval(scores, labels, fresh.probabilities[row * 2 + 1]);
      expect(interval.low).toBeLessThanOrEqual(interval.merged);
      expect(interval.merged).toBeLessThanOrEqual(interval.high);
      low += interval.low;
      high += interval.high;
    }
    const share = fresh.labels.reduce((sum, label) => sum + label, 0);
    expect(low).toBeLessThan(share + 20);
    expect(high).toBeGreaterThan(share - 20);
    return (high - low) / 200;
  };
  expect(width(400)).toBeLessThan(width(40) / 2);
});

test("conformal ranks: the exact law of decision-methods.md 2.4", () => {
  // with confidence 0 the usual (n + 1) coverage; 0 errors in 59 rows = at most 5 %, 95 % sure
  expect(rankFor(99, 0.9, 0)).toBe(90);
  expect(rankFor(59, 0.95, 0.95)).toBe(59);
  expect(rankFor(58, 0.95, 0.95)).toBe(59);
  expect(rankFor(100, 0.9, 0.95)).toBe(96);
});

test("conformal sets keep their promise in at least as many calibrations as promised", () => {
  let kept = 0;
  for (let seed = 0; seed < 200; seed++) {
    const calibration = distorted(80, seed + 100, (p) => p);
    const conformal = fitConformal(calibration.probabilities, calibration.labels, 2);
    const fresh = distorted(4000, seed + 1000, (p) => p);
    const sets = predictionSets(conformal, fresh.probabilities);
    const covered = fresh.labels.reduce((sum, label, row) => sum + sets[row * 2 + label], 0) / 4000;
    if (covered >= 0.9) kept++;
  }
  expect(kept).toBeGreaterThanOrEqual(182); // 95 % of 200, less 2.6 standard errors
});

test("review is required where the set is not one class, and always while rows are too few to promise anything", () => {
  const conformal = fitConformal(Float64Array.of(0.9, 0.1, 0.2, 0.8), Uint8Array.of(0, 1), 2);
  expect([...conformal.limits]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  expect([...reviewRequired(conformal, Float64Array.of(0.99, 0.01))]).toEqual([1]);
  const known = { coverage: 0.9, confidence: 0.95, limits: Float64Array.of(0.3, 0.3) };
  expect([...reviewRequired(known, Float64Array.of(0.9, 0.1, 0.5, 0.5, 0.69, 0.31))]).toEqual([0, 1, 1]);
});

test("calibrating several classes keeps a sharper log loss than none when the model is overconfident", () => {
  const data = makeData(600, 3, 4, 9);
  const fitted = fitClassifier({
    data,
    modelType: "gradient_boosting",
    calibration: "auto",
    seed: 2,
    params: { nEstimators: 60 },
  });
  const [none, ...others] = fitted.trainingReport.candidates;
  expect(Math.min(...others.map((candidate) => candidate.logLoss))).toBeLessThan(none.logLoss);
  expect(logLoss(Float64Array.of(0.25, 0.25, 0.25, 0.25), Uint8Array.of(2), 4)).toBeCloseTo(Math.log(4), 12);
});

test("no inverse temperature beside the one that was found has less log loss, and one without a minimum ends at the bound", () => {
  for (const [classCount, sharpen] of [
    [2, 0.3],
    [2, 4],
    [4, 1.7],
  ]) {
    const random = new SeededRandom(classCount * 10 + sharpen);
    const probabilities = new Float64Array(500 * classCount);
    const labels = new Uint8Array(500);
    for (let row = 0; row < 500; row++) {
      const scores = Array.from({ length: classCount }, () => random.nextNormal());
      // Gumbel's trick: a class drawn with the probabilities that the scores mean
      const drawn = scores.map((score) => score - Math.log(-Math.log(random.next())));
      labels[row] = drawn.indexOf(Math.max(...drawn));
      const shares = scores.map((score) => Math.exp(sharpen * score));
      const sum = shares.reduce((all, share) => all + share, 0);
      shares.forEach((share, k) => {
        probabilities[row * classCount + k] = share / sum;
      });
    }
    const data = { probabilities, labels, weights: new Float64Array(500).fill(1), classCount };
    const found = fitCalibrator("temperature", data);
    if (found.kind !== "temperature") throw new Error("another calibrator came back");
    const lossAt = (inverse: number): number => {
      const p = probabilities.slice();
      applyCalibrator({ kind: "temperature", inverse }, p, classCount);
      return logLoss(p, labels, classCount);
    };
    for (const factor of [0.99, 1.01]) expect(lossAt(found.inverse * factor)).toBeGreaterThanOrEqual(lossAt(found.inverse));
  }
  const certain = {
    probabilities: Float64Array.of(0.4, 0.6, 0.3, 0.7),
    labels: Uint8Array.of(1, 1),
    weights: Float64Array.of(1, 1),
    classCount: 2,
  };
  expect(fitCalibrator("temperature", certain)).toMatchObject({ inverse: expect.closeTo(50, 6) });
});
