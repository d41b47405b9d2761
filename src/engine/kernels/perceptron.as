// Perceptron: sums in f64, arrays in f32.

/** out[unit] = sum over the rows of a [rows x units] matrix, downwards, rounded to f32 at each step. */
export function sumRows(matrix: usize, rows: i32, units: i32, out: usize): void {
  const width = <usize>units << 2;
  memory.fill(out, 0, width);
  for (let row = 0; row < rows; row++) {
    let unit = 0;
    for (; unit + 4 <= units; unit += 4) {
      const at = <usize>unit << 2;
      v128.store(out + at, f32x4.add(v128.load(out + at), v128.load(matrix + at)));
    }
    for (; unit < units; unit++) {
      const at = <usize>unit << 2;
      store<f32>(out + at, load<f32>(out + at) + load<f32>(matrix + at));
    }
    matrix += width;
  }
}

/** Sets to 0 what is negative. */
export function rectify(values: usize, count: i32): void {
  const last = values + (<usize>count << 2);
  const zero = f32x4.splat(0);
  for (; values + 16 <= last; values += 16) {
    const four = v128.load(values);
    v128.store(values, v128.andnot(four, f32x4.lt(four, zero)));
  }
  for (; values < last; values += 4) if (load<f32>(values) < 0) store<f32>(values, 0);
}

/** Sets to 0 the deltas of units that say 0. */
export function maskSilent(values: usize, deltas: usize, count: i32): void {
  const last = values + (<usize>count << 2);
  const zero = f32x4.splat(0);
  for (; values + 16 <= last; values += 16, deltas += 16) v128.store(deltas, v128.andnot(v128.load(deltas), f32x4.le(v128.load(values), zero)));
  for (; values < last; values += 4, deltas += 4) if (load<f32>(values) <= 0) store<f32>(deltas, 0);
}

/** One step of Adam: gradient = (gradient + alpha x weight) / batch, then moments and weights, each rounded to f32 where it is stored. */
export function moveWeights(weights: usize, gradient: usize, first: usize, second: usize, count: i32, alpha: f64, batch: f64, rate: f64, decay1: f64, decay2: f64, epsilon: f64): void {
  const rest1 = 1 - decay1, rest2 = 1 - decay2;
  const last = weights + (<usize>count << 2);
  for (; weights + 8 <= last; weights += 8, gradient += 8, first += 8, second += 8) {
    const w = f64x2.promote_low_f32x4(v128.load64_zero(weights));
    const sum = f64x2.add(f64x2.promote_low_f32x4(v128.load64_zero(gradient)), f64x2.mul(f64x2.splat(alpha), w));
    const g = f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(f64x2.div(sum, f64x2.splat(batch))));
    const m = f64x2.add(f64x2.mul(f64x2.splat(decay1), f64x2.promote_low_f32x4(v128.load64_zero(first))), f64x2.mul(f64x2.splat(rest1), g));
    const kept = f32x4.demote_f64x2_zero(m);
    const v = f64x2.add(f64x2.mul(f64x2.splat(decay2), f64x2.promote_low_f32x4(v128.load64_zero(second))), f64x2.mul(f64x2.mul(f64x2.splat(rest2), g), g));
    const squared = f32x4.demote_f64x2_zero(v);
    v128.store64_lane(first, kept, 0);
    v128.store64_lane(second, squared, 0);
    const bottom = f64x2.add(f64x2.sqrt(f64x2.promote_low_f32x4(squared)), f64x2.splat(epsilon));
    const moved = f64x2.sub(w, f64x2.div(f64x2.mul(f64x2.splat(rate), f64x2.promote_low_f32x4(kept)), bottom));
    v128.store64_lane(weights, f32x4.demote_f64x2_zero(moved), 0);
  }
  for (; weights < last; weights += 4, gradient += 4, first += 4, second += 4) {
    const w = <f64>load<f32>(weights);
    const g = <f64><f32>((<f64>load<f32>(gradient) + alpha * w) / batch);
    const kept = <f32>(decay1 * <f64>load<f32>(first) + rest1 * g);
    const squared = <f32>(decay2 * <f64>load<f32>(second) + rest2 * g * g);
    store<f32>(first, kept);
    store<f32>(second, squared);
    store<f32>(weights, <f32>(w - (rate * <f64>kept) / (sqrt<f64>(<f64>squared) + epsilon)));
  }
}

/** Sum of squares in f64, in four lanes that are added at the end: (0 + 1) + (2 + 3); what is left over from a multiple of four goes to lane 0. */
export function sumSquares(values: usize, count: i32): f64 {
  let low = f64x2.splat(0), high = f64x2.splat(0);
  const last = values + (<usize>count << 2);
  for (; values + 16 <= last; values += 16) {
    const a = f64x2.promote_low_f32x4(v128.load64_zero(values)), b = f64x2.promote_low_f32x4(v128.load64_zero(values, 8));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  let first = f64x2.extract_lane(low, 0);
  for (; values < last; values += 4) first += <f64>load<f32>(values) * <f64>load<f32>(values);
  return first + f64x2.extract_lane(low, 1) + (f64x2.extract_lane(high, 0) + f64x2.extract_lane(high, 1));
}

/** out = transpose of a [rows x columns] matrix of f32 whose rows begin `width` bytes apart. */
export function transpose(a: usize, width: usize, out: usize, rows: i32, columns: i32): void {
  for (let column = 0; column < columns; column++, a += 4) {
    let from = a;
    for (let row = 0; row < rows; row++, from += width, out += 4) store<f32>(out, load<f32>(from));
  }
}
