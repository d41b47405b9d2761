// Binning.

/**
 * Takes values[floor(i * step)] for i < samples, without the missing ones, sorted ascending, one zero made of two. sorted, other: u32 [samples];
 * counts: u32 [2048]. Returns how many there are. The order of a float's bits as an integer: all bits of a negative one turned, the sign of a
 * positive one.
 */
export function sortSample(values: usize, samples: i32, step: f64, sorted: usize, other: usize, counts: usize): i32 {
  let end = sorted;
  for (let i = 0; i < samples; i++) {
    const value = load<f32>(values + (<usize>(floor(<f64>i * step)) << 2)) + <f32>0;
    if (value != value) continue;
    const bits = reinterpret<i32>(value);
    store<i32>(end, bits ^ (bits >> 31 | <i32>0x80000000));
    end += 4;
  }
  const bytes = end - sorted;
  const digitBits: u32 = bytes < 16384 ? 8 : 11;
  const mask: u32 = (1 << digitBits) - 1;
  let from = sorted;
  let into = other;
  for (let shift: u32 = 0; shift < 32; shift += digitBits) {
    memory.fill(counts, 0, <usize>(mask + 1) << 2);
    for (let at = from; at < from + bytes; at += 4) {
      const count = counts + (<usize>((load<u32>(at) >> shift) & mask) << 2);
      store<u32>(count, load<u32>(count) + 1);
    }
    let before: u32 = 0;
    for (let count = counts; count < counts + (<usize>(mask + 1) << 2); count += 4) {
      const here = load<u32>(count);
      store<u32>(count, before);
      before += here;
    }
    for (let at = from; at < from + bytes; at += 4) {
      const key = load<u32>(at);
      const count = counts + (<usize>((key >> shift) & mask) << 2);
      const place = load<u32>(count);
      store<u32>(count, place + 1);
      store<u32>(into + (<usize>place << 2), key);
    }
    const swapped = from;
    from = into;
    into = swapped;
  }
  for (let i: usize = 0; i < bytes; i += 4) {
    const key = load<i32>(from + i);
    store<i32>(sorted + i, key ^ (~key >> 31 | <i32>0x80000000));
  }
  return <i32>(bytes >> 2);
}

/**
 * Codes of a column: the first bin whose cut the value does not exceed, 255 where missing. cuts: f32 [256], filled up with infinity;
 * low, high: f32 [255], widened by each value. Eight steps without branches. Returns how many are present.
 */
export function encodeColumn(values: usize, count: i32, cuts: usize, codes: usize, low: usize, high: usize): i32 {
  let present = count;
  for (let i = 0; i < count; i++) {
    const value = load<f32>(values + (<usize>i << 2));
    if (value != value) {
      store<u8>(codes + i, MISSING_BIN);
      present--;
      continue;
    }
    let bin: usize = 0;
    bin += <usize>i32(value > load<f32>(cuts, 508)) << 7;
    bin += <usize>i32(value > load<f32>(cuts + (bin << 2), 252)) << 6;
    bin += <usize>i32(value > load<f32>(cuts + (bin << 2), 124)) << 5;
    bin += <usize>i32(value > load<f32>(cuts + (bin << 2), 60)) << 4;
    bin += <usize>i32(value > load<f32>(cuts + (bin << 2), 28)) << 3;
    bin += <usize>i32(value > load<f32>(cuts + (bin << 2), 12)) << 2;
    bin += <usize>i32(value > load<f32>(cuts + (bin << 2), 4)) << 1;
    bin += <usize>i32(value > load<f32>(cuts + (bin << 2)));
    store<u8>(codes + i, <u8>bin);
    const lowest = low + (bin << 2);
    const highest = high + (bin << 2);
    if (value < load<f32>(lowest)) store<f32>(lowest, value);
    if (value > load<f32>(highest)) store<f32>(highest, value);
  }  return present;
}
