// Forests of two classes whose rows count as integers. A row is a record: its codes, and in the last four bytes u16 weight of class 1, u16
// weight. The records of a node stand together and are read in order; a split moves them. A bin is an i64: weight << 32 | weight of class 1.

let recordBytes: usize = 0, masters: usize = 0, unitBins: usize = 0;
let nodeWeight: i64 = 0, nodePositives: i64 = 0;
/** Weight and class 1's weight of the left side of the best split, as a bin. */
let splitLeft: i64 = 0;
/** A column's bins end here: 256 of 8 bytes; four columns side by side. */
const UNIT_BYTES: usize = 2048;
/** From this many rows on, all bins are read in order, without asking which are empty. */
const DENSE_ROWS: i32 = 96;

/** records: u8 [rows x bytes], the weights as above; histograms: 4 x 2,048 bytes, zeroed. */
export function setUnits(records: usize, bytes: i32, histograms: usize): void {
  masters = records; recordBytes = <usize>bytes; unitBins = histograms;
}

// @ts-ignore: decorator
@inline
function copyRecord(from: usize, to: usize): void {
  for (let at: usize = 0; at < recordBytes; at += 16) v128.store(to + at, v128.load(from + at));
}

// @ts-ignore: decorator
@inline
function asBin(record: usize, end: usize): i64 {
  const weights = load<u32>(record + end);
  return ((<i64>(weights >> 16)) << 32) | <i64>(weights & 0xffff);
}

// @ts-ignore: decorator
@inline
function addTo(bin: usize, value: i64): void {
  store<i64>(bin, load<i64>(bin) + value);
}

/** One column's bins of the records [start, end), and the present words. */
function fillSparse(start: usize, end: usize, column: usize): void {
  const tail = recordBytes - 4;
  present0 = 0; present1 = 0; present2 = 0; present3 = 0;
  for (let record = start; record < end; record += recordBytes) {
    const code = <usize>load<u8>(record + column);
    addTo(unitBins + (code << 3), asBin(record, tail));
    const bit = (<u64>1) << (code & 63);
    if (code < 64) present0 |= bit;
    else if (code < 128) present1 |= bit;
    else if (code < 192) present2 |= bit;
    else present3 |= bit;
  }
}

/** As fillSparse, for a column of at most 64 bins and no missing value. */
function fillNarrow(start: usize, end: usize, column: usize): u64 {
  const tail = recordBytes - 4;
  let seen: u64 = 0;
  for (let record = start; record < end; record += recordBytes) {
    const code = <usize>load<u8>(record + column);
    addTo(unitBins + (code << 3), asBin(record, tail));
    seen |= (<u64>1) << code;
  }
  return seen;
}

let seenA: u64 = 0, seenB: u64 = 0, seenC: u64 = 0, seenD: u64 = 0;

/** Four columns at once: a record's weights are read once. Measured: half the time of one by one. */
function fillNarrow4(start: usize, end: usize, a: usize, b: usize, c: usize, d: usize): void {
  const tail = recordBytes - 4;
  const bins = unitBins;
  let sa: u64 = 0, sb: u64 = 0, sc: u64 = 0, sd: u64 = 0;
  for (let record = start; record < end; record += recordBytes) {
    const value = asBin(record, tail);
    const p = <usize>load<u8>(record + a), q = <usize>load<u8>(record + b), r = <usize>load<u8>(record + c), s = <usize>load<u8>(record + d);
    const pa = bins + (p << 3), qa = bins + (q << 3), ra = bins + (r << 3), sa4 = bins + (s << 3);
    store<i64>(pa, load<i64>(pa) + value);
    store<i64>(qa, load<i64>(qa, 2048) + value, 2048);
    store<i64>(ra, load<i64>(ra, 4096) + value, 4096);
    store<i64>(sa4, load<i64>(sa4, 6144) + value, 6144);
    sa |= (<u64>1) << p; sb |= (<u64>1) << q; sc |= (<u64>1) << r; sd |= (<u64>1) << s;
  }
  seenA = sa; seenB = sb; seenC = sc; seenD = sd;
}

function fillDense4(start: usize, end: usize, a: usize, b: usize, c: usize, d: usize): void {
  const tail = recordBytes - 4;
  const bins = unitBins;
  for (let record = start; record < end; record += recordBytes) {
    const value = asBin(record, tail);
    const pa = bins + (<usize>load<u8>(record + a) << 3), qa = bins + (<usize>load<u8>(record + b) << 3);
    const ra = bins + (<usize>load<u8>(record + c) << 3), sa = bins + (<usize>load<u8>(record + d) << 3);
    store<i64>(pa, load<i64>(pa) + value);
    store<i64>(qa, load<i64>(qa, 2048) + value, 2048);
    store<i64>(ra, load<i64>(ra, 4096) + value, 4096);
    store<i64>(sa, load<i64>(sa, 6144) + value, 6144);
  }
}

