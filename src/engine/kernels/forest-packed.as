// Forests of three or four classes whose rows count as integers, without categories. A row of a node is 16 bytes: u32 row, and at 8 its
// weight, a bin. A bin is four u16, the weight of each class, in an i64: all weights together stay below 2^15.

let packedCodes: usize = 0, packedMasters: usize = 0, packedBins: usize = 0;
/** The node's bin, and the weight of its rows. */
let packedTotal: i64 = 0, packedWeight: i32 = 0;

/** codes: u8 [columns x rows]; rows: i64 a row, its weight as a bin; histograms: 4 x 2,048 bytes, zeroed. */
export function setPacked(codes: usize, rows: usize, histograms: usize): void {
  packedCodes = codes; packedMasters = rows; packedBins = histograms;
}

// @ts-ignore: decorator
@inline
function weightOfBin(bin: i64): i32 {
  const pairs = (bin & 0x0000ffff0000ffff) + ((bin >>> 16) & 0x0000ffff0000ffff);
  return <i32>pairs + <i32>(pairs >>> 32);
}

/** Whether one class has all the weight. */
// @ts-ignore: decorator
@inline
function isOneClass(bin: i64): bool {
  return <u64>(bin >>> (ctz(bin) & 48)) <= 0xffff;
}

/** As fillNarrow; a missing value, code 255, counts as the last bit. */
function fillPacked(start: usize, end: usize, column: i32): u64 {
  const codes = packedCodes + <usize>column * <usize>rowCount;
  let seen: u64 = 0;
  for (let item = start; item < end; item += 16) {
    const code = <usize>load<u8>(codes + <usize>load<u32>(item));
    addTo(packedBins + (code << 3), load<i64>(item, 8));
    seen |= (<u64>1) << code;
  }
  return seen;
}

/** Four columns at once, into seenA to seenD. */
function fillPacked4(start: usize, end: usize, a: i32, b: i32, c: i32, d: i32): void {
  const all = <usize>rowCount;
  const codesA = packedCodes + <usize>a * all, codesB = packedCodes + <usize>b * all, codesC = packedCodes + <usize>c * all, codesD = packedCodes + <usize>d * all;
  const bins = packedBins;
  let sa: u64 = 0, sb: u64 = 0, sc: u64 = 0, sd: u64 = 0;
  for (let item = start; item < end; item += 16) {
    const row = <usize>load<u32>(item);
    const value = load<i64>(item, 8);
    const p = <usize>load<u8>(codesA + row), q = <usize>load<u8>(codesB + row), r = <usize>load<u8>(codesC + row), s = <usize>load<u8>(codesD + row);
    const at = bins + (p << 3), at2 = bins + (q << 3), at3 = bins + (r << 3), at4 = bins + (s << 3);
    store<i64>(at, load<i64>(at) + value);
    store<i64>(at2, load<i64>(at2, 2048) + value, 2048);
    store<i64>(at3, load<i64>(at3, 4096) + value, 4096);
    store<i64>(at4, load<i64>(at4, 6144) + value, 6144);
    sa |= (<u64>1) << p; sb |= (<u64>1) << q; sc |= (<u64>1) << r; sd |= (<u64>1) << s;
  }
  seenA = sa; seenB = sb; seenC = sc; seenD = sd;
}

/** Takes the split that leaves `left` on the left side if it is better: squared weights of each side / its weight. */
// @ts-ignore: decorator
@inline
function considerPacked(column: i32, lower: i32, upper: i32, missingLeft: i32, left: i64): void {
  const both = i64x2.replace_lane(i64x2.splat(left), 1, packedTotal - left);
  const squares = i32x4.dot_i16x8_s(both, both);
  const l = i32x4.extract_lane(squares, 0) + i32x4.extract_lane(squares, 1), r = i32x4.extract_lane(squares, 2) + i32x4.extract_lane(squares, 3);
  const leftWeight = weightOfBin(left), rightWeight = packedWeight - leftWeight;
  const sum = <f64>(<i64>l * rightWeight + <i64>r * leftWeight), weights = <f64>(leftWeight * rightWeight);
  // the product says no to most, without the division
  if (sum > splitScore * weights * 0.9999999) {
    const score = sum / weights;
    if (score > splitScore) {
      splitColumn = column; splitLower = lower; splitUpper = upper; splitMissingLeft = missingLeft; splitScore = score; splitLeft = left;
    }
  }
}

/** Splits between the present bins of one column, from the left side's bin on. */
function scanPacked(column: i32, bins: usize, present: u64, missingLeft: i32, first: i64): i64 {
  let seen = present;
  let lower = <i32>ctz(seen);
  let left = first + load<i64>(bins + (<usize>lower << 3));
  seen &= seen - 1;
  while (seen != 0) {
    const bin = <i32>ctz(seen);
    seen &= seen - 1;
    considerPacked(column, lower, bin, missingLeft, left);
    left += load<i64>(bins + (<usize>bin << 3));
    lower = bin;
  }
  return left;
}

