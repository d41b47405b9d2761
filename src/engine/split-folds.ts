import { SeededRandom } from "./seeded-random.ts";

/**
 * Deals rows into folds so that each fold has about the same share of each class; rows of one group stay together.
 * @param groups uint32 [n] or absent: equal numbers = the same group.
 * @param foldCount at least 2, at most the number of rows (or groups).
 * @returns uint8 [n]. Fold of each row, below foldCount.
 */
export function splitFolds(
  labels: Uint8Array,
  classCount: number,
  foldCount: number,
  seed: number,
  groups?: Uint32Array,
): Uint8Array {
  const random = new SeededRandom(seed);
  return groups === undefined
    ? dealRows(labels, classCount, foldCount, random)
    : dealGroups(labels, classCount, foldCount, random, groups);
}

/** Each class shuffled and dealt in turn; the next class goes on where the last one stopped, so that fold sizes differ by at most one. */
function dealRows(labels: Uint8Array, classCount: number, foldCount: number, random: SeededRandom): Uint8Array {
  const foldOf = new Uint8Array(labels.length);
  let next = 0;
  for (let k = 0; k < classCount; k++) {
    const rows: number[] = [];
    for (let row = 0; row < labels.length; row++) if (labels[row] === k) rows.push(row);
    for (const row of random.shuffle(rows)) {
      foldOf[row] = next;
      next = (next + 1) % foldCount;
    }
  }
  return foldOf;
}

/** Groups, the largest first, each to the fold where the class counts then deviate least from even. */
function dealGroups(
  labels: Uint8Array,
  classCount: number,
  foldCount: number,
  random: SeededRandom,
  groups: Uint32Array,
): Uint8Array {
  const indexOf = new Map<number, number>();
  for (const group of groups) if (!indexOf.has(group)) indexOf.set(group, indexOf.size);
  const counts = Array.from({ length: indexOf.size }, () => new Float64Array(classCount));
  const sizes = new Float64Array(indexOf.size);
  const totals = new Float64Array(classCount);
  const groupOf = new Uint32Array(labels.length);
  for (let row = 0; row < labels.length; row++) {
    const index = indexOf.get(groups[row]) ?? 0;
    groupOf[row] = index;
    counts[index][labels[row]] += 1;
    sizes[index] += 1;
    totals[labels[row]] += 1;
  }
  // shuffled first, then a stable sort by size: ties fall by the seed
  const order = random.shuffle(Array.from({ length: indexOf.size }, (_, index) => index)).sort((a, b) => sizes[b] - sizes[a]);
  const folds = Array.from({ length: foldCount }, () => new Float64Array(classCount));
  const foldOfGroup = new Uint8Array(indexOf.size);
  for (const index of order) {
    let best = 0;
    let bestCost = Number.POSITIVE_INFINITY;
    for (let fold = 0; fold < foldCount; fold++) {
      let cost = 0;
      for (let k = 0; k < classCount; k++) {
        if (totals[k] > 0) cost += (folds[fold][k] * counts[index][k] * 2 + counts[index][k] ** 2) / totals[k];
      }
      if (cost < bestCost - 1e-12) {
        best = fold;
        bestCost = cost;
      }
    }
    foldOfGroup[index] = best;
    for (let k = 0; k < classCount; k++) folds[best][k] += counts[index][k];
  }
  return Uint8Array.from(groupOf, (index) => foldOfGroup[index]);
}

/** The rows of one fold and the rows of all others, ascending. */
export function rowsOfFold(foldOf: Uint8Array, fold: number): { inside: Uint32Array; outside: Uint32Array } {
  let count = 0;
  for (const other of foldOf) if (other === fold) count++;
  const inside = new Uint32Array(count);
  const outside = new Uint32Array(foldOf.length - count);
  let i = 0;
  let o = 0;
  for (let row = 0; row < foldOf.length; row++) {
    if (foldOf[row] === fold) inside[i++] = row;
    else outside[o++] = row;
  }
  return { inside, outside };
}

/** One turn of a cross-validation. */
export interface Turn {
  readonly train: Uint32Array;
  readonly test: Uint32Array;
}

/**
 * Turns that never look ahead: rows are sorted by time and cut into foldCount + 1 blocks; turn i trains on blocks 0 to i and tests on
 * block i + 1. Rows of equal time stay in one block.
 * @param times float64 [n], for example milliseconds since the epoch.
 */
export function splitTemporal(times: Float64Array, foldCount: number): Turn[] {
  const order = Uint32Array.from(times, (_, row) => row).sort((a, b) => times[a] - times[b] || a - b);
  const cuts: number[] = [0];
  for (let block = 1; block <= foldCount; block++) {
    let at = Math.round((block * order.length) / (foldCount + 1));
    while (at < order.length && at > 0 && times[order[at]] === times[order[at - 1]]) at++;
    cuts.push(at);
  }
  cuts.push(order.length);
  const turns: Turn[] = [];
  for (let turn = 1; turn <= foldCount; turn++) {
    if (cuts[turn] > 0 && cuts[turn + 1] > cuts[turn]) {
      turns.push({ train: order.slice(0, cuts[turn]).sort(), test: order.slice(cuts[turn], cuts[turn + 1]).sort() });
    }
  }
  return turns;
}

/** Each fold of `splitFolds` tested once, trained on the others. */
export function turnsOfFolds(foldOf: Uint8Array, foldCount: number): Turn[] {
  return Array.from({ length: foldCount }, (_, fold) => {
    const { inside, outside } = rowsOfFold(foldOf, fold);
    return { train: outside, test: inside };
  });
}
