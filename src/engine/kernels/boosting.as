// Boosting. A histogram is blocks of four columns: for each bin of the block 4 x i64, one a column. How a cell packs gradient, hessian
// and rows: see src/engine/boosting-derivatives.ts. Rows are added to histograms by functions that emit-histogram.ts writes for each layout.

/** Cells hold 24 bits gradient, 24 hessian, 16 rows; otherwise 32 and 32. Set by setSearch. */
let counted: bool = false;
/** i32 x 8 a block: byte offset of its cells, bins, whether a column has missing values (in bin 0), 0, then its four columns (-1 = none). */
let blockTable: usize = 0;
let blockCount: i32 = 0;
/** i32 a column: -1 = the tree may ask it, 0 = not. */
let askedMasks: usize = 0;
/** i32 a column of 1, 0, -1; 0 = no column is constrained. */
let monotoneSigns: usize = 0;
let penalty1: f32 = 0;
let penalty2: f32 = 0;

export function setSearch(isCounted: i32, table: usize, blocks: i32, asked: usize, monotone: usize, l1: f32, l2: f32): void {
  counted = isCounted != 0;
  blockTable = table;
  blockCount = blocks;
  askedMasks = asked;
  monotoneSigns = monotone;
  penalty1 = l1;
  penalty2 = l2;
}

/** parent -= small, both of `bytes` bytes: the parent's histogram becomes that of the larger child. */
export function subtract(parent: usize, small: usize, bytes: i32): void {
  const end = parent + <usize>bytes;
  for (; parent < end; parent += 32, small += 32) {
    v128.store(parent, i64x2.sub(v128.load(parent), v128.load(small)));
    v128.store(parent, i64x2.sub(v128.load(parent, 16), v128.load(small, 16)), 16);
  }
}

/** histogram = part, part = 0. */
export function moveCells(part: usize, histogram: usize, bytes: i32): void {
  memory.copy(histogram, part, <usize>bytes);
  memory.fill(part, 0, <usize>bytes);
}

export function clear(histogram: usize, bytes: i32): void {
  memory.fill(histogram, 0, <usize>bytes);
}

let bestScore: f32 = 0;
let bestColumn: i32 = -1;
let bestBin: i32 = 0;
let bestMissingLeft: i32 = 0;
let bestBlock: i32 = 0;
let bestLane: i32 = 0;

// @ts-ignore: decorator
@inline
function gradients(c0: v128, c1: v128, isCounted: bool): v128 {
  const high = v128.shuffle<i32>(c0, c1, 1, 3, 5, 7);
  return isCounted ? i32x4.shr_s(high, 8) : high;
}

// @ts-ignore: decorator
@inline
function hessians(c0: v128, c1: v128, isCounted: bool): v128 {
  const low = v128.shuffle<i32>(c0, c1, 0, 2, 4, 6);
  if (!isCounted) return low;
  const high = v128.shuffle<i32>(c0, c1, 1, 3, 5, 7);
  return v128.or(i32x4.shr_u(low, 16), i32x4.shr_u(i32x4.shl(high, 24), 8));
}

// @ts-ignore: decorator
@inline
function soft(value: v128, by: v128): v128 {
  return f32x4.sub(value, f32x4.max(f32x4.min(value, by), f32x4.neg(by)));
}

/** Rows times 65,536, which takes one instruction, or hessians where rows are not counted. */
// @ts-ignore: decorator
@inline
function amounts(c0: v128, c1: v128, isCounted: bool): v128 {
  const low = v128.shuffle<i32>(c0, c1, 0, 2, 4, 6);
  return isCounted ? i32x4.shl(low, 16) : low;
}

/**
 * Scores bins of a block as "this bin and those before it go left", four columns side by side. Where no column has rows (or hessian) enough
 * on the left, bins are only summed, and the last ones are left out where none has on the right, four at a time: a third of all bins at
 * 1,200 rows.
 * general: with the L1 penalty and monotone constraints. heavy: whether hessians are to be looked at. missingLeft: bin 0, the missing
 * values, goes left. The caller sees to 2 x leastHessian <= hessian and 2 x minRows <= rows.
 */
