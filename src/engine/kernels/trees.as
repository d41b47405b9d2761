// Prediction. Compact trees have nodes of 8 bytes: i32 threshold, u32 feature x 4 << 23 | offset of the left child in bytes | missing goes
// left. A leaf's threshold is infinity, its left child itself. Places are constants, so that no address need be added.

/** f32 [128], the row; see COMPACT in compact-walker.ts. */
const ROW: usize = 4096;
const NODES: usize = 4608;

// Values are compared as integers, which takes fewer cycles: i32 in the order of the floats, 0 and -0 the same, NaN above all.

/** Bits of infinity, above which only NaN stands. */
const INFINITE: i32 = 0x7f800000;

/** Turns floats into such integers, where they stand. @param count rounded up to a multiple of four. */
export function orderValues(values: usize, count: i32): void {
  const zero = f32x4.splat(0), nan = i32x4.splat(0x7fc00000), most = i32x4.splat(0x7fffffff);
  for (const last = values + (<usize>count << 2); values < last; values += 16) {
    const four = f32x4.add(v128.load(values), zero);
    const ordered = v128.xor(four, v128.and(i32x4.shr_s(four, 31), most));
    v128.store(values, v128.bitselect(ordered, nan, f32x4.eq(four, four)));
  }
}

// @ts-ignore: decorator
@inline
function nextCompact(node: usize, features: usize): usize {
  const word = load<u32>(node, NODES + 4);
  const right = <usize>i32(load<i32>(features + (word >> 23), ROW) > load<i32>(node, NODES));
  return <usize>(word & 0x7ffff8) + (right << 3);
}

// @ts-ignore: decorator
@inline
function nextMissing(node: usize, features: usize): usize {
  const word = load<u32>(node, NODES + 4);
  const value = load<i32>(features + (word >> 23), ROW);
  const right = i32(value > load<i32>(node, NODES)) & ~(i32(value > INFINITE) & <i32>(word & 1));
  return <usize>(word & 0x7ffff8) + (<usize>right << 3);
}

/**
 * Where each tree ends for the row of `columns` floats at ROW, which it puts in order: offset of the leaf, u32 a tree at `out`. order: trees by depth, u32; roots, depths: u32 a tree in
 * that order, filled up to a multiple of eight with the last. Eight trees at a time: their loads wait side by side.
 */
export function endCompact(columns: i32, order: usize, roots: usize, depths: usize, trees: i32, out: usize, missing: i32): void {
  orderValues(ROW, columns);
  const last = <usize>trees << 2;
  for (let at: usize = 0; at < last; at += 32) {
    const r = roots + at;
    let a = <usize>load<u32>(r), b = <usize>load<u32>(r, 4), c = <usize>load<u32>(r, 8), d = <usize>load<u32>(r, 12);
    let e = <usize>load<u32>(r, 16), f = <usize>load<u32>(r, 20), g = <usize>load<u32>(r, 24), h = <usize>load<u32>(r, 28);
    let level = load<u32>(depths + at, 28);
    if (missing) {
      for (; level > 0; level--) {
        a = nextMissing(a, 0); b = nextMissing(b, 0); c = nextMissing(c, 0); d = nextMissing(d, 0);
        e = nextMissing(e, 0); f = nextMissing(f, 0); g = nextMissing(g, 0); h = nextMissing(h, 0);
      }
    } else {
      for (; level > 0; level--) {
        a = nextCompact(a, 0); b = nextCompact(b, 0); c = nextCompact(c, 0); d = nextCompact(d, 0);
        e = nextCompact(e, 0); f = nextCompact(f, 0); g = nextCompact(g, 0); h = nextCompact(h, 0);
      }
    }
    const o = order + at;
    store<u32>(out + load<u32>(o), <u32>a);
    store<u32>(out + load<u32>(o, 4), <u32>b);
    store<u32>(out + load<u32>(o, 8), <u32>c);
    store<u32>(out + load<u32>(o, 12), <u32>d);
    store<u32>(out + load<u32>(o, 16), <u32>e);
    store<u32>(out + load<u32>(o, 20), <u32>f);
    store<u32>(out + load<u32>(o, 24), <u32>g);
    store<u32>(out + load<u32>(o, 28), <u32>h);
  }
}

/**
 * Sum over all trees of the number at the leaf where each ends, in an order of its own: for leaves whose sums are exact. roots, depths: as
 * in endCompact, but what fills up ends at a number 0; values: f32 by node.
 */
