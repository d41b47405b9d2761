// Forests of any number of classes and any weights. A row of a node is 16 bytes: u32 row, u32 label x 8, f64 weight (an integer). A bin
// holds an f64 a class, one more where the number is odd. Codes stand column after column.

let columnCodes: usize = 0, rowLabels: usize = 0, rowWeights: usize = 0, classBins: usize = 0, binCounts: usize = 0, classTotals: usize = 0, classLeft: usize = 0;
let classBytes: usize = 0;
let weightOfNode: f64 = 0;

/** codes: u8 [columns x rows]; labels: u8, weights: f64 a row; histogram: 256 bins, counts: i32 [256], both zeroed; totals, left: a bin each. */
export function setWeighted(codes: usize, labels: usize, weights: usize, histogram: usize, counts: usize, totals: usize, left: usize): void {
  columnCodes = codes; rowLabels = labels; rowWeights = weights; classBins = histogram; binCounts = counts; classTotals = totals; classLeft = left;
  classBytes = (<usize>classCount + 1) / 2 * 16;
}

/** Bins, counts where a leaf has a least number of rows, and present words of one column. */
function fillClasses(start: usize, end: usize, column: i32): void {
  const codes = columnCodes + <usize>column * <usize>rowCount;
  const bytes = classBytes;
  let p0: u64 = 0, p1: u64 = 0, p2: u64 = 0, p3: u64 = 0;
  for (let item = start; item < end; item += 16) {
    const code = <usize>load<u8>(codes + <usize>load<u32>(item));
    const at = classBins + code * bytes + <usize>load<u32>(item, 4);
    store<f64>(at, load<f64>(at) + load<f64>(item, 8));
    const bit = (<u64>1) << (code & 63);
    if (code < 64) p0 |= bit;
    else if (code < 128) p1 |= bit;
    else if (code < 192) p2 |= bit;
    else p3 |= bit;
    if (minLeaf > 1) store<i32>(binCounts + (code << 2), load<i32>(binCounts + (code << 2)) + 1);
  }
  present0 = p0; present1 = p1; present2 = p2; present3 = p3;
}

// @ts-ignore: decorator
@inline
function takeClasses(column: i32, lower: i32, upper: i32, missingLeft: i32, score: f64, drawn: f64, leftRows: i32, rows: i32): void {
  if (score > splitScore && (minLeaf == 1 || (leftRows >= minLeaf && rows - leftRows >= minLeaf))) {
    splitColumn = column; splitLower = lower; splitUpper = upper; splitMissingLeft = missingLeft; splitDrawn = drawn; splitScore = score;
  }
}

/** Two classes: (class 1's weight x all - class 1's of all x weight)^2 / (weight x rest). */
function scoreTwo(): f64 {
  const l0 = load<f64>(classLeft), p = load<f64>(classLeft, 8);
  const w = l0 + p;
  const d = p * weightOfNode - load<f64>(classTotals, 8) * w;
  return (d * d) / (w * (weightOfNode - w));
}

/** More classes: squared weights of each side / its weight; even and odd classes are added apart. */
function scoreMany(): f64 {
  let leftSums = f64x2.splat(0), leftSquares = f64x2.splat(0), rightSquares = f64x2.splat(0);
  for (let at: usize = 0; at < classBytes; at += 16) {
    const left = v128.load(classLeft + at);
    const right = f64x2.sub(v128.load(classTotals + at), left);
    leftSums = f64x2.add(leftSums, left);
    leftSquares = f64x2.add(leftSquares, f64x2.mul(left, left));
    rightSquares = f64x2.add(rightSquares, f64x2.mul(right, right));
  }
  const leftWeight = f64x2.extract_lane(leftSums, 0) + f64x2.extract_lane(leftSums, 1);
  const rightWeight = weightOfNode - leftWeight;
  const l = f64x2.extract_lane(leftSquares, 0) + f64x2.extract_lane(leftSquares, 1);
  const r = f64x2.extract_lane(rightSquares, 0) + f64x2.extract_lane(rightSquares, 1);
  return (l * rightWeight + r * leftWeight) / (leftWeight * rightWeight);
}

// @ts-ignore: decorator
@inline
function addClasses(bin: i32): void {
  const from = classBins + <usize>bin * classBytes;
  for (let at: usize = 0; at < classBytes; at += 16) v128.store(classLeft + at, f64x2.add(v128.load(classLeft + at), v128.load(from + at)));
}

