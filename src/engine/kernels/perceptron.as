// Perceptron. All f32. A layer's values are [rows x (units, a 1, zeros up to whole vectors of four)]; its weights, gradient and moments are
// [units x (inputs, the bias, zeros up to whole vectors)], so that a bias is the weight of the 1. Rows are `...Row` bytes apart.

/** scores[row][output] = dot product of the row's values and the output's weights, in four lanes: (0 + 1) + (2 + 3). */
export function scoreRows(values: usize, valuesRow: usize, rows: i32, weights: usize, weightsRow: usize, outputs: i32, vectors: i32, scores: usize): void {
  for (let row = 0; row < rows; row++, values += valuesRow) {
    for (let output = 0; output < outputs; output++, scores += 4) {
      let weight = weights + <usize>output * weightsRow;
      let sums = f32x4.splat(0);
      const last = values + (<usize>vectors << 4);
      for (let value = values; value < last; value += 16, weight += 16) sums = f32x4.add(sums, f32x4.mul(v128.load(value), v128.load(weight)));
      store<f32>(scores, f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) + (f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3)));
    }
  }
}

/** out[i] = row rows[i] of a table, `vectors` a row. rows: u32. */
export function gatherRows(table: usize, rows: usize, count: i32, vectors: i32, out: usize): void {
  const bytes = <usize>vectors << 4;
  for (let last = rows + (<usize>count << 2); rows < last; rows += 4) {
    let from = table + <usize>load<u32>(rows) * bytes;
    for (let end = from + bytes; from < end; from += 16, out += 16) v128.store(out, v128.load(from));
  }
}

/**
 * Log loss of scores of two classes, with its derivative by each score. signed: f64, a row's weight, negative for class 0. An even number of
 * rows; losses are added up in two lanes. exp and log1p are those of exact-math.ts, bit for bit, of a score no further from 0 than 700.
 */
export function logisticLoss(scores: usize, signed: usize, rows: i32, deltas: usize): f64 {
  const one = f64x2.splat(1), two = f64x2.splat(2), half = f64x2.splat(0.5), zero = f64x2.splat(0);
  const ln2High = f64x2.splat(0.6931471803691238), ln2Low = f64x2.splat(1.9082149292705877e-10);
  const log2e = f64x2.splat(1.4426950408889634), sign = i64x2.splat(i64.MIN_VALUE);
  // the least m whose logarithm is taken as that of m / 2 and of 2
  const upper = f64x2.splat(reinterpret<f64>(0x3ff6a09e00000000));
  let loss = zero;
  for (const last = scores + (<usize>rows << 2); scores < last; scores += 8, signed += 16, deltas += 8) {
    const weight = v128.load(signed);
    const score = v128.xor(f64x2.promote_low_f32x4(v128.load64_zero(scores)), v128.and(weight, sign));
    // e^-|score|
    const x = f64x2.pmax(f64x2.neg(f64x2.abs(score)), f64x2.splat(-700));
    const k = f64x2.floor(f64x2.add(f64x2.mul(x, log2e), half));
    const high = f64x2.sub(x, f64x2.mul(k, ln2High)), low = f64x2.mul(k, ln2Low);
    const r = f64x2.sub(high, low);
    const lost = f64x2.sub(f64x2.sub(high, r), low);
    let series = f64x2.add(f64x2.splat(1.0 / 39916800), f64x2.div(r, f64x2.splat(479001600)));
    series = f64x2.add(f64x2.splat(1.0 / 3628800), f64x2.mul(r, series));
    series = f64x2.add(f64x2.splat(1.0 / 362880), f64x2.mul(r, series));
    series = f64x2.add(f64x2.splat(1.0 / 40320), f64x2.mul(r, series));
    series = f64x2.add(f64x2.splat(1.0 / 5040), f64x2.mul(r, series));
    series = f64x2.add(f64x2.splat(1.0 / 720), f64x2.mul(r, series));
    series = f64x2.add(f64x2.splat(1.0 / 120), f64x2.mul(r, series));
    series = f64x2.add(f64x2.splat(1.0 / 24), f64x2.mul(r, series));
    series = f64x2.add(f64x2.splat(1.0 / 6), f64x2.mul(r, series));
    series = f64x2.add(half, f64x2.mul(r, series));
    const rest = f64x2.mul(f64x2.mul(r, r), series);
    const exponent = i64x2.shl(i64x2.add(i64x2.extend_low_i32x4_s(i32x4.trunc_sat_f64x2_s_zero(k)), i64x2.splat(1023)), 52);
    const small = f64x2.mul(f64x2.add(one, f64x2.add(r, f64x2.add(rest, lost))), exponent);
    // log(1 + small)
    const u = f64x2.add(one, small);
    const isUpper = f64x2.ge(u, upper);
    const j = v128.and(isUpper, one);
    const f = f64x2.sub(f64x2.mul(u, v128.bitselect(half, one, isUpper)), one);
    const s = f64x2.div(f, f64x2.add(two, f)), z = f64x2.mul(s, s);
    let tail = f64x2.add(f64x2.splat(2.0 / 19), f64x2.div(f64x2.mul(z, two), f64x2.splat(21)));
    tail = f64x2.add(f64x2.splat(2.0 / 17), f64x2.mul(z, tail));
    tail = f64x2.add(f64x2.splat(2.0 / 15), f64x2.mul(z, tail));
    tail = f64x2.add(f64x2.splat(2.0 / 13), f64x2.mul(z, tail));
    tail = f64x2.add(f64x2.splat(2.0 / 11), f64x2.mul(z, tail));
    tail = f64x2.add(f64x2.splat(2.0 / 9), f64x2.mul(z, tail));
    tail = f64x2.add(f64x2.splat(2.0 / 7), f64x2.mul(z, tail));
    tail = f64x2.add(f64x2.splat(2.0 / 5), f64x2.mul(z, tail));
    tail = f64x2.add(f64x2.splat(2.0 / 3), f64x2.mul(z, tail));
    tail = f64x2.mul(z, tail);
    const square = f64x2.mul(f64x2.mul(half, f), f);
    const inner = f64x2.add(f64x2.mul(s, f64x2.add(square, tail)), f64x2.mul(j, ln2Low));
    const log = f64x2.sub(f64x2.mul(j, ln2High), f64x2.sub(f64x2.sub(square, inner), f));
    const log1p = f64x2.add(log, f64x2.div(f64x2.sub(small, f64x2.sub(u, one)), u));
    const over = f64x2.pmax(zero, f64x2.neg(score));
    loss = f64x2.add(loss, f64x2.mul(f64x2.abs(weight), f64x2.add(log1p, over)));
    const wrong = f64x2.div(v128.bitselect(small, one, f64x2.ge(score, zero)), u);
    v128.store64_lane(deltas, f32x4.demote_f64x2_zero(f64x2.neg(f64x2.mul(weight, wrong))), 0);
  }
  return f64x2.extract_lane(loss, 0) + f64x2.extract_lane(loss, 1);
}