export function sumEnds(columns: i32, roots: usize, depths: usize, trees: i32, values: usize, missing: i32): f64 {
  orderValues(ROW, columns);
  const last = roots + (<usize>trees << 2);
  let even: f64 = 0, odd: f64 = 0;
  for (; roots < last; roots += 32, depths += 32) {
    let a = <usize>load<u32>(roots), b = <usize>load<u32>(roots, 4), c = <usize>load<u32>(roots, 8), d = <usize>load<u32>(roots, 12);
    let e = <usize>load<u32>(roots, 16), f = <usize>load<u32>(roots, 20), g = <usize>load<u32>(roots, 24), h = <usize>load<u32>(roots, 28);
    let level = load<u32>(depths, 28);
    if (missing) {
      for (; level > 0; level--) {
        a = nextMissing(a, 0); b = nextMissing(b, 0); c = nextMissing(c, 0); d = nextMissing(d, 0);
        e = nextMissing(e, 0); f = nextMissing(f, 0); g = nextMissing(g, 0); h = nextMissing(h, 0);
      }
    } else {
      for (; level > 0; level--) {
        a = nextCompact(a, 0); b = nextCompact(b, 0); c = nextCompact(c, 0); d = nextCompact(d, 0);
        e = nextCompact(e, 0); f = nextCompact(f, 0); g = nextCompact(g, 0); h = nextCompact(h, 0);
      }
    }
    const ab = <f64>load<f32>(values + (a >> 1)) + <f64>load<f32>(values + (b >> 1)), cd = <f64>load<f32>(values + (c >> 1)) + <f64>load<f32>(values + (d >> 1));
    const ef = <f64>load<f32>(values + (e >> 1)) + <f64>load<f32>(values + (f >> 1)), gh = <f64>load<f32>(values + (g >> 1)) + <f64>load<f32>(values + (h >> 1));
    even += ab + cd;
    odd += ef + gh;
  }
  return even + odd;
}

/** Sum, tree after tree, of one number a leaf; values: f32 by node, ended: from endCompact. */
export function sumCompact(ended: usize, trees: i32, values: usize): f64 {
  let sum: f64 = 0;
  const last = ended + (<usize>trees << 2);
  for (let at = ended; at < last; at += 4) sum += <f64>load<f32>(values + (<usize>load<u32>(at) >> 1));
  return sum;
}

/**
 * Where one tree ends for `rows` rows, a multiple of eight: offset of the leaf, u32 a row at `out`. Features: in order (`orderValues`), each row `stride` bytes,
 * from ROW + `features` on. Eight rows at a time.
 */
export function endTreeRows(root: usize, depth: i32, features: usize, stride: usize, rows: i32, out: usize, missing: i32): void {
  const last = out + (<usize>rows << 2);
  let x = features;
  for (; out < last; x += stride << 3, out += 32) {
    const x1 = x + stride, x2 = x1 + stride, x3 = x2 + stride, x4 = x3 + stride, x5 = x4 + stride, x6 = x5 + stride, x7 = x6 + stride;
    let a = root, b = root, c = root, d = root, e = root, f = root, g = root, h = root;
    if (missing) {
      for (let level = 0; level < depth; level++) {
        a = nextMissing(a, x); b = nextMissing(b, x1); c = nextMissing(c, x2); d = nextMissing(d, x3);
        e = nextMissing(e, x4); f = nextMissing(f, x5); g = nextMissing(g, x6); h = nextMissing(h, x7);
      }
    } else {
      for (let level = 0; level < depth; level++) {
        a = nextCompact(a, x); b = nextCompact(b, x1); c = nextCompact(c, x2); d = nextCompact(d, x3);
        e = nextCompact(e, x4); f = nextCompact(f, x5); g = nextCompact(g, x6); h = nextCompact(h, x7);
      }
    }
    store<u32>(out, <u32>a);
    store<u32>(out, <u32>b, 4);
    store<u32>(out, <u32>c, 8);
    store<u32>(out, <u32>d, 12);
    store<u32>(out, <u32>e, 16);
    store<u32>(out, <u32>f, 20);
    store<u32>(out, <u32>g, 24);
    store<u32>(out, <u32>h, 28);
  }
}

/** Adds the number of each row's leaf (f32 by node) to its sum, f64, `stride` bytes apart. */
export function addValues(ended: usize, rows: i32, values: usize, sums: usize, stride: usize): void {
  for (let row = 0; row < rows; row++, ended += 4, sums += stride) store<f64>(sums, load<f64>(sums) + <f64>load<f32>(values + (<usize>load<u32>(ended) >> 1)));
}

/** Adds the `width` numbers of each row's leaf to its sums, f64 [rows x width]. leafRows: u32 by node; values: f32 [leaves x width]. */
export function addShares(ended: usize, rows: i32, leafRows: usize, values: usize, width: i32, sums: usize): void {
  const bytes = <usize>width << 2;
  for (let row = 0; row < rows; row++, ended += 4) {
    let from = values + <usize>load<u32>(leafRows + (<usize>load<u32>(ended) >> 1)) * bytes;
    for (let i = 0; i < width; i++, from += 4, sums += 8) store<f64>(sums, load<f64>(sums) + <f64>load<f32>(from));
  }
}

