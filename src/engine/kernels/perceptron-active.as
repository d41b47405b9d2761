// Perceptron: products that skip silent units. A unit that says 0 adds nothing and learns nothing, and about half of them do: leaving them
// out changes no bit of a sum. Active units stand in lists, u32 a row: their number, then their indices, rising. Columns pass in parts of
// four to seven vectors; where the columns are no multiple of four, the last vector overlaps the one before.

/** Sets to 0 what is negative, and lists what is not 0. lists: u32 [rows x (units + 1)]. */
export function rectifyAndList(values: usize, rows: i32, units: i32, lists: usize): void {
  const zero = f32x4.splat(0);
  for (let row = 0; row < rows; row++) {
    const list = lists + 4;
    let at = list;
    let unit = 0;
    for (; unit + 4 <= units; unit += 4, values += 16) {
      const four = v128.load(values);
      const active = i32x4.bitmask(f32x4.gt(four, zero));
      v128.store(values, v128.andnot(four, f32x4.lt(four, zero)));
      store<u32>(at, unit);
      at += <usize>(active & 1) << 2;
      store<u32>(at, unit + 1);
      at += <usize>(active & 2) << 1;
      store<u32>(at, unit + 2);
      at += <usize>(active & 4);
      store<u32>(at, unit + 3);
      at += <usize>(active & 8) >> 1;
    }
    for (; unit < units; unit++, values += 4) {
      const value = load<f32>(values);
      if (value < 0) store<f32>(values, 0);
      store<u32>(at, unit);
      at += <usize>i32(value > 0) << 2;
    }
    store<u32>(lists, <u32>((at - list) >> 2));
    lists += (<usize>units + 1) << 2;
  }
}

/** Writes `row` into each of `rows` rows of `units` numbers. */
export function repeatRow(row: usize, rows: i32, units: i32, out: usize): void {
  const width = <usize>units << 2;
  for (let i = 0; i < rows; i++, out += width) memory.copy(out, row, width);
}

/** Vectors of the next part, of `left` that remain. */
// @ts-ignore: decorator
@inline
function partOf(left: i32): i32 {
  const parts = (left + 6) / 7;
  return (left + parts - 1) / parts;
}

/**
 * out = first + sum over a row's active units of a's number x b's row: [m x k], [k x n], [m x n], all f32, row-major; n at least 13. first:
 * f32 [n], or 0 for none. Every sum runs over the units upwards, rounded to f32 at each step.
 */
export function multiplyActive(a: usize, lists: usize, b: usize, first: usize, out: usize, m: i32, k: i32, n: i32): void {
  const width = <usize>n << 2;
  const vectors = (n + 3) >> 2;
  for (let row = 0; row < m; row++) {
    const count = load<u32>(lists);
    const list = lists + 4, end = list + (<usize>count << 2);
    let done = 0;
    while (done < vectors) {
      const part = partOf(vectors - done);
      const column = <usize>done << 4;
      done += part;
      // from the part's begin to its last vector
      const tail = done == vectors ? width - 16 - column : <usize>(part - 1) << 4;
      const start = first ? first + column : 0;
      if (part == 7) addActive7(list, end, a, b + column, width, tail, start, out + column);
      else if (part == 6) addActive6(list, end, a, b + column, width, tail, start, out + column);
      else if (part == 5) addActive5(list, end, a, b + column, width, tail, start, out + column);
      else addActive4(list, end, a, b + column, width, tail, start, out + column);
    }
    a += <usize>k << 2;
    out += width;
    lists += (<usize>k + 1) << 2;
  }
}

function addActive4(list: usize, end: usize, a: usize, b: usize, width: usize, tail: usize, first: usize, out: usize): void {
  const zero = f32x4.splat(0);
  let s0 = first ? v128.load(first) : zero;
  let s1 = first ? v128.load(first, 16) : zero;
  let s2 = first ? v128.load(first, 32) : zero;
  let s3 = first ? v128.load(first + tail) : zero;
  for (; list < end; list += 4) {
    const unit = <usize>load<u32>(list);
    const factor = v128.load32_splat(a + (unit << 2));
    const row = b + unit * width;
    s0 = f32x4.add(s0, f32x4.mul(factor, v128.load(row)));
    s1 = f32x4.add(s1, f32x4.mul(factor, v128.load(row, 16)));
    s2 = f32x4.add(s2, f32x4.mul(factor, v128.load(row, 32)));
    s3 = f32x4.add(s3, f32x4.mul(factor, v128.load(row + tail)));
  }
  v128.store(out, s0);
  v128.store(out, s1, 16);
  v128.store(out, s2, 32);
  v128.store(out + tail, s3);
}

