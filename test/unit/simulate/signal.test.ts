import { describe, expect, it } from "vitest";
import type { Plan } from "../../../src/core/plan.ts";
import { type FittedClassifier, fitClassifier, logLoss, predictRow, rowsOfFold, splitFolds } from "../../../src/engine/index.ts";
import { extractFeatures, featureNames } from "../../../src/features/index.ts";
import {
  DECISIONS,
  SIMULATED_SPECIALISTS,
  type SimulatedSpecialist,
  simulateEarlyJudgements,
  simulatePlans,
  simulateReviewers,
} from "../../../src/loop/simulate.ts";

const NAMES = featureNames("plan/2");
const columnsOf = (vectors: readonly Float64Array[]) =>
  NAMES.map((_, place) => Float64Array.from(vectors, (vector) => vector[place]));
const learnt = simulatePlans({ seed: 201, count: 200 }).map((plan) => ({ plan, vector: extractFeatures("plan/2", plan) }));
const unseen = simulatePlans({ seed: 202, count: 1000 }).map((plan) => ({ plan, vector: extractFeatures("plan/2", plan) }));

function labelsOf(specialist: SimulatedSpecialist, seed: number, rows: readonly { plan: Plan }[]): Uint8Array {
  const opinions = rows.map(({ plan }, row) => ({ opinionId: String(row), plan, recommendation: "review_required" }));
  const labels = new Uint8Array(rows.length);
  for (const { opinionId, recommendation } of simulateReviewers({ seed, specialist, opinions }))
    labels[Number(opinionId)] = DECISIONS.indexOf(recommendation);
  return labels;
}

const trainOn = (vectors: readonly Float64Array[], labels: Uint8Array): FittedClassifier =>
  fitClassifier({
    data: { columns: columnsOf(vectors), labels, classCount: DECISIONS.length, constantColumns: "allow" },
    modelType: "random_forest",
    params: { nEstimators: 60 },
    calibration: "none",
    seed: 1,
  });

const classShares = (labels: Uint8Array) =>
  DECISIONS.map((_, index) => labels.filter((label) => label === index).length / labels.length);

/** Accuracy and mean confidence of a classifier on the unseen plans. */
function scored(classifier: FittedClassifier, labels: Uint8Array) {
  let [right, confidence] = [0, 0];
  for (const [row, { vector }] of unseen.entries()) {
    const probabilities = [...predictRow(classifier, vector)];
    const most = Math.max(...probabilities);
    if (probabilities.indexOf(most) === labels[row]) right++;
    confidence += most;
  }
  return { accuracy: right / unseen.length, confidence: confidence / unseen.length };
}

describe.each(SIMULATED_SPECIALISTS)("what 200 reviews of %s teach", (specialist) => {
  const labels = labelsOf(specialist, 5, learnt);
  const truth = labelsOf(specialist, 6, unseen);
  const vectors = learnt.map(({ vector }) => vector);

  it("lifts accuracy on unseen plans at least 12 points above the majority, and above a champion of 40 noisy ones", () => {
    const { accuracy } = scored(trainOn(vectors, labels), truth);
    expect(accuracy).toBeGreaterThan(Math.max(...classShares(truth)) + 0.12);
    const early = simulateEarlyJudgements({ seed: 5, specialist });
    const champion = trainOn(
      early.map(({ plan }) => extractFeatures("plan/2", plan)),
      Uint8Array.from(early, ({ judgement }) => DECISIONS.indexOf(judgement.recommendation)),
    );
    const weak = scored(champion, truth);
    expect(accuracy).toBeGreaterThan(weak.accuracy + 0.1);
    expect(weak.confidence).toBeGreaterThan(0.33);
    expect(weak.confidence).toBeLessThan(0.65);
  });

  it("beats the log loss of the class shares in 5-fold cross-validation", () => {
    const foldOf = splitFolds(labels, DECISIONS.length, 5, 3);
    const probabilities = new Float64Array(labels.length * DECISIONS.length);
    for (let fold = 0; fold < 5; fold++) {
      const { inside, outside } = rowsOfFold(foldOf, fold);
      const classifier = trainOn(
        [...outside].map((row) => vectors[row]),
        Uint8Array.from(outside, (row) => labels[row]),
      );
      for (const row of inside) probabilities.set(predictRow(classifier, vectors[row]), row * DECISIONS.length);
    }
    const prevalence = classShares(labels).reduce((sum, share) => sum - share * Math.log(share), 0);
    expect(logLoss(probabilities, labels, DECISIONS.length)).toBeLessThan(prevalence - 0.2);
  });
});