// @ts-ignore: decorator
@inline
function scanLanes(isCounted: bool, general: bool, heavy: bool, cells: usize, bins: i32, block: i32, missingLeft: bool, gradient: i32, hessian: i32, rows: i32, leastHessian: i32, minRows: i32, floor: f32, least: f32, most: f32): void {
  const row = blockTable + (<usize>block << 5);
  const hasMissing = load<i32>(row, 8) != 0;
  let allowed = v128.load(askedMasks + (<usize>block << 4));
  const allGradient = i32x4.splat(gradient);
  const allHessian = i32x4.splat(hessian);
  const floatGradient = f32x4.splat(<f32>gradient);
  const floatHessian = f32x4.splat(<f32>hessian);
  const l1 = f32x4.splat(penalty1);
  const l2 = f32x4.splat(penalty2);
  // least <= x <= all - least as one comparison: unsigned x - least, turned into a signed number
  const hessianBias = i32x4.splat(i32.MIN_VALUE - leastHessian);
  const hessianBound = i32x4.splat(i32.MIN_VALUE + hessian - 2 * leastHessian + 1);
  const rowBias = i32x4.splat(i32.MIN_VALUE - (minRows << 16));
  const rowBound = i32x4.splat(i32.MIN_VALUE + ((rows - 2 * minRows + 1) << 16));
  const enough = i32x4.splat(isCounted ? minRows << 16 : leastHessian);
  const lowValue = f32x4.splat(least);
  const highValue = f32x4.splat(most);
  let rising = i32x4.splat(0);
  let falling = rising;
  if (general && monotoneSigns != 0) {
    const signs = v128.load(monotoneSigns + (<usize>block << 4));
    rising = i32x4.gt_s(signs, i32x4.splat(0));
    falling = i32x4.lt_s(signs, i32x4.splat(0));
  }
  let c0 = i64x2.splat(0);
  let c1 = c0;
  let e0 = c0;
  let e1 = c0;
  let at = cells;
  if (hasMissing) {
    const m0 = v128.load(at);
    const m1 = v128.load(at, 16);
    if (missingLeft) {
      c0 = m0;
      c1 = m1;
    } else {
      e0 = m0;
      e1 = m1;
    }
    at += 32;
  }
  const missingHessian = hessians(c0, c1, isCounted);
  // where no value is missing, the search with missing ones on the left would only repeat the other
  if (missingLeft) allowed = v128.and(allowed, i32x4.gt_s(missingHessian, i32x4.splat(0)));
  // a tie with an earlier block goes to the lower column: lanes start just below the best score so far
  const start = bestColumn < 0 ? floor : reinterpret<f32>(reinterpret<i32>(bestScore) - 1);
  let best = v128.bitselect(f32x4.splat(start), f32x4.splat(f32.MAX_VALUE), allowed);
  let end = cells + (<usize>bins << 5);
  // e0, e1: what goes right
  for (; at + 128 <= end; end -= 128) {
    e0 = i64x2.add(i64x2.add(e0, i64x2.add(v128.load(end - 32), v128.load(end - 64))), i64x2.add(v128.load(end - 96), v128.load(end - 128)));
    e1 = i64x2.add(i64x2.add(e1, i64x2.add(v128.load(end - 16), v128.load(end - 48))), i64x2.add(v128.load(end - 80), v128.load(end - 112)));
    if (v128.any_true(i32x4.ge_s(amounts(e0, e1, isCounted), enough))) break;
  }
  for (; at + 128 <= end; at += 128) {
    const s0 = i64x2.add(i64x2.add(c0, i64x2.add(v128.load(at), v128.load(at, 32))), i64x2.add(v128.load(at, 64), v128.load(at, 96)));
    const s1 = i64x2.add(i64x2.add(c1, i64x2.add(v128.load(at, 16), v128.load(at, 48))), i64x2.add(v128.load(at, 80), v128.load(at, 112)));
    if (v128.any_true(i32x4.ge_s(amounts(s0, s1, isCounted), enough))) break;
    c0 = s0;
    c1 = s1;
  }
  let bestBins = i32x4.splat(0);
  // one more than the bin, so that 0 is none
  let bin = i32x4.splat(<i32>((at - cells) >> 5) + 1);
  // a constant that takes one instruction to make, not three, each time
  const minusOne = i32x4.splat(-1);
  for (; at < end; at += 32) {
    c0 = i64x2.add(c0, v128.load(at));
    c1 = i64x2.add(c1, v128.load(at, 16));
    const gi = gradients(c0, c1, isCounted);
    const hi = hessians(c0, c1, isCounted);
    let l = f32x4.convert_i32x4_s(gi);
    const h = f32x4.convert_i32x4_s(hi);
    // 24 bits are exact in float32: a difference needs no integers
    let r = isCounted ? f32x4.sub(floatGradient, l) : f32x4.convert_i32x4_s(i32x4.sub(allGradient, gi));
    if (general) {
      l = soft(l, l1);
      r = soft(r, l1);
    }
    const a = f32x4.add(h, l2);
    const b = f32x4.add(isCounted ? f32x4.sub(floatHessian, h) : f32x4.convert_i32x4_s(i32x4.sub(allHessian, hi)), l2);
    let score = f32x4.add(f32x4.div(f32x4.mul(l, l), a), f32x4.div(f32x4.mul(r, r), b));
    if (isCounted) score = v128.and(score, i32x4.lt_s(i32x4.add(amounts(c0, c1, true), rowBias), rowBound));
    if (heavy) score = v128.and(score, i32x4.lt_s(i32x4.add(hi, hessianBias), hessianBound));
    if (missingLeft) score = v128.and(score, i32x4.gt_s(hi, missingHessian));
    if (general) {
      const left = f32x4.max(lowValue, f32x4.min(highValue, f32x4.neg(f32x4.div(l, a))));
      const right = f32x4.max(lowValue, f32x4.min(highValue, f32x4.neg(f32x4.div(r, b))));
      score = v128.andnot(score, v128.or(v128.and(rising, f32x4.gt(left, right)), v128.and(falling, f32x4.lt(left, right))));
    }
    // scores that are no candidates were made 0, and no best score is below 0
    const better = f32x4.gt(score, best);
    best = f32x4.pmax(best, score);
    // bins ascend
    bestBins = i32x4.max_s(bestBins, v128.and(bin, better));
    bin = i32x4.sub(bin, minusOne);
  }
  if (!v128.any_true(bestBins)) return;
  const columns = v128.load(row, 16);
  takeLane(block, 0, f32x4.extract_lane(best, 0), i32x4.extract_lane(bestBins, 0), i32x4.extract_lane(columns, 0), missingLeft);
  takeLane(block, 1, f32x4.extract_lane(best, 1), i32x4.extract_lane(bestBins, 1), i32x4.extract_lane(columns, 1), missingLeft);
  takeLane(block, 2, f32x4.extract_lane(best, 2), i32x4.extract_lane(bestBins, 2), i32x4.extract_lane(columns, 2), missingLeft);
  takeLane(block, 3, f32x4.extract_lane(best, 3), i32x4.extract_lane(bestBins, 3), i32x4.extract_lane(columns, 3), missingLeft);
}

