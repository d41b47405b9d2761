import { describe, expect, test } from "vitest";
import {
  canonicalJson,
  type GateInput,
  gate,
  POLICY_PRESETS,
  type Policy,
  readPolicy,
  verdictSchema,
} from "../../../src/decide/index.ts";
import { SeededRandom } from "../../../src/engine/seeded-random.ts";

const classes = ["approve", "reject", "review_required"];
const policy: Policy = readPolicy({ bootstrap_draws: 500 });

/** Two models that are right on stated rows; the probability of the chosen class is 0.8. */
function pair(
  outcomes: readonly ("both" | "challenger" | "champion" | "neither")[],
  seed = 1,
): Pick<GateInput, "labels" | "champion" | "challenger"> {
  const random = new SeededRandom(seed);
  const labels = Uint8Array.from(outcomes, (_, i) => i % 3);
  const model = (right: (outcome: string) => boolean) => {
    const probabilities = new Float64Array(outcomes.length * 3).fill(0.1);
    outcomes.forEach((outcome, i) => {
      const label = labels[i] ?? 0;
      probabilities[i * 3 + (right(outcome) ? label : (label + 1 + random.nextInt(2)) % 3)] = 0.8;
    });
    return probabilities;
  };
  return {
    labels,
    champion: model((outcome) => outcome === "both" || outcome === "champion"),
    challenger: model((outcome) => outcome === "both" || outcome === "challenger"),
  };
}
const times = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value);
const decide = (over: Partial<GateInput> & Pick<GateInput, "labels" | "champion" | "challenger">) =>
  gate({ classes, policy, seed: 7, ...over });

