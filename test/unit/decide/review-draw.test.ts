import { describe, expect, test } from "vitest";
import { RING } from "../../../src/core/review.ts";
import { type Drawn, drawForReview, REVIEW_WINDOW, type RingPart } from "../../../src/decide/index.ts";
import { SeededRandom } from "../../../src/engine/index.ts";

interface Item {
  readonly key: number;
  readonly id: number;
  readonly weight: number;
}

const ringOf = (count: number, random: SeededRandom): Item[] =>
  Array.from({ length: count }, () => Math.floor(random.next() * RING))
    .sort((a, b) => a - b)
    .map((key, id) => ({ key, id, weight: 0.1 + 2 * random.next() ** 3 }));

/** What the loop reads of the ring for a place; see loop/review/next.ts. */
function partAt(ring: readonly Item[], place: number): RingPart<Item> {
  if (ring.length < 3 * REVIEW_WINDOW) return { items: ring, isWhole: true, ring: RING, place };
  const found = ring.findIndex(({ key }) => key >= place);
  const start = (found < 0 ? 0 : found) - REVIEW_WINDOW + (found < 0 ? ring.length : 0);
  const items = Array.from({ length: 3 * REVIEW_WINDOW - 1 }, (_, index) => {
    const at = start + index;
    const item = ring[((at % ring.length) + ring.length) % ring.length] as Item;
    return { ...item, key: item.key + Math.floor(at / ring.length) * RING };
  });
  return { items, isWhole: false, ring: RING, place };
}

function draws(ring: readonly Item[], count: number, share: number, seed: number): Drawn<Item>[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => {
    const part = partAt(ring, Math.floor(random.next() * RING));
    const drawn = drawForReview(part, ({ weight }) => weight, share, [random.next(), random.next()]);
    if (drawn === null) throw new Error("nothing was drawn");
    return drawn;
  });
}

describe("the chance that a draw states is the chance that it has", () => {
  test.each([
    [5, 0.5],
    [33, 0.3],
    [95, 0.1],
    [96, 0.5],
    [400, 1],
  ])("%i opinions, random share %f: counts of 60,000 draws fit the stated chances", (count, share) => {
    const ring = ringOf(count, new SeededRandom(count));
    const all = draws(ring, 60_000, share, 7);
    const stated = new Map(all.map(({ item, propensity }) => [item.id, propensity]));
    // every draw of an item states the same chance, wherever its window began
    for (const { item, propensity } of all) expect(propensity).toBeCloseTo(stated.get(item.id) ?? -1, 12);
    expect(stated.size).toBe(count);
    expect([...stated.values()].reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 9);
    const seen = Map.groupBy(all, ({ item }) => item.id);
    let chiSquare = 0;
    for (const [id, chance] of stated) {
      const expected = chance * all.length;
      chiSquare += ((seen.get(id)?.length ?? 0) - expected) ** 2 / expected;
    }
    // within 4 standard deviations of a chi-square with count - 1 degrees of freedom
    expect(chiSquare).toBeLessThan(count - 1 + 4 * Math.sqrt(2 * (count - 1)));
  });

  test("base chances sum to 1, and no label may count more than 1 / random share", () => {
    for (const count of [3, 50, 200]) {
      const all = draws(ringOf(count, new SeededRandom(count + 1)), 20_000, 0.25, 3);
      const base = new Map(all.map(({ item, basePropensity }) => [item.id, basePropensity]));
      expect([...base.values()].reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 9);
      for (const { propensity, basePropensity } of all) expect(basePropensity / propensity).toBeLessThanOrEqual(4 + 1e-9);
    }
  });

  test("accuracy estimated from active picks is that of all opinions, where plain counting is far off", () => {
    const random = new SeededRandom(11);
    // uncertain opinions (large weight) are wrong more often, as in practice
    const ring = ringOf(3_000, random).map((item) => ({
      ...item,
      right: random.next() < 0.95 - 0.4 * (item.weight / 2.1) ? 1 : 0,
    }));
    const truth = ring.reduce((sum, { right }) => sum + right, 0) / ring.length;
    const rightOf = new Map(ring.map(({ id, right }) => [id, right]));
    const all = draws(ring, 40_000, 0.3, 5).map(({ item, propensity, basePropensity }) => ({
      right: rightOf.get(item.id) ?? 0,
      weight: basePropensity / propensity,
    }));
    const total = all.reduce((sum, { weight }) => sum + weight, 0);
    const weighted = all.reduce((sum, { right, weight }) => sum + right * weight, 0) / total;
    const plain = all.reduce((sum, { right }) => sum + right, 0) / all.length;
    expect(Math.abs(weighted - truth)).toBeLessThan(0.015);
    expect(truth - plain).toBeGreaterThan(0.05);
  });

  test("nothing waits: nothing is drawn", () => {
    const part = { items: [] as Item[], isWhole: true, ring: RING, place: 0 };
    expect(drawForReview(part, () => 1, 0.5, [0, 0])).toBeNull();
  });
});
