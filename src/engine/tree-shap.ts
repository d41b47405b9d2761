import { goesLeft, type TreeEnsemble } from "./tree-ensemble.ts";

const NONE = -1;

/** Adds each feature's part of a row into `out`. @param features float64 [d], float32-valued. @param out IN/OUT float64 [d x outputs]. */
export interface AddsShap {
  add(features: Float64Array, out: Float64Array): void;
}

/**
 * Exact path-dependent Shapley values of tree ensembles (the values of Lundberg, Erion and Lee 2018): how much each feature moved the
 * answer of one row away from the mean answer, where "feature unknown" means "both children, by their cover".
 *
 * A leaf whose path asks m features answers v x product of (row goes this way ? 1 : 0 when known, share of cover z when unknown). The
 * weight k!(m-k-1)!/m! of a set of k known features is the integral of t^k (1-t)^(m-1-k) over [0, 1], so the part of feature i is
 * v (o_i - z_i) x the integral of the product over the other features of ((1-t) z_j + t o_j): a polynomial of degree m - 1, which
 * Gauss-Legendre quadrature of m/2 points sums exactly. The products go down the tree, the sums over leaves come up, and each edge
 * pays its feature once; so a row costs nodes x depth/2 instead of leaves x depth squared (as Yu et al. 2022, Linear TreeSHAP, with
 * another basis of the polynomials).
 * Kept per ensemble, since it allocates its rows once.
 */
export class TreeShap implements AddsShap {
  private readonly trees: TreeEnsemble;
  private readonly outputs: number;
  /** Of each tree: enough points for the features that a path can ask. */
  private readonly points: readonly QuadraturePoints[];
  /** One row of points a depth: the product over the path so far. */
  private readonly product: Float64Array;
  /** One row of points x width a depth: what the leaves below say, without that product. */
  private readonly sums: Float64Array;
  /** As `product`: one over the factor of the feature asked there, and weight x product x that. */
  private readonly factor: Float64Array;
  private readonly scale: Float64Array;
  /** Of each feature on the path: share of cover where it is unknown, and whether the row goes this way where it is known. */
  private readonly share: Float64Array;
  private readonly fits: Uint8Array;
  private readonly rowLength: number;
  private at: Float64Array = new Float64Array(0);
  private weight: Float64Array = new Float64Array(0);
  private features: Float64Array = new Float64Array(0);
  private out: Float64Array = new Float64Array(0);
  private offset = 0;

  /**
   * @param outputs numbers that the ensemble answers; tree t adds its `width` numbers at (t * width) % outputs.
   * @param featureCount features of a row.
   */
  constructor(trees: TreeEnsemble, outputs: number, featureCount: number) {
    this.trees = trees;
    this.outputs = outputs;
    const depths = depthsOf(trees);
    const deepest = depths.reduce((most, depth) => Math.max(most, depth), 0);
    const tables = new Map<number, QuadraturePoints>();
    this.points = depths.map((depth) => {
      const count = pointsFor(depth, featureCount);
      const table = tables.get(count) ?? quadraturePoints(count);
      tables.set(count, table);
      return table;
    });
    this.rowLength = Math.max(1, ...tables.keys());
    const size = (deepest + 2) * this.rowLength;
    this.product = new Float64Array(size);
    this.sums = new Float64Array(size * trees.width);
    this.factor = new Float64Array(size);
    this.scale = new Float64Array(size);
    this.share = new Float64Array(featureCount).fill(1);
    this.fits = new Uint8Array(featureCount).fill(1);
  }

  /**
   * Adds each feature's part into `out`.
   * @param features float64 [d], float32-valued. @param out IN/OUT float64 [d x outputs].
   * Cost: nodes x depth/2.
   */
  add(features: Float64Array, out: Float64Array): void {
    const { roots, width, feature } = this.trees;
    this.features = features;
    this.out = out;
    for (let tree = 0; tree < roots.length; tree++) {
      if (feature[roots[tree]] < 0) continue;
      this.offset = (tree * width) % this.outputs;
      ({ at: this.at, weight: this.weight } = this.points[tree]);
      this.product.fill(1, 0, this.at.length);
      this.walk(roots[tree], 0);
    }
  }

  /** @param base place of this node's product, which stands there; what its leaves say, without that product, comes to its sums. */
  private walk(node: number, base: number): void {
    const { trees, product, sums, factor, scale, share, fits, at, weight } = this;
    const { width } = trees;
    const n = at.length;
    const feature = trees.feature[node];
    const left = trees.left[node];
    const toLeft = goesLeft(trees, node, this.features[feature]);
    const cover = trees.cover[node] > 0 ? trees.cover[node] : 1;
    const above = share[feature];
    const fitted = fits[feature];
    const below = base + this.rowLength;
    for (let q = 0; q < n; q++) {
      // one over the feature's factor so far; where the row had left this feature's way, 1 - t stands below the line and above it
      const one = fitted === 0 ? 1 / above : above === 1 ? 1 : 1 / (above + (1 - above) * at[q]);
      factor[base + q] = one;
      scale[base + q] = weight[q] * product[base + q] * one;
    }
    for (let q = base * width; q < (base + n) * width; q++) sums[q] = 0;
    for (let side = 0; side < 2; side++) {
      const child = left + side;
      const here = (above * trees.cover[child]) / cover;
      const fit = fitted === 1 && toLeft === (side === 0) ? 1 : 0;
      // neither known nor unknown leads there
      if (fit === 0 && here === 0) continue;
      const slope = fitted === 0 ? 0 : fit - here;
      const isLeaf = trees.feature[child] < 0;
      if (!isLeaf) {
        for (let q = 0; q < n; q++) product[below + q] = product[base + q] * factor[base + q] * (here + slope * at[q]);
        share[feature] = here;
        fits[feature] = fit;
        this.walk(child, below);
      }
      if (width === 1) this.takeOne(feature, base, here, slope, above, isLeaf ? trees.left[child] : NONE);
      else this.takeMany(feature, base, here, slope, above, isLeaf ? trees.left[child] * width : NONE);
    }
    share[feature] = above;
    fits[feature] = fitted;
  }