function addActive5(list: usize, end: usize, a: usize, b: usize, width: usize, tail: usize, first: usize, out: usize): void {
  const zero = f32x4.splat(0);
  let s0 = first ? v128.load(first) : zero;
  let s1 = first ? v128.load(first, 16) : zero;
  let s2 = first ? v128.load(first, 32) : zero;
  let s3 = first ? v128.load(first, 48) : zero;
  let s4 = first ? v128.load(first + tail) : zero;
  for (; list < end; list += 4) {
    const unit = <usize>load<u32>(list);
    const factor = v128.load32_splat(a + (unit << 2));
    const row = b + unit * width;
    s0 = f32x4.add(s0, f32x4.mul(factor, v128.load(row)));
    s1 = f32x4.add(s1, f32x4.mul(factor, v128.load(row, 16)));
    s2 = f32x4.add(s2, f32x4.mul(factor, v128.load(row, 32)));
    s3 = f32x4.add(s3, f32x4.mul(factor, v128.load(row, 48)));
    s4 = f32x4.add(s4, f32x4.mul(factor, v128.load(row + tail)));
  }
  v128.store(out, s0);
  v128.store(out, s1, 16);
  v128.store(out, s2, 32);
  v128.store(out, s3, 48);
  v128.store(out + tail, s4);
}

function addActive6(list: usize, end: usize, a: usize, b: usize, width: usize, tail: usize, first: usize, out: usize): void {
  const zero = f32x4.splat(0);
  let s0 = first ? v128.load(first) : zero;
  let s1 = first ? v128.load(first, 16) : zero;
  let s2 = first ? v128.load(first, 32) : zero;
  let s3 = first ? v128.load(first, 48) : zero;
  let s4 = first ? v128.load(first, 64) : zero;
  let s5 = first ? v128.load(first + tail) : zero;
  for (; list < end; list += 4) {
    const unit = <usize>load<u32>(list);
    const factor = v128.load32_splat(a + (unit << 2));
    const row = b + unit * width;
    s0 = f32x4.add(s0, f32x4.mul(factor, v128.load(row)));
    s1 = f32x4.add(s1, f32x4.mul(factor, v128.load(row, 16)));
    s2 = f32x4.add(s2, f32x4.mul(factor, v128.load(row, 32)));
    s3 = f32x4.add(s3, f32x4.mul(factor, v128.load(row, 48)));
    s4 = f32x4.add(s4, f32x4.mul(factor, v128.load(row, 64)));
    s5 = f32x4.add(s5, f32x4.mul(factor, v128.load(row + tail)));
  }
  v128.store(out, s0);
  v128.store(out, s1, 16);
  v128.store(out, s2, 32);
  v128.store(out, s3, 48);
  v128.store(out, s4, 64);
  v128.store(out + tail, s5);
}

function addActive7(list: usize, end: usize, a: usize, b: usize, width: usize, tail: usize, first: usize, out: usize): void {
  const zero = f32x4.splat(0);
  let s0 = first ? v128.load(first) : zero;
  let s1 = first ? v128.load(first, 16) : zero;
  let s2 = first ? v128.load(first, 32) : zero;
  let s3 = first ? v128.load(first, 48) : zero;
  let s4 = first ? v128.load(first, 64) : zero;
  let s5 = first ? v128.load(first, 80) : zero;
  let s6 = first ? v128.load(first + tail) : zero;
  for (; list < end; list += 4) {
    const unit = <usize>load<u32>(list);
    const factor = v128.load32_splat(a + (unit << 2));
    const row = b + unit * width;
    s0 = f32x4.add(s0, f32x4.mul(factor, v128.load(row)));
    s1 = f32x4.add(s1, f32x4.mul(factor, v128.load(row, 16)));
    s2 = f32x4.add(s2, f32x4.mul(factor, v128.load(row, 32)));
    s3 = f32x4.add(s3, f32x4.mul(factor, v128.load(row, 48)));
    s4 = f32x4.add(s4, f32x4.mul(factor, v128.load(row, 64)));
    s5 = f32x4.add(s5, f32x4.mul(factor, v128.load(row, 80)));
    s6 = f32x4.add(s6, f32x4.mul(factor, v128.load(row + tail)));
  }
  v128.store(out, s0);
  v128.store(out, s1, 16);
  v128.store(out, s2, 32);
  v128.store(out, s3, 48);
  v128.store(out, s4, 64);
  v128.store(out, s5, 80);
  v128.store(out + tail, s6);
}

/**
 * out = transpose of a x b, over a row's active units only: [m x k], [m x n], [k x n]; n at least 13. Rows of out are filled up to whole
 * vectors (what stands there means nothing), so that no vector is read before the one that it overlaps has reached the cache. Every sum
 * runs over the rows upwards.
 */