function fillDense(start: usize, end: usize, column: usize): void {
  const tail = recordBytes - 4;
  for (let record = start; record < end; record += recordBytes) addTo(unitBins + (<usize>load<u8>(record + column) << 3), asBin(record, tail));
}

/** Takes the split that leaves `left` on the left side if it is better. */
// @ts-ignore: decorator
@inline
function consider(column: i32, lower: i32, upper: i32, missingLeft: i32, left: i64, drawn: f64): void {
  const w = left >> 32, p = left & 0xffffffff;
  const d = <f64>(p * nodeWeight - nodePositives * w);
  const q = <f64>(w * (nodeWeight - w));
  // the product says no to most, without the division
  if (d * d > splitScore * q * 0.9999999) {
    const score = (d * d) / q;
    if (score > splitScore) {
      splitColumn = column; splitLower = lower; splitUpper = upper; splitMissingLeft = missingLeft; splitDrawn = drawn; splitScore = score; splitLeft = left;
    }
  }
}

/** Splits between present bins of one word's columns, and clears the bins. */
function scanNarrow(column: i32, bins: usize, seen: u64): void {
  let left: i64 = 0;
  let lower = <i32>ctz(seen);
  left = load<i64>(bins + (<usize>lower << 3));
  store<i64>(bins + (<usize>lower << 3), 0);
  seen &= seen - 1;
  while (seen != 0) {
    const bin = <i32>ctz(seen);
    seen &= seen - 1;
    consider(column, lower, bin, 0, left, NaN);
    const at = bins + (<usize>bin << 3);
    left += load<i64>(at);
    store<i64>(at, 0);
    lower = bin;
  }
}

function scanSparse(column: i32, missing: i64, missingLeft: i32, drawn: f64): void {
  const all = drawn != drawn;
  let left: i64 = missingLeft ? missing : 0;
  let lower = -1;
  for (let word = 0; word < 4; word++) {
    let seen = presentWord(word);
    while (seen != 0) {
      const bin = (word << 6) + <i32>ctz(seen);
      seen &= seen - 1;
      if (lower >= 0 && (all || isDrawn(drawn, column, lower, bin))) consider(column, lower, bin, missingLeft, left, drawn);
      left += load<i64>(unitBins + (<usize>bin << 3));
      lower = bin;
    }
  }
  if (missing != 0 && !missingLeft && lower >= 0) consider(column, lower, MISSING_BIN, 0, left, NaN);
}

/** Reads all bins from `first` on in order, two at a time. Bin 255 is not among them. */
function scanDense(column: i32, bins: usize, first: i32, count: i32, missing: i64, missingLeft: i32): void {
  let left: i64 = missingLeft ? missing : 0;
  const weight = f64x2.splat(<f64>nodeWeight), positives = f64x2.splat(<f64>nodePositives);
  let floor = f64x2.splat(splitScore * 0.9999999);
  const before = splitScore;
  let found = false;
  let at = bins + (<usize>first << 3);
  for (let bin = first; bin < count; bin += 2, at += 16) {
    left += load<i64>(at);
    const one = left;
    // an odd count reads one bin more, which is empty: the score of the bin before, which is not better
    left += load<i64>(at, 8);
    const both = i64x2.replace_lane(i64x2.splat(one), 1, left);
    const p = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(both, both, 0, 2, 0, 2));
    const w = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(both, both, 1, 3, 1, 3));
    const d = f64x2.sub(f64x2.mul(p, weight), f64x2.mul(positives, w));
    const q = f64x2.mul(w, f64x2.sub(weight, w));
    if (v128.any_true(f64x2.gt(f64x2.mul(d, d), f64x2.mul(floor, q)))) {
      consider(column, bin, -1, missingLeft, one, NaN);
      if (bin + 1 < count) consider(column, bin + 1, -1, missingLeft, left, NaN);
      floor = f64x2.splat(splitScore * 0.9999999);
    }
  }
  if (splitScore > before) {
    // the next bin that has rows
    let upper = splitLower + 1;
    while (load<i64>(bins + (<usize>upper << 3)) == 0) upper++;
    splitUpper = upper;
  }
}

