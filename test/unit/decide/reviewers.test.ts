import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  chooseSourceWeights,
  dawidSkene,
  type Judgements,
  joinReviewers,
  krippendorffAlpha,
  sourceErrors,
} from "../../../src/decide/index.ts";
import { SeededRandom } from "../../../src/engine/seeded-random.ts";

function fromTable(table: readonly (readonly number[])[], classCount: number): Judgements {
  const rows = table.flatMap((labels, reviewer) =>
    labels.flatMap((label, item) => (label < 0 ? [] : [{ item, reviewer, label }])),
  );
  return {
    item: Uint32Array.from(rows, (row) => row.item),
    reviewer: Uint32Array.from(rows, (row) => row.reviewer),
    label: Uint8Array.from(rows, (row) => row.label),
    itemCount: table[0]?.length ?? 0,
    reviewerCount: table.length,
    classCount,
  };
}

/** Reviewers who are right with the given chances, wrong at random. */
function simulated(
  seed: number,
  items: number,
  accuracies: readonly number[],
  classCount: number,
): { judgements: Judgements; truth: number[] } {
  const random = new SeededRandom(seed);
  const truth = Array.from({ length: items }, () => random.nextInt(classCount));
  const table = accuracies.map((accuracy) =>
    truth.map((label) => (random.next() < accuracy ? label : (label + 1 + random.nextInt(classCount - 1)) % classCount)),
  );
  return { judgements: fromTable(table, classCount), truth };
}
const accuracyOf = (labels: Uint8Array, truth: readonly number[]) =>
  truth.filter((label, i) => labels[i] === label).length / truth.length;

describe("Krippendorff's alpha", () => {
  test("equals the krippendorff package on tables with gaps", () => {
    const { krippendorff } = z
      .object({ krippendorff: z.array(z.tuple([z.array(z.array(z.number())), z.number(), z.number()])) })
      .parse(JSON.parse(readFileSync(new URL("../../fixtures/decide/vectors.json", import.meta.url), "utf8")));
    for (const [table, classCount, alpha] of krippendorff)
      expect(krippendorffAlpha(fromTable(table, classCount))).toBeCloseTo(alpha, 10);
  });

  test("is null where nothing can agree, 1 where all do", () => {
    expect(krippendorffAlpha(fromTable([[0, 1, 2]], 3))).toBeNull();
    expect(
      krippendorffAlpha(
        fromTable(
          [
            [1, 1],
            [1, 1],
          ],
          3,
        ),
      ),
    ).toBeNull();
    expect(
      krippendorffAlpha(
        fromTable(
          [
            [0, 1],
            [0, 1],
          ],
          3,
        ),
      ),
    ).toBe(1);
  });
});

describe("joinReviewers", () => {
  test("two reviewers: shares of votes, and a tie is disputed", () => {
    const joined = joinReviewers(
      fromTable(
        [
          [0, 1, 2],
          [0, 2, -1],
        ],
        3,
      ),
    );
    expect(joined.method).toBe("votes");
    expect([...joined.probabilities.subarray(3, 6)]).toEqual([0, 0.5, 0.5]);
    expect([...joined.disputed]).toEqual([0, 1, 0]);
  });

  test("one good and three poor reviewers: Dawid and Skene beat the majority, and know who is good", () => {
    let better = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const { judgements, truth } = simulated(seed, 400, [0.95, 0.5, 0.5, 0.5], 3);
      const joined = joinReviewers(judgements);
      expect(joined.method).toBe("dawid_skene");
      const votes = majorityLabels(judgements);
      if (accuracyOf(joined.label, truth) > accuracyOf(votes, truth) + 0.05) better++;
      expect(joined.reviewerAccuracy[0] ?? 0).toBeGreaterThan((joined.reviewerAccuracy[1] ?? 1) + 0.2);
    }
    expect(better).toBeGreaterThanOrEqual(9);
  });

  test("the estimated confusion finds the simulated accuracies within 0.07", () => {
    const { judgements } = simulated(3, 1_500, [0.9, 0.75, 0.6, 0.8], 2);
    const { confusion } = dawidSkene(judgements);
    for (const [who, accuracy] of [0.9, 0.75, 0.6, 0.8].entries()) {
      const found = ((confusion[who * 4] ?? 0) + (confusion[who * 4 + 3] ?? 0)) / 2;
      expect(Math.abs(found - accuracy)).toBeLessThan(0.07);
    }
  });

  test("an index out of range is an error that names it", () => {
    const broken = { ...fromTable([[0, 1]], 2), classCount: 1 };
    expect(() => joinReviewers(broken)).toThrow("bad_data: label of judgement 1 must be below 1; got 1");
  });
});

