// Perceptron: products that leave out silent units. A unit that says 0 adds nothing and learns nothing, and about half of them do. Columns pass
// in parts of up to 13 vectors whose sums stay in registers while all rows of a product pass; scripts/build-kernels.ts writes the function of
// each width: what stands between "for N" and "end" once for every N, and there a line with $i once for every i below N.

const MOST_VECTORS: i32 = 13;

/** Vectors of the next part, of `left` that remain: parts as equal as can be. */
// @ts-ignore: decorator
@inline
function partOf(left: i32): i32 {
  const parts = (left + MOST_VECTORS - 1) / MOST_VECTORS;
  return (left + parts - 1) / parts;
}

/**
 * out[x] = first[x] + sum over y in list x of a[x][y] x b[y], k y, [m x vectors], nothing below `floor`. Lists are those of listMarks; listRow 0: one
 * list for every x. a's numbers stand at x * aRow + y * aStep; firstRow 0: one row for every x. Sums run over the list upwards, rounded to
 * f32 at each step. offsets: room for 2 x k numbers of u32: every y is multiplied by aStep and bRow once, not at every use, which takes a tenth less
 * time.
 */
export function multiplyListed(m: i32, k: i32, lists: usize, listRow: usize, a: usize, aRow: usize, aStep: usize, b: usize, bRow: usize, first: usize, firstRow: usize, out: usize, outRow: usize, vectors: i32, floor: f32, offsets: usize): void {
  const aOffsets = offsets, bOffsets = offsets + (<usize>k << 2);
  for (let y = 0; y < k; y++, offsets += 4) {
    store<u32>(offsets, <u32>y * <u32>aStep);
    store<u32>(offsets + (<usize>k << 2), <u32>y * <u32>bRow);
  }
  while (vectors > 0) {
    const part = partOf(vectors);
    switch (part) {
// for N
      case $N: multiplyListed$N(m, lists, listRow, a, aRow, aOffsets, b, bOffsets, first, firstRow, out, outRow, floor); break;
// end
    }
    vectors -= part;
    b += <usize>part << 4;
    first += <usize>part << 4;
    out += <usize>part << 4;
  }
}

/** Bytes of marks, each of eight rows, whose sums of subsets stay in the first cache: 33 KB for 13 vectors. */
const CHUNK_BYTES: i32 = 5;

/**
 * out[x] = (first[x] + sum of right[y] x b[y] over the y that are marked in row x of marks) x left[x], [m x vectors]. Multiplications are done once a
 * row of b, and four rows' sixteen sums of subsets are added up once: a row of out then takes one addition for four rows of b. Source:
 * Arlazarov, Dinic, Kronrod and Faradzev 1970. marks: `bytes` bytes of eight y each, at x * marksRow + byte * step; b has 8 x bytes rows,
 * of which those that are never marked may hold anything. The sum of four rows runs upwards, and so do the fours. tables: 16 x 13 x 10 vectors.
 */
export function multiplyMarked(m: i32, marks: usize, marksRow: usize, step: usize, bytes: i32, right: usize, b: usize, bRow: usize, first: usize, firstRow: usize, left: usize, leftRow: usize, one: usize, out: usize, outRow: usize, vectors: i32, tables: usize): void {
  while (vectors > 0) {
    const part = partOf(vectors);
    let from = first, fromRow = firstRow;
    for (let byte = 0; byte < bytes; byte += CHUNK_BYTES) {
      const count = min(CHUNK_BYTES, bytes - byte);
      const isLast = byte + count == bytes;
      const scale = isLast ? left : one, scaleRow = isLast ? leftRow : 0;
      const rows = b + <usize>(byte << 3) * bRow, scales = right + (<usize>byte << 5), at = marks + <usize>byte * step;
      switch (part) {
// for N
        case $N: sumSubsets$N(count << 1, scales, rows, bRow, tables); chooseSubsets$N(m, at, marksRow, step, count, tables, from, fromRow, scale, scaleRow, out, outRow); break;
// end
      }
      from = out;
      fromRow = outRow;
    }
    vectors -= part;
    b += <usize>part << 4;
    first += <usize>part << 4;
    out += <usize>part << 4;
  }
}