function takeLane(block: i32, lane: i32, score: f32, bin: i32, column: i32, missingLeft: bool): void {
  if (bin == 0) return;
  // equal scores: the lower column, and within it what was looked at first
  if (bestColumn >= 0 && (score < bestScore || (score == bestScore && column >= bestColumn))) return;
  bestScore = score;
  bestColumn = column;
  bestBin = bin - 1;
  bestMissingLeft = missingLeft ? 1 : 0;
  bestBlock = block;
  bestLane = lane;
}

function anyMissing(cells: usize): bool {
  return v128.any_true(v128.or(v128.load(cells), v128.load(cells, 16)));
}

// one instance of the loop for each kind of cell and search
function scanCounted(heavy: bool, cells: usize, bins: i32, block: i32, missingLeft: bool, gradient: i32, hessian: i32, rows: i32, leastHessian: i32, minRows: i32, floor: f32): void {
  if (!heavy && !missingLeft) scanLanes(true, false, false, cells, bins, block, false, gradient, hessian, rows, leastHessian, minRows, floor, 0, 0);
  else scanLanes(true, false, true, cells, bins, block, missingLeft, gradient, hessian, rows, leastHessian, minRows, floor, 0, 0);
}

function scanSummed(cells: usize, bins: i32, block: i32, missingLeft: bool, gradient: i32, hessian: i32, leastHessian: i32, floor: f32): void {
  if (missingLeft) scanLanes(false, false, true, cells, bins, block, true, gradient, hessian, 0, leastHessian, 0, floor, 0, 0);
  else scanLanes(false, false, true, cells, bins, block, false, gradient, hessian, 0, leastHessian, 0, floor, 0, 0);
}

