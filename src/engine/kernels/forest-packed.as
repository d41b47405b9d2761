// Forests of three or four classes whose rows count as integers, without categories. A row of a node is 16 bytes: u32 row, and at 8 its
// weight, a bin. A bin is four u16, the weight of each class, in an i64: all weights together stay below 2^15. The cuts of all columns that
// a node tries stand in one list, whose scores four lanes work out side by side.

let packedCodes: usize = 0, packedMasters: usize = 0, packedBins: usize = 0;
/** The node's bin, and the weight of its rows. */
let packedTotal: i64 = 0, packedWeight: i32 = 0;
/** Cuts: i64 the left side's bin, u32 what it is (see cutOf), f32 its score to six digits. */
let cutLefts: usize = 0, cutTags: usize = 0, cutScores: usize = 0, cutCount: i32 = 0;
let splitTag: u32 = 0;
/** A column of 254 bins and missing values has 507 cuts. */
const MOST_CUTS: i32 = 2048, COLUMN_CUTS: i32 = 512;

/** codes: u8 [columns x rows]; rows: i64 a row, its weight as a bin; histograms: 4 x 2,048 bytes, zeroed; cuts: 16 x 2,048 bytes. */
export function setPacked(codes: usize, rows: usize, histograms: usize, cuts: usize): void {
  packedCodes = codes; packedMasters = rows; packedBins = histograms;
  cutLefts = cuts; cutTags = cuts + 8 * MOST_CUTS; cutScores = cutTags + 4 * MOST_CUTS;
  cutCount = 0;
  for (let bin: usize = 0; bin < 64; bin++) store<i64>(histograms + (bin << 3), (<i64>1) << bin, BITS);
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

/** u64 [256] behind the histograms: bit b of bin b below 64, nothing of the missing bin. Measured: a shift a row takes more than to load it. */
const BITS: usize = 3 * UNIT_BYTES;

/** Adds the rows [start, end) to one column's bins. Returns which ones have a row, of those below 64. */
function fillPacked(start: usize, end: usize, column: i32): u64 {
  const codes = packedCodes + <usize>column * <usize>rowCount;
  const bins = packedBins;
  let seen: u64 = 0;
  for (let item = start; item < end; item += 16) {
    const at = bins + (<usize>load<u8>(codes + <usize>load<u32>(item)) << 3);
    addTo(at, load<i64>(item, 8));
    seen |= load<u64>(at, BITS);
  }
  return seen;
}

/** Three columns at once, into seenA to seenC. */
function fillPacked3(start: usize, end: usize, a: i32, b: i32, c: i32): void {
  const all = <usize>rowCount;
  const codesA = packedCodes + <usize>a * all, codesB = packedCodes + <usize>b * all, codesC = packedCodes + <usize>c * all;
  const bins = packedBins;
  let sa: u64 = 0, sb: u64 = 0, sc: u64 = 0;
  for (let item = start; item < end; item += 16) {
    const row = <usize>load<u32>(item);
    const value = load<i64>(item, 8);
    const p = bins + (<usize>load<u8>(codesA + row) << 3), q = bins + (<usize>load<u8>(codesB + row) << 3), r = bins + (<usize>load<u8>(codesC + row) << 3);
    store<i64>(p, load<i64>(p) + value);
    store<i64>(q, load<i64>(q, 2048) + value, 2048);
    store<i64>(r, load<i64>(r, 4096) + value, 4096);
    sa |= load<u64>(p, BITS); sb |= load<u64>(q, BITS); sc |= load<u64>(r, BITS);
  }
  seenA = sa; seenB = sb; seenC = sc;
}

/** column << 17 | missing values go left << 16 | lower bin << 8 | upper bin. */
// @ts-ignore: decorator
@inline
function cutOf(column: i32, lower: u32, upper: u32): u32 {
  return <u32>column << 17 | lower << 8 | upper;
}

/** Where missing values are: all present ones left of them, and then every cut of the column so far once more, with the missing ones left. */
function listMissing(column: i32, missing: i64, lower: u32, left: i64, first: i32): void {
  const last = cutCount;
  store<i64>(cutLefts + (<usize>last << 3), left);
  store<u32>(cutTags + (<usize>last << 2), cutOf(column, lower, MISSING_BIN));
  let to = last + 1;
  for (let from = first; from < last; from++, to++) {
    store<i64>(cutLefts + (<usize>to << 3), load<i64>(cutLefts + (<usize>from << 3)) + missing);
    store<u32>(cutTags + (<usize>to << 2), load<u32>(cutTags + (<usize>from << 2)) | 0x10000);
  }
  cutCount = to;
}

/** Lists the cuts of a column of at most 64 bins and the missing one, and clears them; 0 when it is constant in this node. */
function listPacked(column: i32, bins: usize, present: u64): i32 {
  let seen = present;
  const missing = load<i64>(bins, 2040);
  if (missing != 0) {
    store<i64>(bins, 0, 2040);
    if (seen == 0) return 0;
  }
  const first = cutCount;
  let lower = <u32>ctz(seen);
  let at = bins + (<usize>lower << 3);
  let left = load<i64>(at);
  store<i64>(at, 0);
  seen &= seen - 1;
  let to = cutLefts + (<usize>first << 3), tags = cutTags + (<usize>first << 2);
  while (seen != 0) {
    const bin = <u32>ctz(seen);
    seen &= seen - 1;
    store<i64>(to, left);
    store<u32>(tags, cutOf(column, lower, bin));
    to += 8;
    tags += 4;
    at = bins + (<usize>bin << 3);
    left += load<i64>(at);
    store<i64>(at, 0);
    lower = bin;
  }
  cutCount = <i32>((to - cutLefts) >> 3);
  if (missing != 0) listMissing(column, missing, lower, left, first);
  return i32(cutCount > first);
}

/** As listPacked, for any number of bins, which it fills itself. */
function listWidePacked(start: usize, end: usize, column: i32): i32 {
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
  if (missing != 0) {
    present3 &= 0x7fffffffffffffff;
    store<i64>(bins, 0, 2040);
  }
  const first = cutCount;
  let left: i64 = 0;
  let lower = -1;
  for (let word = 0; word < 4; word++) {
    let seen = presentWord(word);
    while (seen != 0) {
      const bin = (word << 6) + <i32>ctz(seen);
      seen &= seen - 1;
      if (lower >= 0) {
        store<i64>(cutLefts + (<usize>cutCount << 3), left);
        store<u32>(cutTags + (<usize>cutCount << 2), cutOf(column, lower, bin));
        cutCount++;
      }
      const at = bins + (<usize>bin << 3);
      left += load<i64>(at);
      store<i64>(at, 0);
      lower = bin;
    }
  }
  if (missing != 0 && lower >= 0) listMissing(column, missing, lower, left, first);
  return i32(cutCount > first);
}

// @ts-ignore: decorator
@inline
function evenLanes(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline
function oddLanes(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 1, 3, 5, 7);
}

/** Sums of four bins' products with others: of two bins in each argument. */
// @ts-ignore: decorator
@inline
function sumsOfProducts(a: v128, withA: v128, b: v128, withB: v128): v128 {
  const one = i32x4.dot_i16x8_s(a, withA), two = i32x4.dot_i16x8_s(b, withB);
  return f32x4.convert_i32x4_s(i32x4.add(evenLanes(one, two), oddLanes(one, two)));
}

/** Takes the best of the listed cuts if it is better than what is taken: squared weights of each side / its weight; of equal ones the first. Empties the list. */
function scoreCuts(): void {
  const bytes = <usize>cutCount << 2;
  cutCount = 0;
  // up to a multiple of four: nothing on the left, a score of NaN
  v128.store(cutLefts + (bytes << 1), i64x2.splat(0));
  v128.store(cutLefts + (bytes << 1), i64x2.splat(0), 16);
  const total = i64x2.splat(packedTotal), ones = i16x8.splat(1), all = f32x4.splat(<f32>packedWeight);
  let best = f32x4.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const l1 = v128.load(cutLefts + (at << 1)), l2 = v128.load(cutLefts + (at << 1), 16);
    const r1 = i64x2.sub(total, l1), r2 = i64x2.sub(total, l2);
    const left = sumsOfProducts(l1, l1, l2, l2), right = sumsOfProducts(r1, r1, r2, r2);
    const leftWeight = sumsOfProducts(l1, ones, l2, ones), rightWeight = f32x4.sub(all, leftWeight);
    const score = f32x4.div(f32x4.add(f32x4.mul(left, rightWeight), f32x4.mul(right, leftWeight)), f32x4.mul(leftWeight, rightWeight));
    v128.store(cutScores + at, score);
    best = f32x4.pmax(best, score);
  }
  best = f32x4.pmax(best, v128.shuffle<i32>(best, best, 2, 3, 0, 1));
  best = f32x4.pmax(best, v128.shuffle<i32>(best, best, 1, 0, 3, 2));
  // the lanes round five times, 3e-7 of the score: those near the best are worked out
  const near = f32x4.mul(best, f32x4.splat(0.999998));
  if (<f64>f32x4.extract_lane(best, 0) < splitScore * 0.999998) return;
  for (let at: usize = 0; at < bytes; at += 16) {
    let lanes = i32x4.bitmask(f32x4.ge(v128.load(cutScores + at), near));
    while (lanes != 0) {
      const cut = at + (<usize>ctz(lanes) << 2);
      considerPacked(load<i64>(cutLefts + (cut << 1)), load<u32>(cutTags + cut));
      lanes &= lanes - 1;
    }
  }
}