  /**
   * What the leaves below one edge say of its feature, as it stands below the edge instead of as it stood above, and their sums for the
   * parent. @param slope of the edge's factor here + slope x t; 0 = the row had left this feature's way above, so that the edge says
   * nothing new of it. @param leaf where the child's value stands; NONE = its sums stand below.
   */
  private takeOne(feature: number, base: number, here: number, slope: number, above: number, leaf: number): void {
    const { sums, factor, scale, at } = this;
    const n = at.length;
    const below = base + this.rowLength;
    const before = 1 - above;
    const value = leaf === NONE ? 0 : this.trees.values[leaf];
    let part = 0;
    for (let q = 0; q < n; q++) {
      const edge = factor[base + q] * (here + slope * at[q]);
      const sum = leaf === NONE ? sums[below + q] : value;
      sums[base + q] += edge * sum;
      part += scale[base + q] * (slope - before * edge) * sum;
    }
    if (slope !== 0) this.out[feature * this.outputs + this.offset] += part;
  }

  /** As `takeOne`, for several numbers a leaf. */
  private takeMany(feature: number, base: number, here: number, slope: number, above: number, leaf: number): void {
    const { sums, factor, scale, at, out } = this;
    const { values, width } = this.trees;
    const n = at.length;
    const below = base + this.rowLength;
    const before = 1 - above;
    const into = feature * this.outputs + this.offset;
    for (let q = 0; q < n; q++) {
      const edge = factor[base + q] * (here + slope * at[q]);
      const counts = slope === 0 ? 0 : scale[base + q] * (slope - before * edge);
      for (let k = 0; k < width; k++) {
        const sum = leaf === NONE ? sums[(below + q) * width + k] : values[leaf + k];
        sums[(base + q) * width + k] += edge * sum;
        out[into + k] += counts * sum;
      }
    }
  }
}

export interface QuadraturePoints {
  /** t, in (0, 1), ascending. */
  readonly at: Float64Array;
  readonly weight: Float64Array;
}

/** As many points as the paths of a tree can need. @param depth of the tree. */
export const pointsFor = (depth: number, featureCount: number): number =>
  Math.max(1, Math.ceil(Math.min(depth, featureCount) / 2));

/** Gauss-Legendre points on [0, 1]: exact for polynomials of degree 2n - 1. Roots of Legendre's polynomial by Newton's method. */
export function quadraturePoints(n: number): QuadraturePoints {
  const at = new Float64Array(n);
  const weight = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let x = -Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let step = 0; step < 8; step++) {
      let [before, now] = [1, x];
      for (let k = 2; k <= n; k++) [before, now] = [now, ((2 * k - 1) * x * now - (k - 1) * before) / k];
      slope = (n * (x * now - before)) / (x * x - 1);
      x -= now / slope;
    }
    at[i] = (1 + x) / 2;
    weight[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return { at, weight };
}

/** Of each tree: its deepest leaf; 0 = a single leaf. Trees stand one after the other. */
export function depthsOf(trees: TreeEnsemble): number[] {
  const { feature, left, roots } = trees;
  const depth = new Uint16Array(feature.length);
  return Array.from(roots, (root, tree) => {
    const end = tree + 1 < roots.length ? roots[tree + 1] : feature.length;
    let most = 0;
    for (let node = root; node < end; node++) {
      if (feature[node] < 0) continue;
      depth[left[node]] = depth[left[node] + 1] = depth[node] + 1;
      most = Math.max(most, depth[node] + 1);
    }
    return most;
  });
}

/** What each node says on average over the training rows below it. @returns float64 [nodes x width]. */
export function nodeMeans(trees: TreeEnsemble): Float64Array {
  const { feature, left, cover, values, width } = trees;
  const means = new Float64Array(feature.length * width);
  // children stand behind their parent
  for (let node = feature.length - 1; node >= 0; node--) {
    for (let k = 0; k < width; k++) {
      if (feature[node] < 0) means[node * width + k] = values[left[node] * width + k];
      else {
        const [l, r] = [left[node], left[node] + 1];
        const sum = cover[l] + cover[r];
        const share = sum > 0 ? cover[l] / sum : 0.5;
        means[node * width + k] = share * means[l * width + k] + (1 - share) * means[r * width + k];
      }
    }
  }
  return means;
}