/**
 * A shape is a tree cut off: it ends at the first node of a way that is a leaf, at the shape's depth, or of fewer rows than the shape splits.
 * Adds to each shape's sums, for every row, what the node says where that shape ends. The tree stands at NODES; ended: u32 a row, from endTreeRows.
 * limits: i32 [shapes] depths, then i32 [shapes] least rows, `shapes` a multiple of four; nodeRows: i32 a node; values: f32 [nodes x width];
 * sums: f64 [rows x shapes x width]; depths: i32 a node, scratch; ends: i32 [nodes x shapes], scratch.
 */
export function addShapes(nodes: i32, nodeRows: usize, limits: usize, shapes: i32, ended: usize, rows: i32, values: usize, width: i32, sums: usize, depths: usize, ends: usize): void {
  const stride = <usize>shapes << 2;
  const none = i32x4.splat(-1);
  for (let at: usize = 0; at < stride; at += 16) v128.store(ends + at, none);
  store<i32>(depths, 0);
  for (let node = 0; node < nodes; node++) {
    const left = <i32>((load<u32>(<usize>node << 3, NODES + 4) & 0x7ffff8) >> 3);
    const level = load<i32>(depths + (<usize>node << 2));
    const here = i32x4.splat(node), leaf = i32x4.splat(left == node ? -1 : 0), depth = i32x4.splat(level), size = i32x4.splat(load<i32>(nodeRows + (<usize>node << 2)));
    const from = ends + <usize>node * stride, child = ends + <usize>left * stride;
    for (let at: usize = 0; at < stride; at += 16) {
      const before = v128.load(from + at);
      const stops = v128.or(leaf, v128.or(i32x4.ge_s(depth, v128.load(limits + at)), i32x4.lt_s(size, v128.load(limits + stride + at))));
      const end = v128.bitselect(here, before, v128.and(stops, i32x4.eq(before, none)));
      v128.store(from + at, end);
      if (left == node) continue;
      v128.store(child + at, end);
      v128.store(child + stride + at, end);
    }
    if (left == node) continue;
    store<i32>(depths + (<usize>left << 2), level + 1);
    store<i32>(depths + (<usize>left << 2), level + 1, 4);
  }
  const bytes = <usize>width << 2;
  for (let row = 0; row < rows; row++, ended += 4) {
    const from = ends + (<usize>load<u32>(ended) >> 3) * stride;
    for (let at: usize = 0; at < stride; at += 4) {
      let value = values + <usize>load<u32>(from + at) * bytes;
      if (width == 4) {
        const four = v128.load(value);
        v128.store(sums, f64x2.add(v128.load(sums), f64x2.promote_low_f32x4(four)));
        v128.store(sums, f64x2.add(v128.load(sums, 16), f64x2.promote_low_f32x4(v128.shuffle<i32>(four, four, 2, 3, 2, 3))), 16);
        sums += 32;
        continue;
      }
      for (let i = 0; i < width; i++, value += 4, sums += 8) store<f64>(sums, load<f64>(sums) + <f64>load<f32>(value));
    }
  }
}

// Trees too large for that, or of more than 128 features.

// @ts-ignore: decorator
@inline
function nextNode(nodes: usize, node: usize, features: usize): usize {
  const at = nodes + (node << 4);
  const value = load<f32>(features + <usize>load<u32>(at));
  const goesLeft = i32(value <= load<f32>(at, 4)) | (i32(value != value) & load<i32>(at, 12));
  return <usize>load<u32>(at, 8) + <usize>(goesLeft ^ 1);
}

/**
 * The node where each tree ends for one row. nodes: 16 bytes each, u32 offset of the feature in bytes, f32 threshold, u32 left child,
 * i32 missing goes left; a leaf asks feature 0, sends all values and NaN to itself. depths: u32 a tree. out: u32 a tree.
 * Four trees at a time: their loads wait side by side.
 */
export function findLeaves(nodes: usize, roots: usize, depths: usize, trees: i32, features: usize, out: usize): void {
  let tree = 0;
  for (; tree + 4 <= trees; tree += 4) {
    const at = <usize>tree << 2;
    let a = <usize>load<u32>(roots + at), b = <usize>load<u32>(roots + at, 4), c = <usize>load<u32>(roots + at, 8), d = <usize>load<u32>(roots + at, 12);
    const deepest = max(max(load<u32>(depths + at), load<u32>(depths + at, 4)), max(load<u32>(depths + at, 8), load<u32>(depths + at, 12)));
    for (let level: u32 = 0; level < deepest; level++) {
      a = nextNode(nodes, a, features);
      b = nextNode(nodes, b, features);
      c = nextNode(nodes, c, features);
      d = nextNode(nodes, d, features);
    }
    store<u32>(out + at, <u32>a);
    store<u32>(out + at, <u32>b, 4);
    store<u32>(out + at, <u32>c, 8);
    store<u32>(out + at, <u32>d, 12);
  }
  for (; tree < trees; tree++) {
    const at = <usize>tree << 2;
    let node = <usize>load<u32>(roots + at);
    for (let level = load<u32>(depths + at); level > 0; level--) node = nextNode(nodes, node, features);
    store<u32>(out + at, <u32>node);
  }
}
