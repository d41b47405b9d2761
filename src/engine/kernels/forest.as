// Forests. Three forms, which grow the trees of forest-tree.ts bit for bit: `growUnits` for two classes and rows that count as integers
// (records that move with their node), `growPacked` for three or four and few such rows, `growWeighted` for everything else. All sums are sums of integers, so no order of rows shows.

// @ts-ignore: decorator
@inline
function mix32(value: u32): u32 {
  let x = value;
  x = (x ^ (x >> 16)) * 0x85ebca6b;
  x = (x ^ (x >> 13)) * 0xc2b2ae35;
  return x ^ (x >> 16);
}

let rowCount: i32 = 0, columnCount: i32 = 0, classCount: i32 = 0, lows: usize = 0, highs: usize = 0, columnKinds: usize = 0, binsOf: usize = 0;
let maxDepth: i32 = 0, minSplit: i32 = 0, minLeaf: i32 = 0, featuresPerNode: i32 = 0, randomThresholds: i32 = 0;
/** Order of the columns (identity between nodes), and where each of the node's draws came from. */
let order: usize = 0, swapped: usize = 0, stack: usize = 0, drawnCounts: usize = 0;
/** Rows of a node in turn in one of two places, by the parity of its depth. */
let placeA: usize = 0, placeB: usize = 0;
let outFeature: usize = 0, outThreshold: usize = 0, outLeft: usize = 0, outMissing: usize = 0, outCover: usize = 0, outValues: usize = 0, outShares: usize = 0, outRows: usize = 0;

/** Limits and tables that all trees share. low, high: f32 [columns x 255]; kinds: u8 a column, 1 = has missing values, + 2 = holds categories; bins: u16 a column. */
export function setForest(rows: i32, columns: i32, classes: i32, low: usize, high: usize, kinds: usize, bins: usize, depth: i32, split: i32, leaf: i32, perNode: i32, random: i32): void {
  rowCount = rows; columnCount = columns; classCount = classes; lows = low; highs = high; columnKinds = kinds; binsOf = bins;
  maxDepth = depth; minSplit = split; minLeaf = leaf; featuresPerNode = perNode; randomThresholds = random;
}

/** Scratch: columnOrder i32 [columns] (written here), swaps i32 [columns], nodes 40 bytes a level, counts u16 [rows], two places for the rows. */
export function setScratch(columnOrder: usize, swaps: usize, nodes: usize, counts: usize, first: usize, second: usize): void {
  order = columnOrder; swapped = swaps; stack = nodes; drawnCounts = counts; placeA = first; placeB = second;
  for (let i = 0; i < columnCount; i++) store<i32>(order + (<usize>i << 2), i);
}

/** Where a tree is written: i16, f32, i32, u8, f32 a node, f32 a leaf and class (two classes: one a leaf); the same of every node as a leaf (f32), and its rows (i32). */
export function setOutput(feature: usize, threshold: usize, left: usize, missing: usize, cover: usize, values: usize, shares: usize, rows: usize): void {
  outFeature = feature; outThreshold = threshold; outLeft = left; outMissing = missing; outCover = cover; outValues = values; outShares = shares; outRows = rows;
}

/** A tree that is half grown: the end of the stack of nodes to do, and what it has so far. */
let grownTop: usize = 0, grownNodes: i32 = 0, grownLeaves: i32 = 0;
/** Rows x features that one call looks at before it asks its caller: some milliseconds. A node is not divided. */
const GROW_CELLS: i64 = 1048576;
/** What a call returns that has not finished its tree. */
const UNFINISHED: i32 = -1;

/** Counts rowCount draws with replacement into drawnCounts. */
export function drawRows(treeKey: u32): void {
  memory.fill(drawnCounts, 0, <usize>rowCount << 1);
  // a power of two less: the one rounding is that of (mix / 2^32) x rows
  const share = <f64>rowCount / 4294967296.0;
  let key = treeKey;
  for (let draw = 0; draw < rowCount; draw++) {
    key += 0x9e3779b1;
    const at = drawnCounts + (<usize>(<f64>mix32(key) * share) << 1);
    store<u16>(at, load<u16>(at) + 1);
  }
}

