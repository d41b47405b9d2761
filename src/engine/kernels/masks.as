// Prediction by masks, for trees of at most 64 leaves (Lucchese et al. 2015, QuickScorer). Each tree has a bit for each of its leaves, from
// left to right. A split that sends the row right takes away the bits of its left side; the lowest bit that is left is the row's leaf. What
// all splits of a column leave of all trees depends only on the place of the value among the column's thresholds, so it was computed for every
// place before: a row costs one search and one pass of `and` a column, whatever its values are.

/** Bytes of 256 thresholds, and of the greatest of each 16. */
const CUTS_BYTES: usize = 1024;
const ENDS_BYTES: usize = 64;

/** How many of 16 integers are less than `value`, which all four lanes hold. */
// @ts-ignore: decorator
@inline
function countLess(value: v128, at: usize): usize {
  const low = i16x8.narrow_i32x4_s(i32x4.gt_s(value, v128.load(at)), i32x4.gt_s(value, v128.load(at, 16)));
  const high = i16x8.narrow_i32x4_s(i32x4.gt_s(value, v128.load(at, 32)), i32x4.gt_s(value, v128.load(at, 48)));
  return <usize>popcnt(i8x16.bitmask(i8x16.narrow_i16x8_s(low, high)));
}

/**
 * What a row leaves of each tree: `bytes` of bits, a multiple of 16, at `out`. row: f32 [columns] in order (`orderValues`). asked: for each of `count` columns u32 offset of its value, address of its masks for every place, groups of its thresholds; cuts: for each of
 * these columns the greatest of each 16 thresholds, then the thresholds, i32, 256 a group, rising, free ones the greatest i32; found: room for u32 [count].
 */
export function andMasks(row: usize, asked: usize, count: i32, cuts: usize, bytes: usize, found: usize, out: usize): void {
  const foundEnd = found + (<usize>count << 2);
  for (let at = found; at < foundEnd; at += 4, asked += 12) {
    const value = load<i32>(row + <usize>load<u32>(asked));
    const groups = <usize>load<u32>(asked, 8);
    const four = i32x4.splat(value);
    const thresholds = cuts + groups * ENDS_BYTES;
    let block = countLess(four, cuts);
    for (cuts += ENDS_BYTES; cuts < thresholds; cuts += ENDS_BYTES) block += countLess(four, cuts);
    // missing values have a place of their own behind the last
    const place = (block << 4) + countLess(four, cuts + (block << 6)) + <usize>i32(value > INFINITE);
    cuts += groups * CUTS_BYTES;
    store<u32>(at, load<u32>(asked, 4) + <u32>(place * bytes));
  }
  let done: usize = 0;
  for (; done + 128 <= bytes; done += 128) {
    let a = i32x4.splat(-1), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
    for (let at = found; at < foundEnd; at += 4) {
      const masks = <usize>load<u32>(at) + done;
      a = v128.and(a, v128.load(masks));
      b = v128.and(b, v128.load(masks, 16));
      c = v128.and(c, v128.load(masks, 32));
      d = v128.and(d, v128.load(masks, 48));
      e = v128.and(e, v128.load(masks, 64));
      f = v128.and(f, v128.load(masks, 80));
      g = v128.and(g, v128.load(masks, 96));
      h = v128.and(h, v128.load(masks, 112));
    }
    const o = out + done;
    v128.store(o, a);
    v128.store(o, b, 16);
    v128.store(o, c, 32);
    v128.store(o, d, 48);
    v128.store(o, e, 64);
    v128.store(o, f, 80);
    v128.store(o, g, 96);
    v128.store(o, h, 112);
  }
  for (; done < bytes; done += 16) {
    let a = i32x4.splat(-1);
    for (let at = found; at < foundEnd; at += 4) a = v128.and(a, v128.load(<usize>load<u32>(at) + done));
    v128.store(out + done, a);
  }
}

// Sum of one number a leaf over all trees, in an order of its own: for leaves whose sums are exact. What fills up the last 16 bytes has numbers 0.

/** masks: u32 [trees]; values: f32 [trees x 32]. */
export function sumMasked32(masks: usize, bytes: usize, values: usize): f64 {
  let a: f64 = 0, b: f64 = 0, c: f64 = 0, d: f64 = 0;
  for (const last = masks + bytes; masks < last; masks += 16, values += 512) {
    a += <f64>load<f32>(values + (<usize>ctz(load<u32>(masks)) << 2));
    b += <f64>load<f32>(values + (<usize>ctz(load<u32>(masks, 4)) << 2), 128);
    c += <f64>load<f32>(values + (<usize>ctz(load<u32>(masks, 8)) << 2), 256);
    d += <f64>load<f32>(values + (<usize>ctz(load<u32>(masks, 12)) << 2), 384);
  }
  return (a + b) + (c + d);
}

/** masks: u64 [trees]; values: f32 [trees x 64]. */
export function sumMasked64(masks: usize, bytes: usize, values: usize): f64 {
  let a: f64 = 0, b: f64 = 0;
  for (const last = masks + bytes; masks < last; masks += 16, values += 512) {
    a += <f64>load<f32>(values + (<usize>ctz(load<u64>(masks)) << 2));
    b += <f64>load<f32>(values + (<usize>ctz(load<u64>(masks, 8)) << 2), 256);
  }
  return a + b;
}
