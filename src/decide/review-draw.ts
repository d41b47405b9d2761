/** An opinion that may be picked for review. */
export interface RingItem {
  /** Place on the ring, an integer; ascending in a list. */
  readonly key: number;
}

/** The part of the ring around a random place that a draw looks at. */
export interface RingPart<T extends RingItem> {
  /**
   * Either the whole ring, in order, or 3 x REVIEW_WINDOW - 1 items: REVIEW_WINDOW before the place, then those from it on. Keys of items
   * beyond the ring's end are larger than it, of those before its start negative, so that they ascend.
   */
  readonly items: readonly T[];
  readonly isWhole: boolean;
  /** Size of the ring. */
  readonly ring: number;
  /** The random place, an integer in [0, ring), from which the window goes up. */
  readonly place: number;
}

export interface Drawn<T> {
  readonly item: T;
  /** Chance with which this draw gives just this item, over all places and picks: (0, 1]. */
  readonly propensity: number;
  /** The same chance if all picks were left to plain chance. */
  readonly basePropensity: number;
}

/** So many items from a random place on are looked at; one of them is picked. */
export const REVIEW_WINDOW = 32;

/**
 * Picks one item. A place on the ring is drawn evenly; the window is the `REVIEW_WINDOW` items from there on (all, if there are fewer). With
 * chance `randomShare` one of them is picked evenly, else by weight. So with k = window size, g(t) = share of places from which the window
 * begins at item t (the gap before t), W(t) = sum of the weights of the window that begins at t:
 *
 *   propensity(i) = sum over the k windows t that hold i of g(t) x (randomShare / k + (1 - randomShare) x weight(i) / W(t))
 *
 * which is computed exactly, since the k items before and after i are known. `basePropensity` is the sum of g(t) / k. A label's weight in
 * the gate is basePropensity / propensity, at most 1 / randomShare: an average with these weights estimates that over all waiting opinions,
 * whatever the weights of the draw (Horvitz-Thompson), since the places on the ring have nothing to do with what the opinions say.
 *
 * @param random two numbers in [0, 1): which part of the mixture, and which item
 * @param weightOf positive
 */
export function drawForReview<T extends RingItem>(
  part: RingPart<T>,
  weightOf: (item: T) => number,
  randomShare: number,
  random: readonly [number, number],
): Drawn<T> | null {
  const line = unrolled(part);
  if (line === null) return null;
  const { items, start, size } = line;
  const weights = items.map(weightOf);
  const sumFrom = (from: number): number => {
    let sum = 0;
    for (let index = from; index < from + size; index += 1) sum += weights[index] ?? 0;
    return sum;
  };
  const chosen =
    start +
    (random[0] < randomShare ? Math.floor(random[1] * size) : pickByWeight(weights, start, size, random[1] * sumFrom(start)));
  const item = items[chosen];
  if (item === undefined) throw new Error("the window of a draw is shorter than its size");
  let propensity = 0;
  let basePropensity = 0;
  for (let from = chosen - size + 1; from <= chosen; from += 1) {
    const gap = line.even ? 1 / size : ((items[from]?.key ?? 0) - (items[from - 1]?.key ?? 0)) / part.ring;
    basePropensity += gap / size;
    propensity += gap * (randomShare / size + ((1 - randomShare) * (weights[chosen] ?? 0)) / sumFrom(from));
  }
  return { item, propensity: Math.min(1, propensity), basePropensity: Math.min(1, basePropensity) };
}

interface Line<T> {
  readonly items: readonly T[];
  /** Where the window begins; `size` items stand before and after it as far as they are needed. */
  readonly start: number;
  readonly size: number;
  /** The window is the whole ring, wherever it begins. */
  readonly even: boolean;
}

/** The part as a straight line: a whole ring is laid out three times. */
function unrolled<T extends RingItem>({ items, isWhole, ring, place }: RingPart<T>): Line<T> | null {
  if (items.length === 0) return null;
  if (!isWhole) return { items, start: REVIEW_WINDOW, size: REVIEW_WINDOW, even: false };
  const size = Math.min(REVIEW_WINDOW, items.length);
  const laps = [-1, 0, 1, 2].flatMap((lap) => items.map((item) => ({ ...item, key: item.key + lap * ring })));
  const above = items.findIndex(({ key }) => key >= place);
  return { items: laps, start: items.length + (above < 0 ? items.length : above), size, even: size === items.length };
}

function pickByWeight(weights: readonly number[], start: number, size: number, at: number): number {
  let left = at;
  for (let index = 0; index < size; index += 1) {
    left -= weights[start + index] ?? 0;
    if (left < 0) return index;
  }
  return size - 1;
}