function scanGeneral(cells: usize, bins: i32, block: i32, missingLeft: bool, gradient: i32, hessian: i32, rows: i32, leastHessian: i32, minRows: i32, floor: f32, least: f32, most: f32): void {
  if (counted) scanLanes(true, true, true, cells, bins, block, missingLeft, gradient, hessian, rows, leastHessian, minRows, floor, least, most);
  else scanLanes(false, true, true, cells, bins, block, missingLeft, gradient, hessian, 0, leastHessian, 0, floor, least, most);
}

/**
 * The best split of a histogram over the blocks [from, to), written at `out` as i32: column (-1 = none), bin (the last one that goes
 * left), the next bin that has rows (-1 = none), missing left, gradient and hessian of the left side, the score as f32 bits.
 */
export function findSplit(histogram: usize, from: i32, to: i32, gradient: i32, hessian: i32, rows: i32, leastHessian: i32, minRows: i32, floor: f32, least: f32, most: f32, out: usize): void {
  store<i32>(out, -1);
  // as far as wide sums go: no side can have enough
  if (<i64>leastHessian * 2 > <i64>hessian || minRows * 2 > rows) return;
  // sides with rows enough nearly always have hessian enough: whether the best one has is looked at once, and all are only where it has not
  for (let heavy = 0; heavy < 2; heavy++) {
    bestColumn = -1;
    bestScore = floor;
    scanBlocks(heavy != 0, histogram, from, to, gradient, hessian, rows, leastHessian, minRows, floor, least, most);
    if (bestColumn < 0) return;
    describeBest(histogram, out);
    const left = load<i32>(out, 20);
    if (left >= leastHessian && hessian - left >= leastHessian) break;
  }
  store<i32>(out, bestColumn);
}

function scanBlocks(heavy: bool, histogram: usize, from: i32, to: i32, gradient: i32, hessian: i32, rows: i32, leastHessian: i32, minRows: i32, floor: f32, least: f32, most: f32): void {
  const general = monotoneSigns != 0 || penalty1 != 0;
  for (let block = from; block < to; block++) {
    const row = blockTable + (<usize>block << 5);
    const cells = histogram + <usize>load<i32>(row);
    const bins = load<i32>(row, 4);
    const sides = load<i32>(row, 8) != 0 && anyMissing(cells) ? 2 : 1;
    for (let side = 0; side < sides; side++) {
      const missingLeft = side == 1;
      if (general) scanGeneral(cells, bins, block, missingLeft, gradient, hessian, rows, leastHessian, minRows, floor, least, most);
      else if (counted) scanCounted(heavy, cells, bins, block, missingLeft, gradient, hessian, rows, leastHessian, minRows, floor);
      else scanSummed(cells, bins, block, missingLeft, gradient, hessian, leastHessian, floor);
    }
  }
}

function describeBest(histogram: usize, out: usize): void {
  const row = blockTable + (<usize>bestBlock << 5);
  const cells = histogram + <usize>load<i32>(row) + (<usize>bestLane << 3);
  const bins = load<i32>(row, 4);
  const hasMissing = load<i32>(row, 8) != 0;
  let sum: i64 = hasMissing && bestMissingLeft == 0 ? -load<i64>(cells) : 0;
  for (let bin = 0; bin <= bestBin; bin++) sum += load<i64>(cells + (<usize>bin << 5));
  let next = bestBin + 1;
  while (next < bins && load<i64>(cells + (<usize>next << 5)) == 0) next++;
  store<i32>(out, bestBin, 4);
  store<i32>(out, next < bins ? next : -1, 8);
  store<i32>(out, bestMissingLeft, 12);
  store<i32>(out, counted ? <i32>(sum >> 40) : <i32>(sum >> 32), 16);
  store<i32>(out, counted ? <i32>(sum >> 16) & 0xffffff : <i32>sum, 20);
  store<f32>(out, bestScore, 24);
}