function scanClasses(column: i32, missing: i32, missingLeft: i32, rows: i32, drawn: f64): void {
  const all = drawn != drawn;
  const two = classCount == 2;
  for (let at: usize = 0; at < classBytes; at += 16) v128.store(classLeft + at, f64x2.splat(0));
  let leftRows = 0;
  let lower = -1;
  if (missingLeft) {
    addClasses(MISSING_BIN);
    leftRows = load<i32>(binCounts, 1020);
  }
  for (let word = 0; word < 4; word++) {
    let seen = presentWord(word);
    while (seen != 0) {
      const bin = (word << 6) + <i32>ctz(seen);
      seen &= seen - 1;
      if (lower >= 0 && (all || isDrawn(drawn, column, lower, bin))) takeClasses(column, lower, bin, missingLeft, two ? scoreTwo() : scoreMany(), drawn, leftRows, rows);
      addClasses(bin);
      leftRows += load<i32>(binCounts + (<usize>bin << 2));
      lower = bin;
    }
  }
  if (missing && !missingLeft && lower >= 0) takeClasses(column, lower, MISSING_BIN, 0, two ? scoreTwo() : scoreMany(), NaN, leftRows, rows);
}

/** Three or four classes, every split: the left side stays in two registers. */
function scanFour(column: i32, missing: i32, missingLeft: i32, rows: i32): void {
  const total01 = v128.load(classTotals), total23 = v128.load(classTotals, 16);
  let left01 = f64x2.splat(0), left23 = f64x2.splat(0);
  let leftRows = 0;
  let lower = -1;
  if (missingLeft) {
    left01 = v128.load(classBins, 255 * 32);
    left23 = v128.load(classBins, 255 * 32 + 16);
    leftRows = load<i32>(binCounts, 1020);
  }
  for (let word = 0; word < 5; word++) {
    // the missing bin comes last, as the upper side of a split and of no other
    let seen = word < 4 ? presentWord(word) : <u64>(missing && !missingLeft && lower >= 0);
    while (seen != 0) {
      const bin = word < 4 ? (word << 6) + <i32>ctz(seen) : MISSING_BIN;
      seen &= seen - 1;
      if (lower >= 0) {
        const right01 = f64x2.sub(total01, left01), right23 = f64x2.sub(total23, left23);
        const sums = f64x2.add(left01, left23);
        const leftSquares = f64x2.add(f64x2.mul(left01, left01), f64x2.mul(left23, left23));
        const rightSquares = f64x2.add(f64x2.mul(right01, right01), f64x2.mul(right23, right23));
        const leftWeight = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
        const rightWeight = weightOfNode - leftWeight;
        const l = f64x2.extract_lane(leftSquares, 0) + f64x2.extract_lane(leftSquares, 1);
        const r = f64x2.extract_lane(rightSquares, 0) + f64x2.extract_lane(rightSquares, 1);
        takeClasses(column, lower, bin, missingLeft, (l * rightWeight + r * leftWeight) / (leftWeight * rightWeight), NaN, leftRows, rows);
      }
      const from = classBins + (<usize>bin << 5);
      left01 = f64x2.add(left01, v128.load(from));
      left23 = f64x2.add(left23, v128.load(from, 16));
      leftRows += load<i32>(binCounts + (<usize>bin << 2));
      lower = bin;
    }
  }
}

function clearClasses(bin: i32): void {
  const from = classBins + <usize>bin * classBytes;
  for (let at: usize = 0; at < classBytes; at += 16) v128.store(from + at, f64x2.splat(0));
  if (minLeaf > 1) store<i32>(binCounts + (<usize>bin << 2), 0);
}

/** Scores the listed bins in their order. @param only how many are the first of it; 0 = any number. */
function scoreClassOrder(column: i32, count: i32, rows: i32, only: i32): void {
  for (let at: usize = 0; at < classBytes; at += 16) v128.store(classLeft + at, f64x2.splat(0));
  let leftRows = 0, taken = 0;
  for (let i = 0; i + 1 < count; i++) {
    const bin = <i32>load<u8>(listedBins + i);
    addClasses(bin);
    leftRows += load<i32>(binCounts + (<usize>bin << 2));
    if (only > 0 && i + 1 != only) continue;
    if (minLeaf > 1 && (leftRows < minLeaf || rows - leftRows < minLeaf)) continue;
    const score = classCount == 2 ? scoreTwo() : scoreMany();
    if (score > splitScore) {
      splitScore = score;
      taken = i + 1;
    }
  }
  if (taken > 0) takeListed(column, count, taken);
}

