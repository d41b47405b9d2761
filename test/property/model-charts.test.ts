import fc from "fast-check";
import { expect, test } from "vitest";
import { chartModel } from "../../src/decide/model-charts.ts";
import { confusionMatrix, prAuc, rocAuc } from "../../src/engine/index.ts";

/** Rows with few distinct probabilities, so that many tie. */
const rows = (classCount: number) =>
  fc.array(
    fc.record({
      label: fc.nat({ max: classCount - 1 }),
      weights: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: classCount, maxLength: classCount }),
    }),
    { minLength: 1, maxLength: 400 },
  );

function asMatrix(drawn: readonly { label: number; weights: number[] }[]) {
  const labels = Uint8Array.from(drawn, ({ label }) => label);
  const probabilities = Float64Array.from(
    drawn.flatMap(({ weights }) => weights.map((weight) => weight / weights.reduce((sum, one) => sum + one, 0))),
  );
  return { labels, probabilities };
}

test("areas of two classes are the engine's own, and every curve runs from corner to corner without turning back", () => {
  fc.assert(
    fc.property(rows(2), (drawn) => {
      const { labels, probabilities } = asMatrix(drawn);
      const charts = chartModel(probabilities, labels, ["no", "yes"]);
      const yes = charts.classes[1];
      const auc = rocAuc(probabilities, labels, 2);
      if (auc === null) expect(yes?.roc_auc ?? null).toBeNull();
      else expect(yes?.roc_auc).toBeCloseTo(auc, 9);
      const average = prAuc(probabilities, labels, 2);
      if (average !== null) expect(yes?.average_precision).toBeCloseTo(average, 9);
      for (const { roc, pr } of charts.classes) {
        expect(roc.length).toBeLessThanOrEqual(201);
        if (roc.length > 0) {
          expect([roc[0]?.false_positive_rate, roc[0]?.true_positive_rate]).toEqual([0, 0]);
          expect([roc.at(-1)?.false_positive_rate, roc.at(-1)?.true_positive_rate]).toEqual([1, 1]);
        }
        const rising = (values: number[]) => values.every((value, at) => at === 0 || value >= (values[at - 1] ?? 0));
        expect(
          rising(roc.map((point) => point.false_positive_rate)) && rising(roc.map((point) => point.true_positive_rate)),
        ).toBe(true);
        expect(rising(pr.map((point) => point.recall))).toBe(true);
      }
    }),
  );
});

test("the review band counts every row once, decides where one class is likely enough, and promises nothing from fewer than 29 rows", () => {
  fc.assert(
    fc.property(rows(3), (drawn) => {
      const { labels, probabilities } = asMatrix(drawn);
      const { review } = chartModel(probabilities, labels, ["a", "b", "c"]);
      expect(review.review + review.decided).toBe(labels.length);
      const least = review.least_probability;
      // 0.9 to the power of 29 is below 0.05
      if (labels.length < 29) expect(least).toBeNull();
      if (least === null) {
        expect([review.review, review.wrong]).toEqual([labels.length, 0]);
        return;
      }
      const rowsOf = Array.from(labels, (label, row) => ({ label, own: [...probabilities.subarray(row * 3, row * 3 + 3)] }));
      const likely = (p: number): boolean => p >= least - 1e-12;
      const alone = rowsOf.filter(({ own }) => own.filter(likely).length === 1);
      expect(review.decided).toBe(alone.length);
      expect(review.wrong).toBe(alone.filter(({ label, own }) => !likely(own[label] ?? 0)).length);
      // the sets hold the true class of at least as many of these rows as is promised of new ones
      expect(rowsOf.filter(({ label, own }) => likely(own[label] ?? 0)).length / labels.length).toBeGreaterThanOrEqual(0.9);
    }),
  );
});

test("every row is in the confusion matrix once, in one confidence bin, and in one reliability bin", () => {
  fc.assert(
    fc.property(rows(4), (drawn) => {
      const { labels, probabilities } = asMatrix(drawn);
      const charts = chartModel(probabilities, labels, ["a", "b", "c", "d"]);
      const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
      expect(sum(charts.confusion.flat())).toBe(labels.length);
      expect(sum(charts.confidence.map(({ right, wrong }) => right + wrong))).toBe(labels.length);
      expect(sum(charts.reliability.map((bin) => bin.rows))).toBe(labels.length);
      const right = sum(charts.confusion.map((row, k) => row[k] ?? 0));
      expect(sum(charts.confidence.map((bin) => bin.right))).toBe(right);
      const called = Uint8Array.from(labels, (_, row) => {
        const own = Array.from(probabilities.subarray(row * 4, row * 4 + 4));
        return own.indexOf(Math.max(...own));
      });
      expect(charts.confusion.flat()).toEqual(Array.from(confusionMatrix(labels, called, 4)));
    }),
  );
});