/** Scores the listed bins in their order. @param only how many are the first of it; 0 = any number. */
function scoreUnitOrder(column: i32, bins: usize, count: i32, only: i32): void {
  let left: i64 = 0, best: i64 = 0;
  let taken = 0;
  for (let i = 0; i + 1 < count; i++) {
    left += load<i64>(bins + (<usize>load<u8>(listedBins + i) << 3));
    if (only > 0 && i + 1 != only) continue;
    const w = left >> 32, p = left & 0xffffffff;
    const d = <f64>(p * nodeWeight - nodePositives * w);
    const score = (d * d) / <f64>(w * (nodeWeight - w));
    if (score > splitScore) {
      splitScore = score;
      taken = i + 1;
      best = left;
    }
  }
  if (taken == 0) return;
  takeListed(column, count, taken);
  splitLeft = areFirstLeft(count, taken) ? best : ((nodeWeight << 32) | nodePositives) - best;
}

/** Scores a column of categories whose bins are filled and listed. @param key of the column in this node. */
function scoreUnitCategories(column: i32, bins: usize, count: i32, key: u32): void {
  if (randomThresholds) {
    scoreUnitOrder(column, bins, count, drawListed(count, key));
    return;
  }
  for (let i = 0; i < count; i++) {
    const at = <usize>load<u8>(listedBins + i) << 3;
    const bin = load<i64>(bins + at);
    store<f64>(binShares + at, <f64>(bin & 0xffffffff) / <f64>(bin >> 32));
  }
  sortListed(count);
  scoreUnitOrder(column, bins, count, 0);
}

/** As tryDense, of a column of categories. */
function tryDenseCategories(column: i32, bins: usize): bool {
  const total = <i32>load<u16>(binsOf + (<usize>column << 1));
  const missing = load<i64>(bins, 2040) != 0;
  let count = 0;
  for (let bin = 0; bin < total; bin++) if (load<i64>(bins + (<usize>bin << 3)) != 0) store<u8>(listedBins + count++, <u8>bin);
  if (missing) store<u8>(listedBins + count++, MISSING_BIN);
  if (count >= 2) {
    const before = splitScore;
    scoreUnitCategories(column, bins, count, 0);
    if (splitScore > before) splitSawMissing = i32(missing);
  }
  for (let i = 0; i < count; i++) store<i64>(bins + (<usize>load<u8>(listedBins + i) << 3), 0);
  return count >= 2;
}

/** Scores a column whose bins were filled by fillDense; false when it is constant in this node. */
function tryDense(column: i32, bins: usize): bool {
  if (holdsCategories(column)) return tryDenseCategories(column, bins);
  const count = <i32>load<u16>(binsOf + (<usize>column << 1));
  const missing = load<i64>(bins, 2040);
  let first = 0;
  while (first < count && load<i64>(bins + (<usize>first << 3)) == 0) first++;
  const constant = missing >> 32 == nodeWeight || load<i64>(bins + (<usize>first << 3)) >> 32 == nodeWeight;
  if (!constant) {
    const before = splitScore;
    scanDense(column, bins, first, count, missing, 0);
    if (missing != 0) {
      let lower = count - 1;
      while (load<i64>(bins + (<usize>lower << 3)) == 0) lower--;
      consider(column, lower, MISSING_BIN, 0, ((nodeWeight << 32) | nodePositives) - missing, NaN);
      scanDense(column, bins, first, count, missing, 1);
    }
    if (splitScore > before) splitSawMissing = i32(missing != 0);
  }
  const zero = f64x2.splat(0);
  for (let at: usize = 0; at < <usize>count << 3; at += 16) v128.store(bins + at, zero);
  if (missing != 0) store<i64>(bins, 0, 2040);
  return !constant;
}

/** Scores a column whose bins were filled by fillSparse. */
function trySparse(column: i32, key: u32): bool {
  const missing = load<i64>(unitBins, 2040);
  if (missing != 0) present3 &= 0x7fffffffffffffff;
  const seen = <i32>(popcnt(present0) + popcnt(present1) + popcnt(present2) + popcnt(present3)) + i32(missing != 0);
  if (seen >= 2) {
    const before = splitScore;
    if (holdsCategories(column)) scoreUnitCategories(column, unitBins, listPresent(missing != 0), key);
    else {
      const drawn = randomThresholds ? drawThreshold(column, key) : NaN;
      scanSparse(column, missing, 0, drawn);
      if (missing != 0) scanSparse(column, missing, 1, drawn);
    }
    if (splitScore > before) splitSawMissing = i32(missing != 0);
  }
  for (let word = 0; word < 4; word++) {
    let bits = presentWord(word);
    while (bits != 0) {
      store<i64>(unitBins + (<usize>((word << 6) + <i32>ctz(bits)) << 3), 0);
      bits &= bits - 1;
    }
  }
  if (missing != 0) store<i64>(unitBins, 0, 2040);
  return seen >= 2;
}