/** Scores a column of categories whose bins are filled. @param key of the column in this node. */
function scoreClassCategories(column: i32, missing: bool, rows: i32, key: u32): void {
  if (randomThresholds) {
    const count = listPresent(missing);
    scoreClassOrder(column, count, rows, drawListed(count, key));
    return;
  }
  for (let k = classCount == 2 ? 1 : 0; k < classCount; k++) {
    if (load<f64>(classTotals + (<usize>k << 3)) == 0) continue;
    const count = listPresent(missing);
    for (let i = 0; i < count; i++) {
      const bin = <usize>load<u8>(listedBins + i);
      const from = classBins + bin * classBytes;
      let all: f64 = 0;
      for (let at: usize = 0; at < classBytes; at += 8) all += load<f64>(from + at);
      store<f64>(binShares + (bin << 3), load<f64>(from + (<usize>k << 3)) / all);
    }
    sortListed(count);
    scoreClassOrder(column, count, rows, 0);
  }
}

function tryClasses(column: i32, start: usize, end: usize, rows: i32, key: u32): i32 {
  fillClasses(start, end, column);
  // bin 255 is the last bit
  const missing = <i32>(present3 >> 63);
  present3 &= 0x7fffffffffffffff;
  const seen = <i32>(popcnt(present0) + popcnt(present1) + popcnt(present2) + popcnt(present3)) + missing;
  if (seen >= 2) {
    const before = splitScore;
    if (holdsCategories(column)) scoreClassCategories(column, missing != 0, rows, mix32(key + <u32>(column + 1) * 0x85ebca77));
    else if (!randomThresholds && classBytes == 32) {
      scanFour(column, missing, 0, rows);
      if (missing) scanFour(column, missing, 1, rows);
    } else {
      const drawn = randomThresholds ? drawThreshold(column, mix32(key + <u32>(column + 1) * 0x85ebca77)) : NaN;
      scanClasses(column, missing, 0, rows, drawn);
      if (missing) scanClasses(column, missing, 1, rows, drawn);
    }
    if (splitScore > before) splitSawMissing = missing;
  }
  for (let word = 0; word < 4; word++) {
    let bits = presentWord(word);
    while (bits != 0) {
      clearClasses((word << 6) + <i32>ctz(bits));
      bits &= bits - 1;
    }
  }
  if (missing) clearClasses(MISSING_BIN);
  return i32(seen >= 2);
}

function findClassSplit(start: usize, end: usize, rows: i32, key: u32): bool {
  splitColumn = -1;
  if (classCount == 2) splitScore = 0;
  else {
    let squares = f64x2.splat(0);
    for (let at: usize = 0; at < classBytes; at += 16) squares = f64x2.add(squares, f64x2.mul(v128.load(classTotals + at), v128.load(classTotals + at)));
    splitScore = ((f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1)) / weightOfNode) * (1 + 1e-12);
  }
  let tried = 0;
  let i = 0;
  for (; i < columnCount && (tried < featuresPerNode || splitColumn < 0); i++) tried += tryClasses(drawColumn(i, key), start, end, rows, key);
  undoDraws(i);
  return splitColumn >= 0;
}

/** The node's weight by class; the weight of all is weightOfNode. */
function sumClasses(start: usize, end: usize): void {
  for (let at: usize = 0; at < classBytes; at += 16) v128.store(classTotals + at, f64x2.splat(0));
  let sum: f64 = 0;
  for (let item = start; item < end; item += 16) {
    const at = classTotals + <usize>load<u32>(item, 4);
    const weight = load<f64>(item, 8);
    store<f64>(at, load<f64>(at) + weight);
    sum += weight;
  }
  weightOfNode = sum;
}

function isPureNode(): bool {
  for (let at: usize = 0; at < classBytes; at += 8) if (load<f64>(classTotals + at) == weightOfNode) return true;
  return false;
}

/** As moveItems, where the best split asks for a category. */
function moveItemsByTable(start: usize, end: usize, to: usize, toEnd: usize): usize {
  const codes = columnCodes + <usize>splitColumn * <usize>rowCount;
  let left = to, right = toEnd - 16;
  for (let item = start; item < end; item += 16) {
    const value = v128.load(item);
    const step = <usize>load<u8>(leftTable + <usize>load<u8>(codes + <usize>load<u32>(item))) << 4;
    v128.store(left, value);
    v128.store(right, value);
    left += step;
    right += step - 16;
  }
  return left;
}

