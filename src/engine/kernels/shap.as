// Shapley values of trees by quadrature: see tree-shap.ts, whose numbers these are up to rounding. A node is 48 bytes: f32 threshold, u32 feature,
// u32 1 = missing goes left, u32 pad, then for the left and the right child 16 bytes each: f64 share of the cover, u32 place, u32 1 = a leaf. The
// place of a node is its address, of a leaf the index of its first value. A feature of the path is 16 bytes: f64 share of cover where it is
// unknown, i64 1 = the row goes this way. Points are padded to whole vectors, with weight 0.

let shapRow: usize = 0, shapPath: usize = 0, shapOut: usize = 0, shapValues: usize = 0;
/** Bytes of a row of points, and where their places in (0, 1) stand. */
let shapBytes: usize = 0, shapAt: usize = 0;

/** row: f32 a feature; path: 16 bytes a feature, share 1 and fit 1; out: f64 a feature and number of a leaf. */
export function setShap(row: usize, path: usize, out: usize): void {
  shapRow = row; shapPath = path; shapOut = out;
}

// @ts-ignore: decorator
@inline
function laneSum(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/**
 * The leaves below a node, without the product of the path to it, into the row behind `base`; features' parts into out.
 * base: rows of points: the weights x that product; then the leaves' sums; then one over the factor of the node's feature; then the next level.
 */
function walkShap(node: usize, base: usize): void {
  const bytes = shapBytes, at = shapAt;
  const feature = <usize>load<u32>(node, 4);
  const value = load<f32>(shapRow + (feature << 2));
  const path = shapPath + (feature << 4);
  const above = load<f64>(path);
  const fitted = load<i64>(path, 8) != 0;
  const goesLeft = value <= load<f32>(node) || (value != value && load<u32>(node, 8) != 0);
  const sums = base + bytes, ones = sums + bytes, below = ones + bytes;
  const fresh = fitted && above == 1;
  if (fitted && !fresh) {
    // the feature's factor so far is above + (1 - above) t
    const a = f64x2.splat(above), b = f64x2.splat(1 - above), one = f64x2.splat(1);
    for (let q: usize = 0; q < bytes; q += 16) v128.store(ones + q, f64x2.div(one, f64x2.add(a, f64x2.mul(b, v128.load(at + q)))));
  }
  let part: f64 = 0;
  let first = true;
  for (let side: usize = 0; side < 32; side += 16) {
    const child = node + 16 + side;
    const here = above * load<f64>(child);
    const fit = fitted && goesLeft == (side == 0);
    // neither known nor unknown leads there
    if (!fit && here == 0) continue;
    const place = load<u32>(child, 8);
    const isLeaf = load<u32>(child, 12) != 0;
    const slope: f64 = fitted ? (fit ? 1 : 0) - here : 0;
    // the edge's factor over the one above: constant where the row had left this feature's way
    const h = f64x2.splat(fitted ? here : here / above), s = f64x2.splat(slope);
    if (!isLeaf) {
      if (fresh) {
        for (let q: usize = 0; q < bytes; q += 16)
          v128.store(below + q, f64x2.mul(v128.load(base + q), f64x2.add(h, f64x2.mul(s, v128.load(at + q)))));
      } else if (fitted) {
        for (let q: usize = 0; q < bytes; q += 16)
          v128.store(below + q, f64x2.mul(f64x2.mul(v128.load(base + q), v128.load(ones + q)), f64x2.add(h, f64x2.mul(s, v128.load(at + q)))));
      } else {
        for (let q: usize = 0; q < bytes; q += 16) v128.store(below + q, f64x2.mul(v128.load(base + q), h));
      }
      store<f64>(path, here);
      store<i64>(path, i64(fit), 8);
      walkShap(<usize>place, below);
    }
    const leaf = isLeaf ? f64x2.splat(<f64>load<f32>(shapValues + (<usize>place << 2))) : f64x2.splat(0);
    const said = below + bytes;
    let parts = f64x2.splat(0);
    if (fresh) {
      for (let q: usize = 0; q < bytes; q += 16) {
        const sum = isLeaf ? leaf : v128.load(said + q);
        const edge = f64x2.mul(f64x2.add(h, f64x2.mul(s, v128.load(at + q))), sum);
        v128.store(sums + q, first ? edge : f64x2.add(v128.load(sums + q), edge));
        parts = f64x2.add(parts, f64x2.mul(v128.load(base + q), sum));
      }
      part += slope * laneSum(parts);
    } else if (fitted) {
      const before = f64x2.splat(1 - above);
      for (let q: usize = 0; q < bytes; q += 16) {
        const sum = isLeaf ? leaf : v128.load(said + q);
        const one = v128.load(ones + q);
        const edge = f64x2.mul(one, f64x2.add(h, f64x2.mul(s, v128.load(at + q))));
        const says = f64x2.mul(edge, sum);
        v128.store(sums + q, first ? says : f64x2.add(v128.load(sums + q), says));
        parts = f64x2.add(parts, f64x2.mul(f64x2.mul(v128.load(base + q), one), f64x2.mul(f64x2.sub(s, f64x2.mul(before, edge)), sum)));
      }
      part += laneSum(parts);
    } else {
      for (let q: usize = 0; q < bytes; q += 16) {
        const says = f64x2.mul(h, isLeaf ? leaf : v128.load(said + q));
        v128.store(sums + q, first ? says : f64x2.add(v128.load(sums + q), says));
      }
    }
    first = false;
  }
  if (first) for (let q: usize = 0; q < bytes; q += 16) v128.store(sums + q, f64x2.splat(0));
  store<f64>(path, above);
  store<i64>(path, i64(fitted), 8);
  const out = shapOut + (feature << 3);
  store<f64>(out, load<f64>(out) + part);
}

let at0: v128 = f64x2.splat(0), at1: v128 = f64x2.splat(0), at2: v128 = f64x2.splat(0);
let said0: v128 = f64x2.splat(0), said1: v128 = f64x2.splat(0), said2: v128 = f64x2.splat(0);

// @ts-ignore: decorator
@inline
function factorAt(h: v128, s: v128, at: v128): v128 {
  return f64x2.add(h, f64x2.mul(s, at));
}

/** As walkShap for at most six points, which stay in registers: p is the weights x the product, said the leaves' sums. Measured: three quarters of its time. */
function walkSix(node: usize, p0: v128, p1: v128, p2: v128): void {
  const feature = <usize>load<u32>(node, 4);
  const value = load<f32>(shapRow + (feature << 2));
  const path = shapPath + (feature << 4);
  const above = load<f64>(path);
  const fitted = load<i64>(path, 8) != 0;
  const goesLeft = value <= load<f32>(node) || (value != value && load<u32>(node, 8) != 0);
  const fresh = fitted && above == 1;
  // q = p over the factor that the feature has so far
  let q0 = p0, q1 = p1, q2 = p2;
  let one0 = f64x2.splat(1), one1 = one0, one2 = one0;
  if (!fresh) {
    if (fitted) {
      const a = f64x2.splat(above), b = f64x2.splat(1 - above);
      one0 = f64x2.div(one0, factorAt(a, b, at0)); one1 = f64x2.div(one1, factorAt(a, b, at1)); one2 = f64x2.div(one2, factorAt(a, b, at2));
    } else one0 = one1 = one2 = f64x2.splat(1 / above);
    q0 = f64x2.mul(p0, one0); q1 = f64x2.mul(p1, one1); q2 = f64x2.mul(p2, one2);
  }
  const before = f64x2.splat(fitted ? 1 - above : 0);
  let sum0 = f64x2.splat(0), sum1 = sum0, sum2 = sum0, parts = sum0;
  for (let side: usize = 0; side < 32; side += 16) {
    const child = node + 16 + side;
    const here = above * load<f64>(child);
    const fit = fitted && goesLeft == (side == 0);
    if (!fit && here == 0) continue;
    const place = load<u32>(child, 8);
    const slope: f64 = fitted ? (fit ? 1 : 0) - here : 0;
    const h = f64x2.splat(here), s = f64x2.splat(slope);
    const f0 = factorAt(h, s, at0), f1 = factorAt(h, s, at1), f2 = factorAt(h, s, at2);
    let c0: v128, c1: v128, c2: v128;
    if (load<u32>(child, 12) != 0) c0 = c1 = c2 = f64x2.splat(<f64>load<f32>(shapValues + (<usize>place << 2)));
    else {
      store<f64>(path, here);
      store<i64>(path, i64(fit), 8);
      walkSix(<usize>place, f64x2.mul(q0, f0), f64x2.mul(q1, f1), f64x2.mul(q2, f2));
      c0 = said0; c1 = said1; c2 = said2;
    }
    if (fresh) {
      sum0 = f64x2.add(sum0, f64x2.mul(f0, c0)); sum1 = f64x2.add(sum1, f64x2.mul(f1, c1)); sum2 = f64x2.add(sum2, f64x2.mul(f2, c2));
      parts = f64x2.add(parts, f64x2.mul(s, f64x2.add(f64x2.add(f64x2.mul(q0, c0), f64x2.mul(q1, c1)), f64x2.mul(q2, c2))));
    } else {
      const e0 = f64x2.mul(one0, f0), e1 = f64x2.mul(one1, f1), e2 = f64x2.mul(one2, f2);
      sum0 = f64x2.add(sum0, f64x2.mul(e0, c0)); sum1 = f64x2.add(sum1, f64x2.mul(e1, c1)); sum2 = f64x2.add(sum2, f64x2.mul(e2, c2));
      if (fitted) {
        parts = f64x2.add(parts, f64x2.mul(f64x2.mul(q0, c0), f64x2.sub(s, f64x2.mul(before, e0))));
        parts = f64x2.add(parts, f64x2.mul(f64x2.mul(q1, c1), f64x2.sub(s, f64x2.mul(before, e1))));
        parts = f64x2.add(parts, f64x2.mul(f64x2.mul(q2, c2), f64x2.sub(s, f64x2.mul(before, e2))));
      }
    }
  }
  store<f64>(path, above);
  store<i64>(path, i64(fitted), 8);
  const out = shapOut + (feature << 3);
  store<f64>(out, load<f64>(out) + laneSum(parts));
  said0 = sum0; said1 = sum1; said2 = sum2;
}

/** Numbers that a leaf says. */
let shapWidth: usize = 1;

/**
 * As walkShap for several numbers a leaf, whose factors are the same. base: rows of points: the weights x the product; a row of sums for each number;
 * one over the factor of the node's feature; an edge's factor over the one above; what its leaves weigh in the part; then the next level.
 */
function walkMany(node: usize, base: usize): void {
  const bytes = shapBytes, at = shapAt, width = shapWidth;
  const feature = <usize>load<u32>(node, 4);
  const value = load<f32>(shapRow + (feature << 2));
  const path = shapPath + (feature << 4);
  const above = load<f64>(path);
  const fitted = load<i64>(path, 8) != 0;
  const goesLeft = value <= load<f32>(node) || (value != value && load<u32>(node, 8) != 0);
  const sums = base + bytes, ones = sums + width * bytes, edges = ones + bytes, scales = edges + bytes, below = scales + bytes;
  const out = shapOut + feature * (width << 3);
  const fresh = fitted && above == 1;
  for (let to = sums; to < ones; to += 16) v128.store(to, f64x2.splat(0));
  if (fitted && !fresh) {
    const a = f64x2.splat(above), b = f64x2.splat(1 - above), one = f64x2.splat(1);
    for (let q: usize = 0; q < bytes; q += 16) v128.store(ones + q, f64x2.div(one, factorAt(a, b, v128.load(at + q))));
  }
  for (let side: usize = 0; side < 32; side += 16) {
    const child = node + 16 + side;
    const here = above * load<f64>(child);
    const fit = fitted && goesLeft == (side == 0);
    if (!fit && here == 0) continue;
    const place = <usize>load<u32>(child, 8);
    const isLeaf = load<u32>(child, 12) != 0;
    const slope: f64 = fitted ? (fit ? 1 : 0) - here : 0;
    const h = f64x2.splat(fitted ? here : here / above), s = f64x2.splat(slope), before = f64x2.splat(1 - above);
    let weighed = f64x2.splat(0);
    for (let q: usize = 0; q < bytes; q += 16) {
      const product = v128.load(base + q);
      let edge = factorAt(h, s, v128.load(at + q));
      let scale = f64x2.mul(product, s);
      if (fitted && !fresh) {
        const one = v128.load(ones + q);
        edge = f64x2.mul(edge, one);
        scale = f64x2.mul(f64x2.mul(product, one), f64x2.sub(s, f64x2.mul(before, edge)));
      }
      v128.store(edges + q, edge);
      v128.store(scales + q, scale);
      weighed = f64x2.add(weighed, scale);
      if (!isLeaf) v128.store(below + q, f64x2.mul(product, edge));
    }
    if (isLeaf) {
      const weight = laneSum(weighed);
      for (let k: usize = 0, to = sums; k < width; k++, to += bytes) {
        const said = <f64>load<f32>(shapValues + ((place + k) << 2));
        const all = f64x2.splat(said);
        for (let q: usize = 0; q < bytes; q += 16) v128.store(to + q, f64x2.add(v128.load(to + q), f64x2.mul(v128.load(edges + q), all)));
        if (fitted) store<f64>(out + (k << 3), load<f64>(out + (k << 3)) + weight * said);
      }
      continue;
    }
    store<f64>(path, here);
    store<i64>(path, i64(fit), 8);
    walkMany(place, below);
    for (let k: usize = 0, to = sums, from = below + bytes; k < width; k++, to += bytes, from += bytes) {
      let part = f64x2.splat(0);
      for (let q: usize = 0; q < bytes; q += 16) {
        const said = v128.load(from + q);
        v128.store(to + q, f64x2.add(v128.load(to + q), f64x2.mul(v128.load(edges + q), said)));
        part = f64x2.add(part, f64x2.mul(v128.load(scales + q), said));
      }
      if (fitted) store<f64>(out + (k << 3), load<f64>(out + (k << 3)) + laneSum(part));
    }
  }
  store<f64>(path, above);
  store<i64>(path, i64(fitted), 8);
}

/**
 * Adds the parts of each feature over `count` trees. trees: 12 bytes each: u32 root, u32 points, u32 bytes of a row of points; points: their
 * places, then their weights; values: f32; stack: three rows of points a level, with several numbers a leaf four more than these.
 */
export function explainTrees(trees: usize, count: i32, values: usize, stack: usize, width: i32): void {
  shapValues = values;
  shapWidth = <usize>width;
  for (let tree = 0; tree < count; tree++, trees += 12) {
    shapAt = <usize>load<u32>(trees, 4);
    shapBytes = <usize>load<u32>(trees, 8);
    const root = <usize>load<u32>(trees), weights = shapAt + shapBytes;
    if (width == 1 && shapBytes <= 48) {
      at0 = v128.load(shapAt);
      at1 = v128.load(shapAt, 16);
      at2 = v128.load(shapAt, 32);
      walkSix(root, v128.load(weights), v128.load(weights, 16), v128.load(weights, 32));
      continue;
    }
    memory.copy(stack, weights, shapBytes);
    if (width == 1) walkShap(root, stack);
    else walkMany(root, stack);
  }
}