/** For each mask of four rows, the bytes that put its rows in front, in their order. */
const IN_FRONT: usize = memory.data<u8>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15,
  0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15,
  4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 12, 13, 14, 15,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
  0, 1, 2, 3, 12, 13, 14, 15, 4, 5, 6, 7, 8, 9, 10, 11,
  4, 5, 6, 7, 12, 13, 14, 15, 0, 1, 2, 3, 8, 9, 10, 11,
  0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11,
  8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7,
  0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 4, 5, 6, 7,
  4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
], 16);

/** Which of four rows go left, as bits. bias: 1 with missing values on the left, whose codes become 0 by it; bound: lower + bias. */
// @ts-ignore: decorator
@inline
function leftMask(codes: v128, bias: v128, bound: v128): i32 {
  return i8x16.bitmask(i8x16.le_u(i8x16.add(codes, bias), bound)) & 15;
}

/** Codes of the four rows whose numbers stand at `at`, in the lowest bytes. */
// @ts-ignore: decorator
@inline
function codesOfFour(codes: usize, at: usize): v128 {
  let four = v128.load8_splat(codes + <usize>load<u32>(at));
  four = v128.load_lane<u8>(codes + <usize>load<u32>(at, 4), four, 1);
  four = v128.load_lane<u8>(codes + <usize>load<u32>(at, 8), four, 2);
  return v128.load_lane<u8>(codes + <usize>load<u32>(at, 12), four, 3);
}

/** Where moveRows stopped on the right side. */
let rightEnd: usize = 0;

/**
 * Writes rows[start..end), or with `identity` start, start + 1, ..., end - 1, to `left` where they go left and to `right` where not, each side in
 * its old order; `left` may be where the rows stand. Four rows at a time, each side's put together by one shuffle: a fit of 100,000 rows takes a
 * twentieth less. What is stored beyond a side's end is stored over later, and stays within end - start rows. Returns the left side's end.
 */
// @ts-ignore: decorator
@inline
function moveRows(codes: usize, rows: usize, start: i32, end: i32, lower: i32, missingLeft: i32, identity: bool, left: usize, right: usize): usize {
  const bias = i8x16.splat(<i8>missingLeft);
  const bound = i8x16.splat(<i8>(lower + missingLeft));
  let row = start;
  let at = rows + (<usize>start << 2);
  for (; row + 3 < end; row += 4, at += 16) {
    const four = identity ? i32x4.add(i32x4.splat(row), i32x4(0, 1, 2, 3)) : v128.load(at);
    const mask = leftMask(identity ? v128.load32_zero(codes + <usize>row) : codesOfFour(codes, at), bias, bound);
    v128.store(left, v128.swizzle(four, v128.load(IN_FRONT + (<usize>mask << 4))));
    v128.store(right, v128.swizzle(four, v128.load(IN_FRONT + (<usize>(mask ^ 15) << 4))));
    const lefts = <usize>popcnt(mask);
    left += lefts << 2;
    right += (4 - lefts) << 2;
  }
  for (; row < end; row++, at += 4) {
    const one = identity ? <u32>row : load<u32>(at);
    const code = <i32>load<u8>(codes + <usize>one);
    const goesLeft = <usize>(i32(code <= lower) | (i32(code == MISSING_BIN) & missingLeft));
    store<u32>(left, one);
    store<u32>(right, one);
    left += goesLeft << 2;
    right += (goesLeft ^ 1) << 2;
  }
  rightEnd = right;
  return left;
}

/** Moves rows[start..end) that go left before the others, each side in its old order; returns where the right side begins. */
export function partitionRows(codes: usize, rows: usize, start: i32, end: i32, lower: i32, missingLeft: i32, moved: usize): i32 {
  const left = moveRows(codes, rows, start, end, lower, missingLeft, false, rows + (<usize>start << 2), moved);
  memory.copy(left, moved, rightEnd - moved);
  return <i32>((left - rows) >> 2);
}

/** As `partitionRows` of the rows start, start + 1, ..., end - 1, which need not stand in `rows` yet. */
export function partitionAll(codes: usize, rows: usize, start: i32, end: i32, lower: i32, missingLeft: i32, moved: usize): i32 {
  const left = moveRows(codes, rows, start, end, lower, missingLeft, true, rows + (<usize>start << 2), moved);
  memory.copy(left, moved, rightEnd - moved);
  return <i32>((left - rows) >> 2);
}