// @ts-ignore: decorator
@inline
function isNarrow(column: i32): bool {
  return load<u16>(binsOf + (<usize>column << 1)) <= 64 && load<u8>(columnKinds + column) == 0;
}

// @ts-ignore: decorator
@inline
function tryNarrow(column: i32, bins: usize, seen: u64): i32 {
  if ((seen & (seen - 1)) == 0) {
    store<i64>(bins + (<usize>ctz(seen) << 3), 0);
    return 0;
  }
  const before = splitScore;
  scanNarrow(column, bins, seen);
  if (splitScore > before) splitSawMissing = 0;
  return 1;
}

function tryUnitColumn(column: i32, start: usize, end: usize, rows: i32, key: u32): i32 {
  if (!randomThresholds && rows >= DENSE_ROWS) {
    fillDense(start, end, column);
    return i32(tryDense(column, unitBins));
  }
  if (!randomThresholds && isNarrow(column)) return tryNarrow(column, unitBins, fillNarrow(start, end, column));
  fillSparse(start, end, column);
  return i32(trySparse(column, mix32(key + <u32>(column + 1) * 0x85ebca77)));
}

function findUnitSplit(start: usize, end: usize, rows: i32, key: u32): bool {
  splitColumn = -1;
  splitScore = 0;
  let tried = 0;
  let i = 0;
  while (i < columnCount && (tried < featuresPerNode || splitColumn < 0)) {
    if (!randomThresholds && featuresPerNode - tried >= 4 && columnCount - i >= 4) {
      const a = drawColumn(i, key), b = drawColumn(i + 1, key), c = drawColumn(i + 2, key), d = drawColumn(i + 3, key);
      i += 4;
      const second = unitBins + UNIT_BYTES, third = unitBins + 2 * UNIT_BYTES, fourth = unitBins + 3 * UNIT_BYTES;
      if (rows >= DENSE_ROWS) {
        fillDense4(start, end, a, b, c, d);
        tried += i32(tryDense(a, unitBins)) + i32(tryDense(b, second)) + i32(tryDense(c, third)) + i32(tryDense(d, fourth));
      } else if (isNarrow(a) && isNarrow(b) && isNarrow(c) && isNarrow(d)) {
        fillNarrow4(start, end, a, b, c, d);
        tried += tryNarrow(a, unitBins, seenA);
        tried += tryNarrow(b, second, seenB);
        tried += tryNarrow(c, third, seenC);
        tried += tryNarrow(d, fourth, seenD);
      } else {
        tried += tryUnitColumn(a, start, end, rows, key);
        tried += tryUnitColumn(b, start, end, rows, key);
        tried += tryUnitColumn(c, start, end, rows, key);
        tried += tryUnitColumn(d, start, end, rows, key);
      }
    } else {
      tried += tryUnitColumn(drawColumn(i, key), start, end, rows, key);
      i++;
    }
  }
  undoDraws(i);
  return splitColumn >= 0;
}

/** As moveRecords, where the best split asks for a category. */
function moveRecordsByTable(start: usize, end: usize, to: usize, toEnd: usize): usize {
  const column = <usize>splitColumn;
  const bytes = recordBytes;
  let left = to, right = toEnd - bytes;
  for (let record = start; record < end; record += bytes) {
    const step = <usize>load<u8>(leftTable + <usize>load<u8>(record + column)) * bytes;
    copyRecord(record, left);
    copyRecord(record, right);
    left += step;
    right += step - bytes;
  }
  return left;
}