function majorityLabels({ item, label, itemCount, classCount }: Judgements): Uint8Array {
  const votes = new Uint32Array(itemCount * classCount);
  item.forEach((index, j) => {
    const at = index * classCount + (label[j] ?? 0);
    votes[at] = (votes[at] ?? 0) + 1;
  });
  return Uint8Array.from({ length: itemCount }, (_, i) => {
    const own = votes.subarray(i * classCount, (i + 1) * classCount);
    return own.indexOf(Math.max(...own));
  });
}

describe("chooseSourceWeights", () => {
  const human = 100;
  /** A loss per human row that is lowest at the given weights. */
  const bowl = (best: Record<string, number>, depth: number) => (weights: Readonly<Record<string, number>>) => {
    let loss = 0.6;
    for (const [name, at] of Object.entries(best)) loss += depth * ((weights[name] ?? 0) - at) ** 2 - depth * at ** 2;
    return Float64Array.from({ length: human }, (_, i) => loss + 0.05 * Math.sin(i));
  };

  test("a source that hurts gets weight 0, one that helps a positive one", async () => {
    const choice = await chooseSourceWeights(
      human,
      [
        { name: "rule", rows: 100 },
        { name: "synthetic", rows: 100 },
      ],
      bowl({ rule: 0.5, synthetic: -0.5 }, 1),
    );
    expect(choice.weights.rule).toBeGreaterThan(0);
    expect(choice.weights.synthetic).toBe(0);
    expect(choice.logLoss).toBeLessThan(choice.humanOnlyLogLoss);
  });

  test("all machine rows together never weigh more than the human ones", async () => {
    const sources = [
      { name: "rule", rows: 5_000 },
      { name: "synthetic", rows: 900 },
    ];
    const choice = await chooseSourceWeights(human, sources, bowl({ rule: 9, synthetic: 9 }, 1));
    const total = sources.reduce((sum, source) => sum + source.rows * (choice.weights[source.name] ?? 0), 0);
    expect(total).toBeGreaterThan(0);
    expect(total).toBeLessThanOrEqual(human + 1e-9);
  });

  test("no difference keeps weight 0; a broken score is an error", async () => {
    const flat = await chooseSourceWeights(human, [{ name: "rule", rows: 50 }], () => new Float64Array(human).fill(0.5));
    expect(flat.weights).toEqual({ rule: 0 });
    await expect(chooseSourceWeights(human, [], () => new Float64Array(human).fill(Number.NaN))).rejects.toThrow("bad_data");
  });
});

test("sourceErrors measures each source on the overlap, with an interval", () => {
  const pairs = Array.from({ length: 40 }, (_, i) => ({ source: "rule", machineLabel: i < 10 ? 1 : 0, humanLabel: 0 }));
  const [rule, empty] = sourceErrors(["rule", "synthetic"], pairs);
  expect(rule).toMatchObject({ overlap: 40, wrong: 10, error: { value: 0.25 } });
  expect(rule?.error?.low).toBeCloseTo(0.1374, 2); // SciPy: beta.ppf(0.025, 10.5, 30.5)
  expect(empty?.error).toBeNull();
});
