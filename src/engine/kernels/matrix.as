// Matrices of f32.

/**
 * out = a x b (+ out), [m x k], [k x n], [m x n]; b and out row-major, a's rows `aRow` and its columns `aStep` bytes apart, so that a
 * transposed matrix needs no copy. Every sum runs over k upwards, rounded to f32 at each step, so that the blocks
 * change no bit. Eight columns of b stay in the first cache while all rows pass, four rows at a time: their sums do not wait for each other.
 */
export function multiply(a: usize, aRow: i32, aStep: i32, b: usize, out: usize, m: i32, k: i32, n: i32, add: i32): void {
  rowBytes = <usize>aRow;
  stepBytes = <usize>aStep;
  let column = 0;
  for (; column + 8 <= n; column += 8) {
    let row = 0;
    for (; row + 4 <= m; row += 4) multiply4x8(a, b, out, row, column, k, n, add);
    for (; row < m; row++) {
      multiply1x4(a, b, out, row, column, k, n, add);
      multiply1x4(a, b, out, row, column + 4, k, n, add);
    }
  }
  for (; column + 4 <= n; column += 4) {
    let row = 0;
    for (; row + 4 <= m; row += 4) multiply4x4(a, b, out, row, column, k, n, add);
    for (; row < m; row++) multiply1x4(a, b, out, row, column, k, n, add);
  }
  for (; column < n; column++) {
    let row = 0;
    for (; row + 4 <= m; row += 4) multiply4x1(a, b, out, row, column, k, n, add);
    for (; row < m; row++) multiply1x1(a, b, out, row, column, k, n, add);
  }
}

let rowBytes: usize = 0, stepBytes: usize = 0;

// @ts-ignore: decorator
@inline
function startOf(at: usize, add: i32): v128 {
  return add ? v128.load(at) : f32x4.splat(0);
}

function multiply4x8(a: usize, b: usize, out: usize, row: i32, column: i32, k: i32, n: i32, add: i32): void {
  const width = <usize>n << 2;
  const depth = rowBytes, step = stepBytes;
  let bAt = b + (<usize>column << 2);
  let aAt = a + <usize>row * depth;
  const a1 = depth, a2 = depth << 1, a3 = depth * 3;
  const at = out + <usize>row * width + (<usize>column << 2);
  let r0 = startOf(at, add), s0 = startOf(at + 16, add);
  let r1 = startOf(at + width, add), s1 = startOf(at + width + 16, add);
  let r2 = startOf(at + width * 2, add), s2 = startOf(at + width * 2 + 16, add);
  let r3 = startOf(at + width * 3, add), s3 = startOf(at + width * 3 + 16, add);
  const last = aAt + <usize>k * step;
  for (; aAt < last; aAt += step) {
    const left = v128.load(bAt), right = v128.load(bAt, 16);
    const f0 = v128.load32_splat(aAt);
    r0 = f32x4.add(r0, f32x4.mul(f0, left));
    s0 = f32x4.add(s0, f32x4.mul(f0, right));
    const f1 = v128.load32_splat(aAt + a1);
    r1 = f32x4.add(r1, f32x4.mul(f1, left));
    s1 = f32x4.add(s1, f32x4.mul(f1, right));
    const f2 = v128.load32_splat(aAt + a2);
    r2 = f32x4.add(r2, f32x4.mul(f2, left));
    s2 = f32x4.add(s2, f32x4.mul(f2, right));
    const f3 = v128.load32_splat(aAt + a3);
    r3 = f32x4.add(r3, f32x4.mul(f3, left));
    s3 = f32x4.add(s3, f32x4.mul(f3, right));
    bAt += width;
  }
  v128.store(at, r0);
  v128.store(at, s0, 16);
  v128.store(at + width, r1);
  v128.store(at + width, s1, 16);
  v128.store(at + width * 2, r2);
  v128.store(at + width * 2, s2, 16);
  v128.store(at + width * 3, r3);
  v128.store(at + width * 3, s3, 16);
}

