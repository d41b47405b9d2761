import { expect, test } from "vitest";
import { drawRows, markDrawn } from "../../../src/engine/draw-rows.ts";
import {
  decodeModel,
  encodeModel,
  type FitRequest,
  fitClassifier,
  logLoss,
  predictProbabilities,
  trainForest,
} from "../../../src/engine/index.ts";
import { predictOutOfBag } from "../../../src/engine/out-of-bag.ts";
import { deriveSeed } from "../../../src/engine/seeded-random.ts";
import { makeData } from "./seeded-data.ts";

for (const classCount of [2, 4]) {
  test(`a row's own label does not touch its out-of-bag probabilities (${classCount} classes)`, () => {
    const data = makeData(150, 5, classCount, 31, 0.05);
    const votes = predictOutOfBag(trainForest(data, { seed: 3 }), data);
    for (const row of [7, 80, 149]) {
      const labels = data.labels.slice();
      labels[row] = (labels[row] + 1) % classCount;
      const other = { ...data, labels };
      const otherVotes = predictOutOfBag(trainForest(other, { seed: 3 }), other);
      const own = (p: Float64Array | null) => [...(p?.subarray(row * classCount, (row + 1) * classCount) ?? [])];
      expect(own(votes).length).toBe(classCount);
      expect(own(otherVotes)).toEqual(own(votes));
      expect(otherVotes).not.toEqual(votes);
    }
  });

  test(`out-of-bag probabilities are the mean of the single trees that did not draw the row (${classCount} classes)`, () => {
    const data = makeData(60, 4, classCount, 32, 0.1);
    const forest = trainForest(data, { seed: 5, nEstimators: 90 });
    const sums = new Float64Array(60 * classCount);
    const voters = new Float64Array(60);
    for (let tree = 0; tree < 90; tree++) {
      // the first k trees of a forest are the forest of k trees: their sums differ by the last one
      const upTo = predictProbabilities(trainForest(data, { seed: 5, nEstimators: tree + 1 }), data.columns);
      const before =
        tree === 0 ? upTo.map(() => 0) : predictProbabilities(trainForest(data, { seed: 5, nEstimators: tree }), data.columns);
      const drawn = drawRows(new Float64Array(60).fill(1), deriveSeed(5, tree));
      for (let row = 0; row < 60; row++) {
        if (drawn[row] > 0) continue;
        voters[row] += 1;
        for (let k = 0; k < classCount; k++)
          sums[row * classCount + k] += upTo[row * classCount + k] * (tree + 1) - before[row * classCount + k] * tree;
      }
    }
    predictOutOfBag(forest, data)?.forEach((p, at) => {
      expect(p).toBeCloseTo(sums[at] / voters[Math.floor(at / classCount)], 4);
    });
  });
}

test("the model is the forest that is trained alone, however many trees voted for its calibrator", () => {
  const data = makeData(1_200, 4, 2, 33);
  const request: FitRequest = { data, modelType: "random_forest", params: { nEstimators: 60 }, calibration: "platt", seed: 6 };
  const { model, trainingReport } = fitClassifier(request);
  expect(trainingReport.heldOut).toBe("out_of_bag");
  expect(model).toEqual(trainForest(data, { nEstimators: 60, seed: 6 }));
  expect(model).toEqual(fitClassifier({ ...request, heldOut: "folds" }).model);
});

test("votes calibrate as folds do", () => {
  const data = makeData(2_000, 6, 2, 34);
  const held = makeData(4_000, 6, 2, 35);
  const [votes, folds] = (["out_of_bag", "folds"] as const).map((heldOut) => {
    const fitted = fitClassifier({ data, modelType: "random_forest", calibration: "auto", heldOut, seed: 7 });
    expect(fitted.trainingReport.heldOut).toBe(heldOut);
    return logLoss(predictProbabilities(fitted, held.columns), held.labels, 2);
  });
  expect(Math.abs(votes - folds)).toBeLessThan(0.005);
});

test("few rows, more classes, groups of several rows and learners without a bag are held out by folds; votes asked for there are refused", () => {
  const data = makeData(500, 3, 2, 36);
  const request: FitRequest = { data, modelType: "random_forest", params: { nEstimators: 40 }, calibration: "platt", seed: 8 };
  const pairs = Uint32Array.from(data.labels, (_, row) => row >> 1);
  const heldOutOf = (changes: Partial<FitRequest>) => fitClassifier({ ...request, ...changes }).trainingReport.heldOut;
  expect(heldOutOf({})).toBe("out_of_bag");
  expect(heldOutOf({ groups: Uint32Array.from(pairs.keys()) })).toBe("out_of_bag");
  expect(heldOutOf({ groups: pairs })).toBe("folds");
  expect(heldOutOf({ data: makeData(499, 3, 2, 36) })).toBe("folds");
  expect(heldOutOf({ data: makeData(500, 3, 3, 36) })).toBe("folds");
  expect(heldOutOf({ modelType: "extra_trees" })).toBe("folds");
  expect(heldOutOf({ calibration: "none" })).toBe("none");
  const refusal = /bad_parameter: heldOut out_of_bag needs a forest with bootstrap and one row a group; got/;
  expect(() => heldOutOf({ heldOut: "out_of_bag", groups: pairs })).toThrow(refusal);
  expect(() => heldOutOf({ heldOut: "out_of_bag", modelType: "gradient_boosting" })).toThrow(refusal);
});

test("too few trees to leave every row out fall back to folds", () => {
  const data = makeData(500, 3, 2, 37);
  const fitted = fitClassifier({ data, modelType: "random_forest", params: { nEstimators: 8 }, calibration: "platt", seed: 9 });
  expect(fitted.trainingReport.heldOut).toBe("folds");
});

test("a model file tells on whose predictions its calibrator was fitted", () => {
  const data = makeData(500, 3, 2, 38);
  const fitted = fitClassifier({ data, modelType: "random_forest", params: { nEstimators: 40 }, calibration: "auto", seed: 10 });
  expect(decodeModel(encodeModel(fitted)).trainingReport.heldOut).toBe("out_of_bag");
});

test("a row is marked as drawn where its drawn weight is above 0, also where only rows without weight were drawn", () => {
  for (let key = 0; key < 300; key++) {
    const weights = Float64Array.from({ length: 2 + (key % 40) }, (_, row) => ((row * 7 + key) % 3 === 0 ? 0 : 1.5));
    weights[0] = 1;
    if (key % 5 === 0) weights.fill(0, 1);
    const drawn = new Uint8Array(weights.length);
    markDrawn(
      Uint8Array.from(weights, (weight) => Math.sign(weight)),
      key * 7919,
      drawn,
    );
    expect(drawn).toEqual(Uint8Array.from(drawRows(weights, key * 7919), (weight) => Math.sign(weight)));
  }
});