let splitColumn: i32 = -1, splitLower: i32 = 0, splitUpper: i32 = 0, splitMissingLeft: i32 = 0, splitSawMissing: i32 = 0;
let splitDrawn: f64 = NaN, splitScore: f64 = 0;

// @ts-ignore: decorator
@inline
function drawColumn(i: i32, key: u32): i32 {
  const other = i + <i32>((<u64>mix32(key + <u32>(i + 1) * 0x9e3779b1) * <u64>(columnCount - i)) >> 32);
  const at = order + (<usize>i << 2), from = order + (<usize>other << 2);
  const column = load<i32>(from);
  store<i32>(from, load<i32>(at));
  store<i32>(at, column);
  store<i32>(swapped + (<usize>i << 2), other);
  return column;
}

/** The order before the first `count` draws. */
function undoDraws(count: i32): void {
  for (let i = count - 1; i >= 0; i--) {
    const at = order + (<usize>i << 2), from = order + (<usize>load<i32>(swapped + (<usize>i << 2)) << 2);
    const column = load<i32>(at);
    store<i32>(at, load<i32>(from));
    store<i32>(from, column);
  }
}

function thresholdOf(): f32 {
  if (splitUpper == MISSING_BIN) return 3.4028234663852886e38;
  const below = load<f32>(highs + <usize>splitColumn * 1020 + (<usize>splitLower << 2));
  if (splitDrawn == splitDrawn) return <f32>max(splitDrawn, <f64>below);
  const above = load<f32>(lows + <usize>splitColumn * 1020 + (<usize>splitUpper << 2));
  const middle = <f32>(<f64>below + (<f64>above - <f64>below) / 2);
  return middle >= above ? below : middle;
}

/** Bit b of the four words = bin b has a row. */
let present0: u64 = 0, present1: u64 = 0, present2: u64 = 0, present3: u64 = 0;

// @ts-ignore: decorator
@inline
function presentWord(word: i32): u64 {
  return word < 2 ? (word == 0 ? present0 : present1) : word == 2 ? present2 : present3;
}

function drawThreshold(column: i32, key: u32): f64 {
  let lowest = -1;
  let highest = -1;
  for (let word = 0; word < 4; word++) {
    const seen = presentWord(word);
    if (seen == 0) continue;
    if (lowest < 0) lowest = (word << 6) + <i32>ctz(seen);
    highest = (word << 6) + 63 - <i32>clz(seen);
  }
  const from = <f64>load<f32>(lows + <usize>column * 1020 + (<usize>lowest << 2));
  return <f64><f32>(from + (<f64>load<f32>(highs + <usize>column * 1020 + (<usize>highest << 2)) - from) * (<f64>key / 4294967296.0));
}

/** A drawn threshold belongs before the first bin that begins above it. */
// @ts-ignore: decorator
@inline
function isDrawn(drawn: f64, column: i32, lower: i32, bin: i32): bool {
  const low = lows + <usize>column * 1020;
  return drawn >= <f64>load<f32>(low + (<usize>lower << 2)) && drawn < <f64>load<f32>(low + (<usize>bin << 2));
}

// @ts-ignore: decorator
@inline
function holdsCategories(column: i32): bool {
  return (load<u8>(columnKinds + column) & 2) != 0;
}

// @ts-ignore: decorator
@inline
function writeSplit(node: i32, child: i32, missingLeft: i32): void {
  store<i16>(outFeature + (<usize>node << 1), <i16>splitColumn);
  const categorical = holdsCategories(splitColumn);
  store<f32>(outThreshold + (<usize>node << 2), categorical ? 0 : thresholdOf());
  if (categorical) writeSet(node);
  store<i32>(outLeft + (<usize>node << 2), child);
  store<u8>(outMissing + node, <u8>missingLeft);
}

// @ts-ignore: decorator
@inline
function writeLeaf(node: i32, leaf: i32): void {
  store<i16>(outFeature + (<usize>node << 1), -1);
  store<f32>(outThreshold + (<usize>node << 2), 0);
  store<i32>(outLeft + (<usize>node << 2), leaf);
  store<u8>(outMissing + node, 0);
}