/** Scores a column of at most 64 bins, one less where values are missing, and clears its bins; 0 when it is constant in this node. */
function tryPacked(column: i32, bins: usize, present: u64): i32 {
  let seen = present;
  let missing: i64 = 0;
  if (load<u8>(columnKinds + column) != 0 && seen >> 63 != 0) {
    missing = load<i64>(bins, 2040);
    store<i64>(bins, 0, 2040);
    seen &= 0x7fffffffffffffff;
  }
  const tried = i32(missing != 0 ? seen != 0 : (seen & (seen - 1)) != 0);
  if (tried) {
    const before = splitScore;
    const left = scanPacked(column, bins, seen, 0, 0);
    if (missing != 0) {
      considerPacked(column, 63 - <i32>clz(seen), MISSING_BIN, 0, left);
      scanPacked(column, bins, seen, 1, missing);
    }
    if (splitScore > before) splitSawMissing = i32(missing != 0);
  }
  while (seen != 0) {
    store<i64>(bins + (<usize>ctz(seen) << 3), 0);
    seen &= seen - 1;
  }
  return tried;
}

/** As tryPacked, for any number of bins. */
function tryWidePacked(start: usize, end: usize, column: i32): i32 {
  const codes = packedCodes + <usize>column * <usize>rowCount;
  const bins = packedBins;
  present0 = 0; present1 = 0; present2 = 0; present3 = 0;
  for (let item = start; item < end; item += 16) {
    const code = <usize>load<u8>(codes + <usize>load<u32>(item));
    addTo(bins + (code << 3), load<i64>(item, 8));
    const bit = (<u64>1) << (code & 63);
    if (code < 64) present0 |= bit;
    else if (code < 128) present1 |= bit;
    else if (code < 192) present2 |= bit;
    else present3 |= bit;
  }
  const missing = load<i64>(bins, 2040);
  if (missing != 0) present3 &= 0x7fffffffffffffff;
  const seen = <i32>(popcnt(present0) + popcnt(present1) + popcnt(present2) + popcnt(present3)) + i32(missing != 0);
  const before = splitScore;
  if (seen >= 2) {
    for (let missingLeft = 0; missingLeft <= i32(missing != 0); missingLeft++) {
      let left: i64 = missingLeft ? missing : 0;
      let lower = -1;
      for (let word = 0; word < 4; word++) {
        let bits = presentWord(word);
        while (bits != 0) {
          const bin = (word << 6) + <i32>ctz(bits);
          bits &= bits - 1;
          if (lower >= 0) considerPacked(column, lower, bin, missingLeft, left);
          left += load<i64>(bins + (<usize>bin << 3));
          lower = bin;
        }
      }
      if (missing != 0 && !missingLeft) considerPacked(column, lower, MISSING_BIN, 0, left);
    }
    if (splitScore > before) splitSawMissing = i32(missing != 0);
  }
  for (let word = 0; word < 4; word++) {
    let bits = presentWord(word);
    while (bits != 0) {
      store<i64>(bins + (<usize>((word << 6) + <i32>ctz(bits)) << 3), 0);
      bits &= bits - 1;
    }
  }
  if (missing != 0) store<i64>(bins, 0, 2040);
  return i32(seen >= 2);
}

// @ts-ignore: decorator
@inline
function isOneWord(column: i32): bool {
  return <i32>load<u16>(binsOf + (<usize>column << 1)) + <i32>load<u8>(columnKinds + column) <= 64;
}

function tryPackedColumn(column: i32, start: usize, end: usize): i32 {
  return isOneWord(column) ? tryPacked(column, packedBins, fillPacked(start, end, column)) : tryWidePacked(start, end, column);
}

/** From this many rows on, four columns are filled at once. */
const PACKED_TOGETHER: usize = 8 * 16;

function findPackedSplit(start: usize, end: usize, key: u32): bool {
  splitColumn = -1;
  const squares = i32x4.dot_i16x8_s(i64x2.splat(packedTotal), i64x2.splat(packedTotal));
  splitScore = (<f64>(i32x4.extract_lane(squares, 0) + i32x4.extract_lane(squares, 1)) / <f64>packedWeight) * (1 + 1e-12);
  // both sides pure: no split is better, and a later one of the same score is not taken
  const best = <f64>packedWeight;
  let tried = 0;
  let i = 0;
  while (i < columnCount && (tried < featuresPerNode || splitColumn < 0) && splitScore < best) {
    if (end - start >= PACKED_TOGETHER && featuresPerNode - tried >= 4 && columnCount - i >= 4) {
      const a = drawColumn(i, key), b = drawColumn(i + 1, key), c = drawColumn(i + 2, key), d = drawColumn(i + 3, key);
      i += 4;
      if (isOneWord(a) && isOneWord(b) && isOneWord(c) && isOneWord(d)) {
        fillPacked4(start, end, a, b, c, d);
        tried += tryPacked(a, packedBins, seenA);
        tried += tryPacked(b, packedBins + UNIT_BYTES, seenB);
        tried += tryPacked(c, packedBins + 2 * UNIT_BYTES, seenC);
        tried += tryPacked(d, packedBins + 3 * UNIT_BYTES, seenD);
      } else {
        tried += tryPackedColumn(a, start, end);
        tried += tryPackedColumn(b, start, end);
        tried += tryPackedColumn(c, start, end);
        tried += tryPackedColumn(d, start, end);
      }
    } else {
      tried += tryPackedColumn(drawColumn(i, key), start, end);
      i++;
    }
  }
  undoDraws(i);
  return splitColumn >= 0;
}