/**
 * Which units are active, that is above their threshold: bits [rows x units] in byRow and [units x rows] in byUnit. 16 x chunks units.
 * byRow: 2 x chunks bytes a row, bit 0 of byte 0 = unit 0. byUnit: 16 x chunks bytes for eight rows, a byte a unit, bit 0 = the first row;
 * bits of rows that are not there are 0.
 */
export function markActive(values: usize, valuesRow: usize, rows: i32, chunks: i32, thresholds: usize, byRow: usize, byUnit: usize): void {
  const step = <usize>chunks << 1;
  for (let row = 0; row < rows; row += 8) {
    const last = values + valuesRow * <usize>min(8, rows - row);
    for (let chunk: usize = 0; chunk < step; chunk += 2) {
      const t = thresholds + (chunk << 5);
      const t0 = v128.load(t), t1 = v128.load(t, 16), t2 = v128.load(t, 32), t3 = v128.load(t, 48);
      let bit = i8x16.splat(1), marks = i8x16.splat(0);
      let mark = byRow + chunk;
      for (let at = values + (chunk << 5), end = last + (chunk << 5); at < end; at += valuesRow, mark += step) {
        const first = i16x8.narrow_i32x4_s(f32x4.gt(v128.load(at), t0), f32x4.gt(v128.load(at, 16), t1));
        const second = i16x8.narrow_i32x4_s(f32x4.gt(v128.load(at, 32), t2), f32x4.gt(v128.load(at, 48), t3));
        const active = i8x16.narrow_i16x8_s(first, second);
        store<u16>(mark, <u16>i8x16.bitmask(active));
        marks = v128.or(marks, v128.and(active, bit));
        bit = i8x16.add(bit, bit);
      }
      v128.store(byUnit, marks);
      byUnit += 16;
    }
    values = last;
    byRow += step << 3;
  }
}