/** As `partitionRows`, for codes that stand `stride` bytes apart; used by forest.as. */
export function partition(codes: usize, stride: i32, rows: usize, start: i32, end: i32, lower: i32, missingLeft: i32, moved: usize): i32 {
  let left = rows + (<usize>start << 2);
  let right = moved;
  const last = rows + (<usize>end << 2);
  for (let at = left; at < last; at += 4) {
    const row = load<u32>(at);
    const code = <i32>load<u8>(codes + <usize>row * <usize>stride);
    const goesLeft = <usize>(i32(code <= lower) | (i32(code == MISSING_BIN) & missingLeft));
    store<u32>(left, row);
    store<u32>(right, row);
    left += goesLeft << 2;
    right += (goesLeft ^ 1) << 2;
  }
  memory.copy(left, moved, right - moved);
  return <i32>((left - rows) >> 2);
}

/** Writes the leaf's number for each of rows[start..end). leafOf: u8 a row. */
export function markLeaf(rows: usize, start: i32, end: i32, leaf: i32, leafOf: usize): void {
  const last = rows + (<usize>end << 2);
  for (let at = rows + (<usize>start << 2); at < last; at += 4) store<u8>(leafOf + <usize>load<u32>(at), <u8>leaf);
}

/** e^x of four floats in [-87, 88], to 2e-7 of it. Source: Cephes expf (range reduction by ln 2, polynomial of degree 5). */
// @ts-ignore: decorator
@inline
function exp4(value: v128): v128 {
  const x = f32x4.max(f32x4.min(value, f32x4.splat(88)), f32x4.splat(-87));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)));
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375))), f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  return f32x4.mul(p, i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23));
}

/** scores[row] += values[leafOf[row]] for the rows [from, to), four at a time: the arrays end on a multiple of four rows. */
export function addLeaves(from: i32, to: i32, scores: usize, leafOf: usize, values: usize): void {
  for (let row = from; row < to; row += 4) {
    const leaves = load<u32>(leafOf + <usize>row);
    let added = v128.load32_zero(values + (<usize>(leaves & 255) << 2));
    added = v128.load_lane<f32>(values + (<usize>((leaves >> 8) & 255) << 2), added, 1);
    added = v128.load_lane<f32>(values + (<usize>((leaves >> 16) & 255) << 2), added, 2);
    added = v128.load_lane<f32>(values + (<usize>(leaves >> 24) << 2), added, 3);
    const at = scores + (<usize>row << 2);
    v128.store(at, f32x4.add(v128.load(at), added));
  }
}

/** Logistic of the scores of rows [from, to), four at a time. */
export function logisticShares(from: i32, to: i32, scores: usize, shares: usize): void {
  const one = f32x4.splat(1);
  for (let row = from; row < to; row += 4) {
    const at = <usize>row << 2;
    v128.store(shares + at, f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(v128.load(scores + at))))));
  }
}

/** Softmax over the outputs of rows [from, to), four at a time; scores and shares are f32 [outputs][padded rows]. */
export function softmaxShares(from: i32, to: i32, outputs: i32, padded: i32, scores: usize, shares: usize): void {
  const step = <usize>padded << 2;
  for (let row = from; row < to; row += 4) {
    const at = <usize>row << 2;
    let greatest = v128.load(scores + at);
    for (let k = 1; k < outputs; k++) greatest = f32x4.max(greatest, v128.load(scores + at + <usize>k * step));
    let sum = f32x4.splat(0);
    for (let k = 0; k < outputs; k++) {
      const share = exp4(f32x4.sub(v128.load(scores + at + <usize>k * step), greatest));
      v128.store(shares + at + <usize>k * step, share);
      sum = f32x4.add(sum, share);
    }
    for (let k = 0; k < outputs; k++) {
      const place = shares + at + <usize>k * step;
      v128.store(place, f32x4.div(v128.load(place), sum));
    }
  }
}

/**
 * Derivatives of the log loss of rows [from, to) as integers, written into the records. payload: where the first record's begins.
 * form: 0 = i64 of 24 bits gradient, 24 hessian, 16 rows; 1 = i16 gradient, u16 hessian; 2 = i64 of 32 and 32.
 */