/** Items of the left side to `to` upwards, of the right side from `toEnd` downwards. Returns where the right side begins. */
function movePacked(start: usize, end: usize, to: usize, toEnd: usize): usize {
  const codes = packedCodes + <usize>splitColumn * <usize>rowCount;
  const turn = <u32>splitMissingLeft;
  const lower = <u32>splitLower + turn;
  let left = to, right = toEnd - 16;
  for (let item = start; item < end; item += 16) {
    const value = v128.load(item);
    const step = <usize>i32(((<u32>load<u8>(codes + <usize>load<u32>(item)) + turn) & 255) <= lower) << 4;
    v128.store(left, value);
    v128.store(right, value);
    left += step;
    right += step - 16;
  }
  return left;
}

/** What the node says as a leaf: every class's share. */
// @ts-ignore: decorator
@inline
function writePacked(to: usize, index: i32): void {
  const weight = <f64>packedWeight;
  const at = to + ((<usize>index * <usize>classCount) << 2);
  store<f32>(at, <f32>(<f64>(packedTotal & 0xffff) / weight));
  store<f32>(at, <f32>(<f64>((packedTotal >>> 16) & 0xffff) / weight), 4);
  store<f32>(at, <f32>(<f64>((packedTotal >>> 32) & 0xffff) / weight), 8);
  if (classCount == 4) store<f32>(at, <f32>(<f64>(packedTotal >>> 48) / weight), 12);
}

/** As growWeighted; goOnPacked goes on. */
export function growPacked(all: i32, treeKey: u32, noted: i32): i32 {
  let total: i64 = 0;
  let last = placeA;
  for (let row = 0; row < rowCount; row++) {
    const weight = load<i64>(packedMasters + (<usize>row << 3));
    const times = all ? 1 : <i64>load<u16>(drawnCounts + (<usize>row << 1));
    if (times == 0 || weight == 0) continue;
    store<u32>(last, row);
    store<i64>(last, weight * times, 8);
    total += weight * times;
    last += 16;
  }
  // rows of weight 0 may be all that was drawn: then the tree sees every row once
  if (last == placeA) return all ? 0 : growPacked(1, treeKey, noted);
  store<i32>(stack, 0);
  store<i32>(stack, 0, 4);
  store<u32>(stack, treeKey, 8);
  store<usize>(stack, placeA, 12);
  store<usize>(stack, last, 16);
  store<i64>(stack, total, 24);
  grownTop = stack + 32;
  setCount = 0;
  grownNodes = 1;
  grownLeaves = 0;
  splitDrawn = NaN;
  return goOnPacked(noted);
}

export function goOnPacked(noted: i32): i32 {
  let nodes = grownNodes, leaves = grownLeaves;
  let top = grownTop;
  let cells: i64 = 0;
  while (top > stack) {
    if (cells > GROW_CELLS) {
      grownTop = top;
      grownNodes = nodes;
      grownLeaves = leaves;
      return UNFINISHED;
    }
    top -= 32;
    const node = load<i32>(top), depth = load<i32>(top, 4), key = load<u32>(top, 8);
    const start = load<usize>(top, 12), end = load<usize>(top, 16);
    const total = load<i64>(top, 24);
    packedTotal = total;
    packedWeight = weightOfBin(total);
    const size = <i32>((end - start) >> 4);
    cells += <i64>size * featuresPerNode;
    store<f32>(outCover + (<usize>node << 2), <f32>packedWeight);
    store<i32>(outRows + (<usize>node << 2), size);
    if (noted) writePacked(outShares, node);
    if (depth >= maxDepth || size < minSplit || size < 2 || isOneClass(total) || !findPackedSplit(start, end, key)) {
      writeLeaf(node, leaves);
      writePacked(outValues, leaves);
      leaves++;
      continue;
    }
    const from = depth & 1 ? placeB : placeA, into = depth & 1 ? placeA : placeB;
    const to = into + (start - from), toEnd = into + (end - from);
    const middle = movePacked(start, end, to, toEnd);
    writeSplit(node, nodes, splitSawMissing ? splitMissingLeft : i32(middle - to >= toEnd - middle));
    store<i32>(top, nodes + 1);
    store<i32>(top, depth + 1, 4);
    store<u32>(top, mix32(key + 0x9e3779b9), 8);
    store<usize>(top, middle, 12);
    store<usize>(top, toEnd, 16);
    store<i64>(top, total - splitLeft, 24);
    store<i32>(top, nodes, 32);
    store<i32>(top, depth + 1, 36);
    store<u32>(top, mix32(key ^ 0x5bd1e995), 40);
    store<usize>(top, to, 44);
    store<usize>(top, middle, 48);
    store<i64>(top, splitLeft, 56);
    top += 64;
    nodes += 2;
  }
  return nodes;
}