/** Items of the left side to `to` upwards, of the right side from `toEnd` downwards. Returns where the right side begins. */
function moveItems(start: usize, end: usize, to: usize, toEnd: usize): usize {
  if (holdsCategories(splitColumn)) return moveItemsByTable(start, end, to, toEnd);
  const codes = columnCodes + <usize>splitColumn * <usize>rowCount;
  const turn = <u32>splitMissingLeft;
  const lower = <u32>splitLower + turn;
  let left = to, right = toEnd - 16;
  for (let item = start; item < end; item += 16) {
    const value = v128.load(item);
    const step = <usize>i32(((<u32>load<u8>(codes + <usize>load<u32>(item)) + turn) & 255) <= lower) << 4;
    v128.store(left, value);
    v128.store(right, value);
    left += step;
    right += step - 16;
  }
  return left;
}

/** What the node says as a leaf: two classes the share of class 1, else every share. */
function writeShares(to: usize, index: i32): void {
  if (classCount == 2) {
    store<f32>(to + (<usize>index << 2), <f32>(load<f64>(classTotals, 8) / weightOfNode));
    return;
  }
  let at = to + ((<usize>index * <usize>classCount) << 2);
  for (let k = 0; k < classCount; k++, at += 4) store<f32>(at, <f32>(load<f64>(classTotals + (<usize>k << 3)) / weightOfNode));
}

/** Grows one tree on the rows that drawRows counted, or with `all` on every row that has weight. `noted`: shares of every node are wanted. Returns how many nodes it has, or UNFINISHED: then goOnWeighted is to be called. */
export function growWeighted(all: i32, treeKey: u32, noted: i32): i32 {
  let last = placeA;
  for (let row = 0; row < rowCount; row++) {
    const times = all ? 1 : <i32>load<u16>(drawnCounts + (<usize>row << 1));
    const weight = load<f64>(rowWeights + (<usize>row << 3));
    if (times == 0 || weight == 0) continue;
    store<u32>(last, row);
    store<u32>(last, <u32>load<u8>(rowLabels + row) << 3, 4);
    store<f64>(last, <f64>times * weight, 8);
    last += 16;
  }
  // rows of weight 0 may be all that was drawn: then the tree sees every row once
  if (last == placeA) return all ? 0 : growWeighted(1, treeKey, noted);
  store<i32>(stack, 0);
  store<i32>(stack, 0, 4);
  store<u32>(stack, treeKey, 8);
  store<usize>(stack, placeA, 12);
  store<usize>(stack, last, 16);
  grownTop = stack + 20;
  setCount = 0;
  grownNodes = 1;
  grownLeaves = 0;
  return goOnWeighted(noted);
}

export function goOnWeighted(noted: i32): i32 {
  let nodes = grownNodes, leaves = grownLeaves;
  let top = grownTop;
  let cells: i64 = 0;
  while (top > stack) {
    if (cells > GROW_CELLS) {
      grownTop = top;
      grownNodes = nodes;
      grownLeaves = leaves;
      return UNFINISHED;
    }
    top -= 20;
    const node = load<i32>(top), depth = load<i32>(top, 4), key = load<u32>(top, 8);
    const start = load<usize>(top, 12), end = load<usize>(top, 16);
    const size = <i32>((end - start) >> 4);
    cells += <i64>size * featuresPerNode;
    sumClasses(start, end);
    store<f32>(outCover + (<usize>node << 2), <f32>weightOfNode);
    store<i32>(outRows + (<usize>node << 2), size);
    if (noted) writeShares(outShares, node);
    if (depth >= maxDepth || size < minSplit || size < 2 * minLeaf || isPureNode() || !findClassSplit(start, end, size, key)) {
      writeLeaf(node, leaves);
      writeShares(outValues, leaves);
      leaves++;
      continue;
    }
    const from = depth & 1 ? placeB : placeA, into = depth & 1 ? placeA : placeB;
    const to = into + (start - from), toEnd = into + (end - from);
    const middle = moveItems(start, end, to, toEnd);
    writeSplit(node, nodes, splitSawMissing ? splitMissingLeft : i32(middle - to >= toEnd - middle));
    store<i32>(top, nodes + 1);
    store<i32>(top, depth + 1, 4);
    store<u32>(top, mix32(key + 0x9e3779b9), 8);
    store<usize>(top, middle, 12);
    store<usize>(top, toEnd, 16);
    store<i32>(top, nodes, 20);
    store<i32>(top, depth + 1, 24);
    store<u32>(top, mix32(key ^ 0x5bd1e995), 28);
    store<usize>(top, to, 32);
    store<usize>(top, middle, 36);
    top += 40;
    nodes += 2;
  }
  return nodes;
}
