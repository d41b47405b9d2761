// Splits of a column that holds categories, for both forms of forests: its bins are listed in an order, and the first of the order part from
// the others. Both orders are those of splitCategories in forest-tree.ts. A form fills shares, scores, and moves by the table.

/** u8 [256] twice: the bins of a node in their order, and the same while they are sorted. f64 [256]: what they are sorted by. */
let listedBins: usize = 0, mergedBins: usize = 0, binShares: usize = 0;
/** u8 [256]. Of the best split, where its column holds categories: 1 = rows of this bin go left. */
let leftTable: usize = 0;
/** The tree's nodes that ask for a category, in the order of their splits: i32 a node, and eight words of the categories that go left. */
let setNodes: usize = 0, setWords: usize = 0, setCount: i32 = 0;

/** Needed where a column holds categories. shares: 2,048 bytes; table, listed, merged: 256 each; nodes, words: 4 and 32 a leaf. */
export function setCategories(table: usize, listed: usize, merged: usize, shares: usize, nodes: usize, words: usize): void {
  leftTable = table; listedBins = listed; mergedBins = merged; binShares = shares; setNodes = nodes; setWords = words;
}

/** How many nodes of the tree that was grown last ask for a category. */
export function countSets(): i32 {
  return setCount;
}

/** Lists the bins of the present words and, as the last, the missing one. Returns how many they are. */
function listPresent(missing: bool): i32 {
  let count = 0;
  for (let word = 0; word < 4; word++) {
    let bits = presentWord(word);
    while (bits != 0) {
      store<u8>(listedBins + count, <u8>((word << 6) + <i32>ctz(bits)));
      bits &= bits - 1;
      count++;
    }
  }
  if (missing) store<u8>(listedBins + count++, MISSING_BIN);
  return count;
}

/** Sorts the listed bins by their shares, equal ones as they stood. */
function sortListed(count: i32): void {
  for (let width = 1; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = min(start + width, count), end = min(start + 2 * width, count);
      let a = start, b = middle;
      for (let to = start; to < end; to++) {
        const left = a < middle ? <usize>load<u8>(listedBins + a) : 0, right = b < end ? <usize>load<u8>(listedBins + b) : 0;
        const first = b == end || (a < middle && load<f64>(binShares + (left << 3)) <= load<f64>(binShares + (right << 3)));
        store<u8>(mergedBins + to, <u8>(first ? left : right));
        if (first) a++;
        else b++;
      }
    }
    memory.copy(listedBins, mergedBins, count);
  }
}

/** Draws some of the listed bins, not all, and puts them first, both parts in their old order. Returns how many were drawn. */
function drawListed(count: i32, key: u32): i32 {
  let drawn = 0, rest = 0;
  for (let i = 0; i < count; i++) {
    const bin = load<u8>(listedBins + i);
    if (mix32(key + (<u32>bin + 1) * 0x9e3779b1) & 1) store<u8>(listedBins + drawn++, bin);
    else store<u8>(mergedBins + rest++, bin);
  }
  if (drawn > 0 && rest > 0) {
    memory.copy(listedBins + drawn, mergedBins, rest);
    return drawn;
  }
  // all on one side, and so as they stood: one of them goes to the other
  const at = <usize>(key % <u32>count);
  const one = load<u8>(listedBins + at);
  memory.copy(listedBins + 1, listedBins, at);
  store<u8>(listedBins, one);
  return 1;
}

/** Whether the first `taken` of the listed bins are the left side: that of fewer categories. */
// @ts-ignore: decorator
@inline
function areFirstLeft(count: i32, taken: i32): bool {
  return taken * 2 <= count;
}

/** Makes "the first `taken` of the listed bins part from the others" the best split. */
function takeListed(column: i32, count: i32, taken: i32): void {
  const firstLeft = areFirstLeft(count, taken);
  memory.fill(leftTable, 0, 256);
  const end = firstLeft ? taken : count;
  for (let i = firstLeft ? 0 : taken; i < end; i++) store<u8>(leftTable + <usize>load<u8>(listedBins + i), 1);
  splitColumn = column;
  splitMissingLeft = <i32>load<u8>(leftTable, 255);
}

/** Writes the categories that the best split sends left as the node's set. */
function writeSet(node: i32): void {
  store<i32>(setNodes + (<usize>setCount << 2), node);
  for (let word = 0; word < 8; word++) {
    let bits: u32 = 0;
    for (let bit = 0; bit < 32; bit++) bits |= <u32>load<u8>(leftTable + <usize>((word << 5) + bit)) << bit;
    // the missing bin is no category
    store<u32>(setWords + (<usize>setCount << 5) + (<usize>word << 2), word == 7 ? bits & 0x7fffffff : bits);
  }
  setCount++;
}