function considerPacked(left: i64, tag: u32): void {
  const both = i64x2.replace_lane(i64x2.splat(left), 1, packedTotal - left);
  const squares = i32x4.dot_i16x8_s(both, both);
  const l = i32x4.extract_lane(squares, 0) + i32x4.extract_lane(squares, 1), r = i32x4.extract_lane(squares, 2) + i32x4.extract_lane(squares, 3);
  const leftWeight = weightOfBin(left), rightWeight = packedWeight - leftWeight;
  const score = <f64>(<i64>l * rightWeight + <i64>r * leftWeight) / <f64>(leftWeight * rightWeight);
  if (score > splitScore) {
    splitTag = tag; splitScore = score; splitLeft = left;
  }
}

// @ts-ignore: decorator
@inline
function isOneWord(column: i32): bool {
  return load<u16>(binsOf + (<usize>column << 1)) <= 64;
}

function listPackedColumn(column: i32, start: usize, end: usize): i32 {
  return isOneWord(column) ? listPacked(column, packedBins, fillPacked(start, end, column)) : listWidePacked(start, end, column);
}

/** Below this many rows one column often parts the classes: it is scored before the next one is looked at. */
const FEW_ROWS: usize = 6 * 16;
const NO_SPLIT: u32 = 0xffffffff;