export function outerActive(a: usize, lists: usize, b: usize, out: usize, m: i32, k: i32, n: i32): void {
  const vectors = (n + 3) >> 2;
  const width = <usize>vectors << 4;
  memory.fill(out, 0, <usize>k * width);
  for (let row = 0; row < m; row++) {
    const count = load<u32>(lists);
    const list = lists + 4, end = list + (<usize>count << 2);
    let done = 0;
    while (done < vectors) {
      const part = partOf(vectors - done);
      const column = <usize>done << 4;
      done += part;
      if (part == 7) addOuter7(list, end, a, b + column, width, out + column);
      else if (part == 6) addOuter6(list, end, a, b + column, width, out + column);
      else if (part == 5) addOuter5(list, end, a, b + column, width, out + column);
      else addOuter4(list, end, a, b + column, width, out + column);
    }
    a += <usize>k << 2;
    b += <usize>n << 2;
    lists += (<usize>k + 1) << 2;
  }
}

/** The first n numbers of each of k rows that were filled up to whole vectors. */
export function takeRows(from: usize, k: i32, n: i32, out: usize): void {
  const width = <usize>((n + 3) >> 2) << 4;
  const bytes = <usize>n << 2;
  for (let row = 0; row < k; row++, from += width, out += bytes) memory.copy(out, from, bytes);
}

function addOuter4(list: usize, end: usize, a: usize, b: usize, width: usize, out: usize): void {
  const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
  for (; list < end; list += 4) {
    const unit = <usize>load<u32>(list);
    const factor = v128.load32_splat(a + (unit << 2));
    const row = out + unit * width;
    v128.store(row, f32x4.add(v128.load(row), f32x4.mul(factor, b0)));
    v128.store(row, f32x4.add(v128.load(row, 16), f32x4.mul(factor, b1)), 16);
    v128.store(row, f32x4.add(v128.load(row, 32), f32x4.mul(factor, b2)), 32);
    v128.store(row, f32x4.add(v128.load(row, 48), f32x4.mul(factor, b3)), 48);
  }
}

function addOuter5(list: usize, end: usize, a: usize, b: usize, width: usize, out: usize): void {
  const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48), b4 = v128.load(b, 64);
  for (; list < end; list += 4) {
    const unit = <usize>load<u32>(list);
    const factor = v128.load32_splat(a + (unit << 2));
    const row = out + unit * width;
    v128.store(row, f32x4.add(v128.load(row), f32x4.mul(factor, b0)));
    v128.store(row, f32x4.add(v128.load(row, 16), f32x4.mul(factor, b1)), 16);
    v128.store(row, f32x4.add(v128.load(row, 32), f32x4.mul(factor, b2)), 32);
    v128.store(row, f32x4.add(v128.load(row, 48), f32x4.mul(factor, b3)), 48);
    v128.store(row, f32x4.add(v128.load(row, 64), f32x4.mul(factor, b4)), 64);
  }
}

function addOuter6(list: usize, end: usize, a: usize, b: usize, width: usize, out: usize): void {
  const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48), b4 = v128.load(b, 64), b5 = v128.load(b, 80);
  for (; list < end; list += 4) {
    const unit = <usize>load<u32>(list);
    const factor = v128.load32_splat(a + (unit << 2));
    const row = out + unit * width;
    v128.store(row, f32x4.add(v128.load(row), f32x4.mul(factor, b0)));
    v128.store(row, f32x4.add(v128.load(row, 16), f32x4.mul(factor, b1)), 16);
    v128.store(row, f32x4.add(v128.load(row, 32), f32x4.mul(factor, b2)), 32);
    v128.store(row, f32x4.add(v128.load(row, 48), f32x4.mul(factor, b3)), 48);
    v128.store(row, f32x4.add(v128.load(row, 64), f32x4.mul(factor, b4)), 64);
    v128.store(row, f32x4.add(v128.load(row, 80), f32x4.mul(factor, b5)), 80);
  }
}

function addOuter7(list: usize, end: usize, a: usize, b: usize, width: usize, out: usize): void {
  const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48), b4 = v128.load(b, 64), b5 = v128.load(b, 80), b6 = v128.load(b, 96);
  for (; list < end; list += 4) {
    const unit = <usize>load<u32>(list);
    const factor = v128.load32_splat(a + (unit << 2));
    const row = out + unit * width;
    v128.store(row, f32x4.add(v128.load(row), f32x4.mul(factor, b0)));
    v128.store(row, f32x4.add(v128.load(row, 16), f32x4.mul(factor, b1)), 16);
    v128.store(row, f32x4.add(v128.load(row, 32), f32x4.mul(factor, b2)), 32);
    v128.store(row, f32x4.add(v128.load(row, 48), f32x4.mul(factor, b3)), 48);
    v128.store(row, f32x4.add(v128.load(row, 64), f32x4.mul(factor, b4)), 64);
    v128.store(row, f32x4.add(v128.load(row, 80), f32x4.mul(factor, b5)), 80);
    v128.store(row, f32x4.add(v128.load(row, 96), f32x4.mul(factor, b6)), 96);
  }
}