/** Four times the positions of the bits of each byte: u32 [256 x 8]; what follows the last bit means nothing. */
export function fillPositions(positions: usize): void {
  for (let byte = 0; byte < 256; byte++, positions += 32) {
    let at = positions;
    for (let bit = 0; bit < 8; bit++) {
      if (!((byte >> bit) & 1)) continue;
      store<u32>(at, bit << 2);
      at += 4;
    }
  }
}

/** The bits of m rows of marks as lists: u32 a list, its length, then four times the positions, rising; `listRow` has room for 7 more. */
export function listMarks(marks: usize, marksRow: usize, step: usize, m: i32, bytes: i32, positions: usize, lists: usize, listRow: usize): void {
  const eight = i32x4.splat(32);
  for (; m > 0; m--, marks += marksRow, lists += listRow) {
    let base = i32x4.splat(0);
    let at = lists + 4, mark = marks;
    for (let byte = 0; byte < bytes; byte++, mark += step) {
      const bits = <usize>load<u8>(mark);
      const from = positions + (bits << 5);
      v128.store(at, i32x4.add(v128.load(from), base));
      v128.store(at, i32x4.add(v128.load(from, 16), base), 16);
      at += popcnt<u32>(<u32>bits) << 2;
      base = i32x4.add(base, eight);
    }
    store<u32>(lists, <u32>((at - lists - 4) >> 2));
  }
}

/** out = transpose of a [rows x columns] matrix, both in whole blocks of four by four. */
export function transpose(a: usize, aRow: usize, rows: i32, columns: i32, out: usize, outRow: usize): void {
  for (let row = 0; row < rows; row += 4, a += aRow << 2, out += 16) {
    let to = out;
    const last = a + (<usize>columns << 2);
    for (let from = a; from < last; from += 16, to += outRow << 2) {
      const r0 = v128.load(from), r1 = v128.load(from + aRow), r2 = v128.load(from + aRow * 2), r3 = v128.load(from + aRow * 3);
      const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5), high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
      const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5), high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2));
      v128.store(to + outRow, v128.shuffle<i64>(low01, low23, 1, 3));
      v128.store(to + outRow * 2, v128.shuffle<i64>(high01, high23, 0, 2));
      v128.store(to + outRow * 3, v128.shuffle<i64>(high01, high23, 1, 3));
    }
  }
}

/**
 * One step of Adam: gradient = gradient x share + alpha x weight, then moments and weights. No alpha for what follows the `inputs` weights of a
 * unit. Returns the sum of the squared weights as they were: f32 in four lanes a unit, (0 + 1) + (2 + 3), over the units in f64.
 */
export function moveWeights(weights: usize, gradient: usize, first: usize, second: usize, units: i32, inputs: i32, share: f32, alpha: f32, rate: f32, decay1: f32, decay2: f32, epsilon: f32): f64 {
  const bytes = <usize>((inputs >> 2) << 4);
  const isWeight = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(inputs & 3));
  const shares = f32x4.splat(share), rates = f32x4.splat(rate), least = f32x4.splat(epsilon);
  const kept1 = f32x4.splat(decay1), new1 = f32x4.splat(1 - decay1), kept2 = f32x4.splat(decay2), new2 = f32x4.splat(1 - decay2);
  let total: f64 = 0;
  for (let unit = 0; unit < units; unit++) {
    let squares = f32x4.splat(0);
    let alphas = f32x4.splat(alpha);
    const last = weights + bytes;
    for (; weights <= last; weights += 16, gradient += 16, first += 16, second += 16) {
      const w = v128.load(weights);
      if (weights == last) alphas = v128.and(alphas, isWeight);
      const penalised = weights == last ? v128.and(w, isWeight) : w;
      squares = f32x4.add(squares, f32x4.mul(penalised, penalised));
      const g = f32x4.add(f32x4.mul(v128.load(gradient), shares), f32x4.mul(alphas, w));
      const m = f32x4.add(f32x4.mul(kept1, v128.load(first)), f32x4.mul(new1, g));
      const v = f32x4.add(f32x4.mul(kept2, v128.load(second)), f32x4.mul(new2, f32x4.mul(g, g)));
      v128.store(first, m);
      v128.store(second, v);
      v128.store(weights, f32x4.sub(w, f32x4.div(f32x4.mul(rates, m), f32x4.add(f32x4.sqrt(v), least))));
    }
    total += <f64>(f32x4.extract_lane(squares, 0) + f32x4.extract_lane(squares, 1) + (f32x4.extract_lane(squares, 2) + f32x4.extract_lane(squares, 3)));
  }
  return total;
}