function findPackedSplit(start: usize, end: usize, key: u32): bool {
  splitTag = NO_SPLIT;
  const squares = i32x4.dot_i16x8_s(i64x2.splat(packedTotal), i64x2.splat(packedTotal));
  splitScore = (<f64>(i32x4.extract_lane(squares, 0) + i32x4.extract_lane(squares, 1)) / <f64>packedWeight) * (1 + 1e-12);
  // both sides pure: no split is better, and a later one of the same score is not taken
  const best = <f64>packedWeight;
  let tried = 0;
  let i = 0;
  while (i < columnCount && (tried < featuresPerNode || splitTag == NO_SPLIT) && splitScore < best) {
    // that many columns' cuts are listed, and scored together
    const wanted = end - start < FEW_ROWS || tried >= featuresPerNode ? tried + 1 : featuresPerNode;
    while (i < columnCount && tried < wanted && cutCount <= MOST_CUTS - 3 * COLUMN_CUTS) {
      if (wanted - tried >= 3 && columnCount - i >= 3) {
        const a = drawColumn(i, key), b = drawColumn(i + 1, key), c = drawColumn(i + 2, key);
        i += 3;
        if (isOneWord(a) && isOneWord(b) && isOneWord(c)) {
          fillPacked3(start, end, a, b, c);
          tried += listPacked(a, packedBins, seenA);
          tried += listPacked(b, packedBins + UNIT_BYTES, seenB);
          tried += listPacked(c, packedBins + 2 * UNIT_BYTES, seenC);
        } else {
          tried += listPackedColumn(a, start, end);
          tried += listPackedColumn(b, start, end);
          tried += listPackedColumn(c, start, end);
        }
      } else {
        tried += listPackedColumn(drawColumn(i, key), start, end);
        i++;
      }
    }
    scoreCuts();
  }
  undoDraws(i);
  if (splitTag == NO_SPLIT) return false;
  splitColumn = <i32>(splitTag >> 17);
  splitMissingLeft = <i32>(splitTag >> 16) & 1;
  splitLower = <i32>(splitTag >> 8) & 255;
  splitUpper = <i32>splitTag & 255;
  splitSawMissing = load<u8>(columnKinds + splitColumn) != 0 ? i32(seesMissing(start, end, splitColumn)) : 0;
  return true;
}

/** Whether a row of the node has no value in this column. */
function seesMissing(start: usize, end: usize, column: i32): bool {
  const codes = packedCodes + <usize>column * <usize>rowCount;
  for (let item = start; item < end; item += 16) if (load<u8>(codes + <usize>load<u32>(item)) == MISSING_BIN) return true;
  return false;
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
    const weight = load<i64>(packedMasters + (<usize>row << 3)) * (all ? 1 : <i64>load<u16>(drawnCounts + (<usize>row << 1)));
    // a row that was not drawn is written over: no processor foretells which
    store<u32>(last, row);
    store<i64>(last, weight, 8);
    total += weight;
    last += <usize>i32(weight != 0) << 4;
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