function multiply4x4(a: usize, b: usize, out: usize, row: i32, column: i32, k: i32, n: i32, add: i32): void {
  const width = <usize>n << 2;
  const depth = rowBytes, step = stepBytes;
  let bAt = b + (<usize>column << 2);
  let aAt = a + <usize>row * depth;
  const at = out + <usize>row * width + (<usize>column << 2);
  let r0 = startOf(at, add), r1 = startOf(at + width, add), r2 = startOf(at + width * 2, add), r3 = startOf(at + width * 3, add);
  const last = aAt + <usize>k * step;
  for (; aAt < last; aAt += step) {
    const values = v128.load(bAt);
    r0 = f32x4.add(r0, f32x4.mul(v128.load32_splat(aAt), values));
    r1 = f32x4.add(r1, f32x4.mul(v128.load32_splat(aAt + depth), values));
    r2 = f32x4.add(r2, f32x4.mul(v128.load32_splat(aAt + depth * 2), values));
    r3 = f32x4.add(r3, f32x4.mul(v128.load32_splat(aAt + depth * 3), values));
    bAt += width;
  }
  v128.store(at, r0);
  v128.store(at + width, r1);
  v128.store(at + width * 2, r2);
  v128.store(at + width * 3, r3);
}

function multiply1x4(a: usize, b: usize, out: usize, row: i32, column: i32, k: i32, n: i32, add: i32): void {
  const width = <usize>n << 2;
  let bAt = b + (<usize>column << 2);
  const step = stepBytes;
  let aAt = a + <usize>row * rowBytes;
  const at = out + <usize>row * width + (<usize>column << 2);
  let sums = startOf(at, add);
  const last = aAt + <usize>k * step;
  for (; aAt < last; aAt += step) {
    sums = f32x4.add(sums, f32x4.mul(v128.load32_splat(aAt), v128.load(bAt)));
    bAt += width;
  }
  v128.store(at, sums);
}

/** One column of four rows. */
function multiply4x1(a: usize, b: usize, out: usize, row: i32, column: i32, k: i32, n: i32, add: i32): void {
  const width = <usize>n << 2;
  const depth = rowBytes, step = stepBytes;
  let bAt = b + (<usize>column << 2);
  let aAt = a + <usize>row * depth;
  const at = out + <usize>row * width + (<usize>column << 2);
  let r0: f32 = add ? load<f32>(at) : 0;
  let r1: f32 = add ? load<f32>(at + width) : 0;
  let r2: f32 = add ? load<f32>(at + width * 2) : 0;
  let r3: f32 = add ? load<f32>(at + width * 3) : 0;
  const last = aAt + <usize>k * step;
  for (; aAt < last; aAt += step) {
    const value = load<f32>(bAt);
    r0 += load<f32>(aAt) * value;
    r1 += load<f32>(aAt + depth) * value;
    r2 += load<f32>(aAt + depth * 2) * value;
    r3 += load<f32>(aAt + depth * 3) * value;
    bAt += width;
  }
  store<f32>(at, r0);
  store<f32>(at + width, r1);
  store<f32>(at + width * 2, r2);
  store<f32>(at + width * 3, r3);
}

function multiply1x1(a: usize, b: usize, out: usize, row: i32, column: i32, k: i32, n: i32, add: i32): void {
  const width = <usize>n << 2;
  let bAt = b + (<usize>column << 2);
  const step = stepBytes;
  let aAt = a + <usize>row * rowBytes;
  const at = out + <usize>row * width + (<usize>column << 2);
  let sum: f32 = add ? load<f32>(at) : 0;
  const last = aAt + <usize>k * step;
  for (; aAt < last; aAt += step) {
    sum += load<f32>(aAt) * load<f32>(bAt);
    bAt += width;
  }
  store<f32>(at, sum);
}