export function fillDerivatives(from: i32, to: i32, shares: usize, labels: usize, positive: i32, weights: usize, gradientScale: f32, hessianScale: f32, payload: usize, stride: i32, form: i32): void {
  const one = f32x4.splat(1);
  const gs = f32x4.splat(gradientScale);
  const hs = f32x4.splat(hessianScale);
  const wanted = i32x4.splat(positive);
  const step = <usize>stride;
  let into = payload + <usize>from * step;
  for (let row = from; row < to; row += 4, into += step << 2) {
    const share = v128.load(shares + (<usize>row << 2));
    const label = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(labels + <usize>row)));
    const target = v128.and(i32x4.eq(label, wanted), one);
    let g = f32x4.mul(f32x4.sub(share, target), gs);
    let h = f32x4.mul(f32x4.mul(share, f32x4.sub(one, share)), hs);
    if (weights != 0) {
      const weight = v128.load(weights + (<usize>row << 2));
      g = f32x4.mul(g, weight);
      h = f32x4.mul(h, weight);
    }
    const gradient = i32x4.trunc_sat_f32x4_s(f32x4.nearest(g));
    // at least one unit, so that a leaf of certain rows still has a curvature
    const hessian = i32x4.max_s(i32x4.trunc_sat_f32x4_s(f32x4.nearest(h)), i32x4.splat(1));
    if (form == 1) {
      const both = v128.or(v128.and(gradient, i32x4.splat(0xffff)), i32x4.shl(hessian, 16));
      v128.store_lane<i32>(into, both, 0);
      v128.store_lane<i32>(into + step, both, 1);
      v128.store_lane<i32>(into + (step << 1), both, 2);
      v128.store_lane<i32>(into + step * 3, both, 3);
    } else {
      storePayload(into, i32x4.extract_lane(gradient, 0), i32x4.extract_lane(hessian, 0), form);
      storePayload(into + step, i32x4.extract_lane(gradient, 1), i32x4.extract_lane(hessian, 1), form);
      storePayload(into + (step << 1), i32x4.extract_lane(gradient, 2), i32x4.extract_lane(hessian, 2), form);
      storePayload(into + step * 3, i32x4.extract_lane(gradient, 3), i32x4.extract_lane(hessian, 3), form);
    }
  }
}

// @ts-ignore: decorator
@inline
function storePayload(at: usize, gradient: i32, hessian: i32, form: i32): void {
  store<i64>(at, form == 0 ? (<i64>gradient << 40) + (<i64>hessian << 16) + 1 : (<i64>gradient << 32) + <i64>hessian);
}

/** Copies a column's codes into the records, missing to bin 0 and the others up by `shift`. */
export function recordColumn(codes: usize, from: i32, to: i32, shift: i32, records: usize, stride: i32): void {
  let into = records + <usize>from * <usize>stride;
  for (let row = from; row < to; row++, into += <usize>stride) {
    const code = <i32>load<u8>(codes + <usize>row);
    store<u8>(into, <u8>(code == MISSING_BIN ? 0 : code + shift));
  }
}

/** As `partitionRows` of rows[start..end), or of start, start + 1, ... with `identity`, but into two other places. Returns how many go left. */
export function partitionInto(codes: usize, rows: usize, start: i32, end: i32, lower: i32, missingLeft: i32, identity: i32, lefts: usize, rights: usize): i32 {
  const left =
    identity != 0
      ? moveRows(codes, rows, start, end, lower, missingLeft, true, lefts, rights)
      : moveRows(codes, rows, start, end, lower, missingLeft, false, lefts, rights);
  return <i32>((left - lefts) >> 2);
}

export function copyBytes(to: usize, from: usize, bytes: i32): void {
  memory.copy(to, from, <usize>bytes);
}

/** histogram += part; the part is 0 after it. */
export function merge(histogram: usize, part: usize, bytes: i32): void {
  const end = histogram + <usize>bytes;
  const zero = i64x2.splat(0);
  for (; histogram < end; histogram += 16, part += 16) {
    v128.store(histogram, i64x2.add(v128.load(histogram), v128.load(part)));
    v128.store(part, zero);
  }
}