// for N
function multiplyListed$N(m: i32, lists: usize, listRow: usize, a: usize, aRow: usize, aOffsets: usize, b: usize, bOffsets: usize, first: usize, firstRow: usize, out: usize, outRow: usize, floor: f32): void {
  const least = f32x4.splat(floor);
  for (; m > 0; m--, lists += listRow, a += aRow, first += firstRow, out += outRow) {
    let s$i = v128.load(first, $i * 16);
    const last = lists + (<usize>load<u32>(lists) << 2);
    for (let list = lists; list < last; list += 4) {
      const y = <usize>load<u32>(list, 4);
      const factor = v128.load32_splat(a + load<u32>(aOffsets + y));
      const row = b + load<u32>(bOffsets + y);
      s$i = f32x4.add(s$i, f32x4.mul(factor, v128.load(row, $i * 16)));
    }
    v128.store(out, f32x4.pmax(s$i, least), $i * 16);
  }
}

/** tables[four][vector][subset] = sum of right[y] x b[y] over the y of the subset: what is stored one after the other shares cache lines. */
function sumSubsets$N(fours: i32, right: usize, b: usize, bRow: usize, tables: usize): void {
  const size: usize = $N * 16;
  for (; fours > 0; fours--, right += 16, b += bRow << 2, tables += size << 4) {
    const f0 = v128.load32_splat(right), f1 = v128.load32_splat(right, 4), f2 = v128.load32_splat(right, 8), f3 = v128.load32_splat(right, 12);
    let to = tables;
    for (let at: usize = 0; at < size; at += 16, to += 256) {
      const from = b + at;
      const r1 = f32x4.mul(f0, v128.load(from));
      const r2 = f32x4.mul(f1, v128.load(from + bRow));
      const r4 = f32x4.mul(f2, v128.load(from + bRow * 2));
      const r8 = f32x4.mul(f3, v128.load(from + bRow * 3));
      const r3 = f32x4.add(r1, r2), r5 = f32x4.add(r1, r4), r6 = f32x4.add(r2, r4), r7 = f32x4.add(r3, r4);
      v128.store(to, f32x4.splat(0));
      v128.store(to, r1, 16);
      v128.store(to, r2, 32);
      v128.store(to, r3, 48);
      v128.store(to, r4, 64);
      v128.store(to, r5, 80);
      v128.store(to, r6, 96);
      v128.store(to, r7, 112);
      v128.store(to, r8, 128);
      v128.store(to, f32x4.add(r1, r8), 144);
      v128.store(to, f32x4.add(r2, r8), 160);
      v128.store(to, f32x4.add(r3, r8), 176);
      v128.store(to, f32x4.add(r4, r8), 192);
      v128.store(to, f32x4.add(r5, r8), 208);
      v128.store(to, f32x4.add(r6, r8), 224);
      v128.store(to, f32x4.add(r7, r8), 240);
    }
  }
}

function chooseSubsets$N(m: i32, marks: usize, marksRow: usize, step: usize, bytes: i32, tables: usize, first: usize, firstRow: usize, left: usize, leftRow: usize, out: usize, outRow: usize): void {
  const size: usize = $N * 16;
  const end = tables + <usize>bytes * (size << 5);
  for (; m > 0; m--, marks += marksRow, first += firstRow, left += leftRow, out += outRow) {
    let s$i = v128.load(first, $i * 16);
    let mark = marks;
    for (let table = tables; table < end; table += size << 5, mark += step) {
      const eight = <usize>load<u8>(mark);
      const low = table + ((eight & 15) << 4), high = table + (eight & 240);
      s$i = f32x4.add(f32x4.add(s$i, v128.load(low, $i * 256)), v128.load(high, ($N + $i) * 256));
    }
    const factor = v128.load32_splat(left);
    v128.store(out, f32x4.mul(s$i, factor), $i * 16);
  }
}
// end