/** Records of the left side to `to` upwards, of the right side from `toEnd` downwards. Returns where the right side begins. */
function moveRecords(start: usize, end: usize, to: usize, toEnd: usize): usize {
  if (holdsCategories(splitColumn)) return moveRecordsByTable(start, end, to, toEnd);
  const column = <usize>splitColumn;
  // 255 + 1 is 0: the missing bin as the lowest
  const turn = <u32>splitMissingLeft;
  const lower = <u32>splitLower + turn;
  const bytes = recordBytes;
  let left = to, right = toEnd - bytes;
  if (bytes == 32) {
    for (let record = start; record < end; record += 32) {
      const one = v128.load(record), two = v128.load(record, 16);
      const step = <usize>i32(((<u32>load<u8>(record + column) + turn) & 255) <= lower) << 5;
      v128.store(left, one); v128.store(left, two, 16);
      v128.store(right, one); v128.store(right, two, 16);
      left += step;
      right += step - 32;
    }
    return left;
  }
  for (let record = start; record < end; record += bytes) {
    if (((<u32>load<u8>(record + column) + turn) & 255) <= lower) {
      copyRecord(record, left);
      left += bytes;
    } else {
      copyRecord(record, right);
      right -= bytes;
    }
  }
  return left;
}

/** How many records go left: where both children are leaves nothing need move. */
function countLeft(start: usize, end: usize): i32 {
  const column = <usize>splitColumn;
  const turn = <u32>splitMissingLeft;
  const lower = <u32>splitLower + turn;
  let count = 0;
  if (holdsCategories(splitColumn)) {
    for (let record = start; record < end; record += recordBytes) count += <i32>load<u8>(leftTable + <usize>load<u8>(record + column));
    return count;
  }
  for (let record = start; record < end; record += recordBytes) count += i32(((<u32>load<u8>(record + column) + turn) & 255) <= lower);
  return count;
}

// @ts-ignore: decorator
@inline
function isPureBin(bin: i64): bool {
  const positives = bin & 0xffffffff;
  return positives == 0 || positives == bin >> 32;
}

/** Grows one tree on the rows that drawRows counted, or with `all` on those of the masters. Returns how many nodes it has, or UNFINISHED: then goOnUnits is to be called. */
export function growUnits(all: i32, treeKey: u32): i32 {
  const tail = recordBytes - 4;
  let total: i64 = 0;
  let last = placeA;
  let master = masters;
  for (let row = 0; row < rowCount; row++, master += recordBytes) {
    const weights = load<u32>(master + tail);
    const times = all ? 1 : <u32>load<u16>(drawnCounts + (<usize>row << 1));
    if (times == 0 || weights == 0) continue;
    copyRecord(master, last);
    store<u32>(last + tail, weights * times);
    total += asBin(last, tail);
    last += recordBytes;
  }
  // rows of weight 0 may be all that was drawn: then the tree sees every row once
  if (last == placeA) return all ? 0 : growUnits(1, treeKey);
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
  return goOnUnits();
}

export function goOnUnits(): i32 {
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
    const bin = load<i64>(top, 24);
    nodeWeight = bin >> 32;
    nodePositives = bin & 0xffffffff;
    const size = <i32>((end - start) / recordBytes);
    cells += <i64>size * featuresPerNode;
    const share = <f32>(<f64>nodePositives / <f64>nodeWeight);
    store<f32>(outCover + (<usize>node << 2), <f32>nodeWeight);
    store<f32>(outShares + (<usize>node << 2), share);
    store<i32>(outRows + (<usize>node << 2), size);
    if (depth >= maxDepth || size < minSplit || size < 2 || isPureBin(bin) || !findUnitSplit(start, end, size, key)) {
      writeLeaf(node, leaves);
      store<f32>(outValues + (<usize>leaves << 2), share);
      leaves++;
      continue;
    }
    const leftBin = splitLeft, rightBin = bin - splitLeft;
    const from = depth & 1 ? placeB : placeA, into = depth & 1 ? placeA : placeB;
    const to = into + (start - from), toEnd = into + (end - from);
    const ended = depth + 1 >= maxDepth || (isPureBin(leftBin) && isPureBin(rightBin));
    const middle = ended ? to + <usize>countLeft(start, end) * recordBytes : moveRecords(start, end, to, toEnd);
    writeSplit(node, nodes, splitSawMissing ? splitMissingLeft : i32(middle - to >= toEnd - middle));
    store<i32>(top, nodes + 1);
    store<i32>(top, depth + 1, 4);
    store<u32>(top, mix32(key + 0x9e3779b9), 8);
    store<usize>(top, middle, 12);
    store<usize>(top, toEnd, 16);
    store<i64>(top, rightBin, 24);
    store<i32>(top, nodes, 32);
    store<i32>(top, depth + 1, 36);
    store<u32>(top, mix32(key ^ 0x5bd1e995), 40);
    store<usize>(top, to, 44);
    store<usize>(top, middle, 48);
    store<i64>(top, leftBin, 56);
    top += 64;
    nodes += 2;
  }
  return nodes;
}