describe("gate", () => {
  test("a clear gain is promoted, and the verdict fits its schema", () => {
    const verdict = decide(
      pair([...times(70, "both" as const), ...times(25, "challenger" as const), ...times(5, "champion" as const)]),
    );
    expect(verdict.decision).toBe("promote");
    expect(verdict.pairs).toMatchObject({ both_right: 70, challenger_only: 25, champion_only: 5, both_wrong: 0 });
    expect(verdictSchema.parse(verdict)).toEqual(verdict);
    expect(verdict.labels_needed.total).toBe(0);
  });

  test("a clear loss is rejected", () => {
    const verdict = decide(
      pair([...times(70, "both" as const), ...times(5, "challenger" as const), ...times(25, "champion" as const)]),
    );
    expect(verdict.decision).toBe("reject");
    expect(verdict.reasons[0]?.passed).toBe(false);
  });

  test("one lost row is no proof of a worse model: the verdict is inconclusive and says once, not 1 times", () => {
    const verdict = decide(pair([...times(99, "both" as const), "champion" as const]));
    expect(verdict.test.p_better).toBeLessThan(0.2); // the posterior alone would have rejected
    expect(verdict.decision).toBe("inconclusive");
    expect(verdict.reasons[0]?.sentence).toContain("the challenger 0 times and the champion once");
    expect(decide(pair([...times(90, "both" as const), ...times(10, "champion" as const)])).decision).toBe("reject");
  });

  test("where the interval excludes every relevant gain, no labels are advised but a better challenger", () => {
    const outcomes = [...times(582, "both" as const), ...times(10, "challenger" as const), ...times(8, "champion" as const)];
    const { decision, labels_needed } = decide(pair(outcomes));
    expect(decision).toBe("inconclusive");
    expect(labels_needed.total).toBeNull();
    expect(labels_needed.sentence).toBe(
      "A gain of 5 points of accuracy, the least that the policy calls relevant, is above the 95 % interval: more labels would hardly change this, a better challenger would.",
    );
  });

  test("every inconclusive verdict says what more labels would bring", () => {
    const random = new SeededRandom(3);
    const kinds = ["both", "challenger", "champion", "neither"] as const;
    for (let run = 0; run < 150; run++) {
      const share = random.next();
      const rows = 10 + random.nextInt(400);
      const outcomes = Array.from({ length: rows }, () => {
        const u = random.next();
        return kinds[u < 0.75 ? 0 : u < 0.75 + 0.2 * share ? 1 : u < 0.95 ? 2 : 3] ?? "both";
      });
      const { decision, labels_needed, headline } = decide({
        ...pair(outcomes, run),
        policy: { ...policy, bootstrap_draws: 200 },
      });
      if (decision !== "inconclusive") continue;
      expect(labels_needed.sentence, headline).not.toBe("");
      expect(labels_needed.total ?? 1, headline).toBeGreaterThan(0);
    }
  });

  test("a small gain is inconclusive with a number of labels, and a candidate from P(better) 0.8 on", () => {
    const verdict = decide(
      pair([...times(80, "both" as const), ...times(12, "challenger" as const), ...times(8, "champion" as const)]),
    );
    expect(verdict.decision).toBe("inconclusive");
    expect(verdict.candidate).toBe(true);
    expect(verdict.labels_needed.total).toBeGreaterThan(50);
    expect(verdict.headline).toContain("more human labels");
  });

  test("the same input gives the same bytes, another seed other bootstrap draws only", () => {
    const models = pair([
      ...times(60, "both" as const),
      ...times(20, "challenger" as const),
      ...times(10, "champion" as const),
      ...times(10, "neither" as const),
    ]);
    expect(canonicalJson(decide(models))).toBe(canonicalJson(decide(models)));
    const other = decide({ ...models, seed: 8 });
    expect(other.harm).not.toEqual(decide(models).harm);
    expect(other.test).toEqual(decide(models).test);
  });

  test("equal models never promote: all ties are inconclusive", () => {
    const verdict = decide(pair(times(200, "both" as const)));
    expect(verdict.decision).toBe("inconclusive");
    expect(verdict.test).toMatchObject({ mid_p: 0.5, p_better: 0.5 });
    expect(verdict.reasons[0]?.sentence).toContain("exactly the same rows");
  });

  test("zero rows are inconclusive, not an error", () => {
    const verdict = decide({ labels: new Uint8Array(0), champion: new Float64Array(0), challenger: new Float64Array(0) });
    expect(verdict.decision).toBe("inconclusive");
    expect(verdict.reasons[0]?.code).toBe("no_gate_rows");
    expect(verdictSchema.parse(verdict)).toEqual(verdict);
  });

  test("rows of one class decide nothing, even for a challenger that wins everywhere", () => {
    const models = pair([...times(50, "challenger" as const)]);
    const labels = new Uint8Array(50);
    const right = new Float64Array(150).map((_, at) => (at % 3 === 0 ? 0.8 : 0.1));
    const wrong = new Float64Array(150).map((_, at) => (at % 3 === 1 ? 0.8 : 0.1));
    const verdict = decide({ ...models, labels, challenger: right, champion: wrong });
    expect(verdict.decision).toBe("inconclusive");
    expect(verdict.reasons[0]?.code).toBe("one_class");
  });

  test("fewer rows than the policy asks are inconclusive", () => {
    const verdict = decide(pair(times(20, "challenger" as const)));
    expect(verdict.decision).toBe("inconclusive");
    expect(verdict.reasons[0]?.code).toBe("too_few_rows");
  });

  test("rows of very unequal weight are as few as they are worth, not as many as they are", () => {
    const weights = Float64Array.from({ length: 40 }, (_, row) => (row % 4 === 0 ? 10 : 0.5));
    const verdict = decide({ ...pair(times(40, "challenger" as const)), weights });
    expect(verdict.rows.effective).toBeLessThan(30);
    expect(verdict.decision).toBe("inconclusive");
    expect(verdict.reasons[0]?.sentence).toBe(
      "Only 40 gate rows, worth 13.1 independent ones; the policy asks for 30 before any comparison counts.",
    );
  });

  test("the first champion is measured against the class shares and the floors", () => {
    const good = pair([...times(85, "both" as const), ...times(15, "neither" as const)]);
    expect(decide({ ...good, champion: null }).decision).toBe("promote");
    const weak = pair([...times(50, "both" as const), ...times(50, "neither" as const)]);
    const verdict = decide({ ...weak, champion: null });
    expect(verdict.decision).toBe("reject");
    expect(verdict.compared_with).toBe("prevalence");
    expect(verdict.reasons[0]?.code).toMatch(/^floor_/);
  });

  test("a champion below the floor does not block a better challenger below it, under `evidence`; under `original` it does", () => {
    const models = pair([
      ...times(35, "both" as const),
      ...times(25, "challenger" as const),
      ...times(5, "champion" as const),
      ...times(35, "neither" as const),
    ]);
    expect(decide(models).decision).toBe("promote");
    expect(decide({ ...models, policy: POLICY_PRESETS.original }).decision).toBe("reject");
  });

  test("a class whose recall is surely below its floor rejects, one with few rows is not held to it", () => {
    const outcomes = Array.from({ length: 120 }, (_, i) => (i % 3 === 1 ? ("neither" as const) : ("challenger" as const)));
    const perClass: Policy = {
      ...policy,
      floors: { ...policy.floors, precision: 0, recall: 0, f1: 0, class_recall: 0.3, if_champion_below: "hold" },
    };
    const verdict = decide({ ...pair(outcomes), policy: perClass });
    expect(verdict.decision).toBe("reject");
    expect(verdict.reasons[0]).toMatchObject({ code: "floor_class_recall", value: 0, threshold: 0.3, passed: false });
    expect(verdict.reasons[0]?.sentence).toContain("Recall of class reject");
    const spared: Policy = { ...perClass, floors: { ...perClass.floors, class_min_rows: 50 } };
    expect(decide({ ...pair(outcomes), policy: spared }).decision).toBe("promote");
  });

  test("a slice that pays for the gain of the others rejects", () => {
    const outcomes = [
      ...times(120, "both" as const),
      ...times(40, "challenger" as const),
      ...times(14, "champion" as const),
      ...times(26, "both" as const),
    ];
    const domain = outcomes.map((_, i) => (i >= 160 ? "security" : "business"));
    expect(decide(pair(outcomes)).decision).toBe("promote");
    const verdict = decide({ ...pair(outcomes), slices: { domain } });
    expect(verdict.decision).toBe("reject");
    expect(verdict.reasons[0]?.code).toBe("slice_harm");
    expect(verdict.slices.find((slice) => slice.value === "security")).toMatchObject({ losses: 14, wins: 0, passed: false });
  });

  test("ten copies of each pair in one group are worth about one", () => {
    const outcomes = [...times(70, "both" as const), ...times(20, "challenger" as const), ...times(10, "champion" as const)];
    const groups = outcomes.map((_, i) => Math.floor(i / 10));
    const single = decide(pair(outcomes));
    const grouped = decide({ ...pair(outcomes), groups });
    expect(grouped.pairs.effective_wins).toBeCloseTo(2, 5);
    expect(grouped.test.p_better).toBeLessThan(single.test.p_better);
    expect(grouped.decision).toBe("inconclusive");
    expect(grouped.reasons[0]?.sentence).toContain("(after weights and groups worth 2 against 1): P(better)");
  });

  test("strict and always-ask wait for an approval where evidence promotes", () => {
    const models = pair([...times(70, "both" as const), ...times(25, "challenger" as const), ...times(5, "champion" as const)]);
    for (const name of ["strict", "always-ask"] as const) {
      expect(decide({ ...models, policy: POLICY_PRESETS[name] })).toMatchObject({ decision: "promote", requires_approval: true });
    }
  });

  test("a slower model is rejected beyond the policy's ratio", () => {
    const models = pair([...times(70, "both" as const), ...times(25, "challenger" as const), ...times(5, "champion" as const)]);
    const cost = { latency_ms: { champion: 4, challenger: 40 }, size_bytes: { champion: 1e6, challenger: 2e6 } };
    expect(decide({ ...models, cost }).reasons[0]).toMatchObject({ code: "latency", passed: false, effect: "reject" });
    const quick = { ...cost, latency_ms: { champion: 0.0009, challenger: 0.042 } };
    const latency = decide({ ...models, cost: quick }).reasons.find(({ code }) => code === "latency");
    expect(latency?.sentence).toContain("goes from 0.9 µs to 42 µs; allowed are 3 times the champion's, or 5 ms");
  });

  test("the error budget raises the level; worn gate rows hold the verdict back", () => {
    const models = pair([...times(72, "both" as const), ...times(20, "challenger" as const), ...times(8, "champion" as const)]);
    expect(decide(models).decision).toBe("promote");
    expect(decide({ ...models, budget: { method: "lord", level: 0.001 } }).decision).toBe("inconclusive");
    expect(decide({ ...models, gateUses: 8 }).reasons[0]?.code).toBe("gate_worn");
  });

  test("rows that served earlier verdicts ask for more evidence, and the sentence says so", () => {
    const models = pair([...times(72, "both" as const), ...times(19, "challenger" as const), ...times(9, "champion" as const)]);
    expect(decide(models).decision).toBe("promote");
    const again = decide({ ...models, gateUses: 3 });
    expect(again.decision).toBe("inconclusive");
    expect(again.test.promote_at).toBeCloseTo(0.9875, 12);
    expect(again.reasons[0]?.sentence).toContain("these rows already served 3 verdicts");
  });

  test("columns in another class order are put in order by name; other names are an error", () => {
    const models = pair([...times(70, "both" as const), ...times(25, "challenger" as const), ...times(5, "champion" as const)]);
    const swapped = models.challenger.map((_, at) => models.challenger[at - (at % 3) + (((at % 3) + 1) % 3)] ?? 0);
    const verdict = decide({ ...models, challenger: swapped, challengerClasses: ["reject", "review_required", "approve"] });
    expect(verdict.pairs).toEqual(decide(models).pairs);
    expect(() => decide({ ...models, challengerClasses: ["approve", "reject", "other"] })).toThrow(
      /bad_data: classes of the challenger/,
    );
  });

  test("bad input is an error that names the row", () => {
    const models = pair(times(40, "both" as const));
    const broken = models.challenger.slice();
    broken[7] = Number.NaN;
    expect(() => decide({ ...models, challenger: broken })).toThrow(
      /bad_data: probability of the challenger in row 2, class 1 .* got NaN/,
    );
    expect(() => decide({ ...models, challenger: models.challenger.map((p) => p / 2) })).toThrow(/a sum of 1/);
    expect(() => decide({ ...models, labels: models.labels.map(() => 9) })).toThrow(/label of gate row 0/);
    expect(() => decide({ ...models, ids: times(40, "a") })).toThrow(/id of gate row 1 .* got a, as row 0/);
    expect(() => decide({ ...models, weights: new Float64Array(40) })).toThrow(/weight of gate row 0/);
  });
});
