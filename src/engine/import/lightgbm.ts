import {
  checkCategories,
  type ForeignEnsemble,
  type ForeignNode,
  type ForeignTree,
  floorFloat32,
  refuse,
} from "./imported-trees.ts";

const CATEGORICAL = 1;
const DEFAULT_LEFT = 2;
const MISSING_ZERO = 1;
const MISSING_NAN = 2;

/**
 * Reads a model of LightGBM in its text form (`booster.save_model`), objectives `binary` and `multiclass`.
 * Source of the form: src/io/tree.cpp of LightGBM 4.
 * @throws bad_model for another objective, linear leaves, zeros taken as missing, or a broken file.
 */
export function readLightGbm(text: string): ForeignEnsemble {
  const [head = "", ...blocks] = text.split(/^Tree=\d+\s*$/m);
  const header = fieldsOf(head);
  const [objective = "", ...options] = (header.get("objective") ?? "").split(" ");
  if (objective !== "binary" && objective !== "multiclass")
    refuse(`the objective of the LightGBM model must be binary or multiclass; got ${JSON.stringify(objective)}`);
  const outputs = count(header, "num_tree_per_iteration");
  const classCount = objective === "binary" ? 2 : count(header, "num_class");
  if (outputs !== (objective === "binary" ? 1 : classCount))
    refuse(`the LightGBM model has ${outputs} trees a round for ${classCount} classes`);
  const sigmoid = Number(options.find((option) => option.startsWith("sigmoid:"))?.slice("sigmoid:".length) ?? 1);
  if (!(sigmoid > 0)) refuse(`sigmoid of the LightGBM model must be above 0; got ${sigmoid}`);
  const averaged = /^average_output\s*$/m.test(head);
  const scale = sigmoid / (averaged ? blocks.length / outputs : 1);
  const names = (header.get("feature_names") ?? "").split(" ").filter((name) => name !== "");
  const featureCount = count(header, "max_feature_idx") + 1;
  return {
    writer: `LightGBM ${header.get("version") ?? ""}`.trim(),
    kind: "boosting",
    featureCount,
    classCount,
    baseline: Array.from({ length: outputs }, () => 0),
    trees: blocks.map((block, index) => readTree(fieldsOf(block.split(/^end of trees/m)[0] ?? ""), index % outputs, scale)),
    // what LightGBM calls columns that had no name
    featureNames: names.length === featureCount && !names.every((name, index) => name === `Column_${index}`) ? names : null,
    classNames: null,
  };
}

function fieldsOf(block: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1).trim());
  }
  return fields;
}

function count(fields: ReadonlyMap<string, string>, name: string): number {
  const value = Number(fields.get(name));
  if (fields.has(name) && Number.isInteger(value) && value >= 0 && value <= 1e6) return value;
  return refuse(`${name} of the LightGBM model must be a count; got ${JSON.stringify(fields.get(name) ?? null)}`);
}

function numbers(fields: ReadonlyMap<string, string>, name: string, length: number): number[] {
  const values = (fields.get(name) ?? "")
    .split(" ")
    .filter((word) => word !== "")
    .map(Number);
  if (values.length !== length || values.some(Number.isNaN))
    refuse(`${name} of a LightGBM tree must be ${length} numbers; got ${values.length}`);
  return values;
}

/** Splits come first, then the leaves; a child below 0 is leaf number -1 - child. */
function readTree(fields: ReadonlyMap<string, string>, output: number, scale: number): ForeignTree {
  const leafCount = count(fields, "num_leaves");
  if (fields.get("is_linear") === "1") refuse("a LightGBM tree has linear leaves; only constant leaves can be imported");
  const values = numbers(fields, "leaf_value", leafCount);
  const leaf = (index: number, cover: number | null): ForeignNode => ({
    kind: "leaf",
    values: [Number(values[index]) * scale],
    cover,
  });
  if (leafCount === 1) return { nodes: [leaf(0, null)], output };
  const splits = leafCount - 1;
  const [feature, threshold, kinds, left, right, covers, leafCovers] = [
    numbers(fields, "split_feature", splits),
    numbers(fields, "threshold", splits),
    numbers(fields, "decision_type", splits),
    numbers(fields, "left_child", splits),
    numbers(fields, "right_child", splits),
    numbers(fields, "internal_count", splits),
    numbers(fields, "leaf_count", leafCount),
  ];
  const child = (index: number): number => (index < 0 ? splits - 1 - index : index);
  const sets = readSets(fields);
  const nodes = feature.map((column, node): ForeignNode => {
    const limit = Number(threshold[node]);
    const below = { left: child(Number(left[node])), right: child(Number(right[node])), cover: Number(covers[node]) };
    const kind = Number(kinds[node]);
    if ((kind & CATEGORICAL) === 0)
      return {
        kind: "split",
        feature: column,
        threshold: floorFloat32(limit),
        missingLeft: missingGoesLeft(kind, limit),
        ...below,
      };
    const categories =
      sets[limit] ?? refuse(`a LightGBM tree asks set of categories ${limit} of ${sets.length}; the file is broken`);
    // what is missing is in no set
    return { kind: "categories", feature: column, categories, missingLeft: false, ...below };
  });
  return { nodes: [...nodes, ...leafCovers.map((cover, index) => leaf(index, cover))], output };
}

/** The categories that go left, of each set of a tree: set i is words cat_boundaries[i] to [i + 1] of cat_threshold, a bit a category. */
function readSets(fields: ReadonlyMap<string, string>): (readonly number[])[] {
  const sets = fields.has("num_cat") ? count(fields, "num_cat") : 0;
  if (sets === 0) return [];
  const starts = numbers(fields, "cat_boundaries", sets + 1);
  const words = numbers(fields, "cat_threshold", Number(starts[sets]));
  return Array.from({ length: sets }, (_, set) => {
    const own = words.slice(starts[set], starts[set + 1]);
    const members = own.flatMap((word, at) =>
      Array.from({ length: 32 }, (_, bit) => (((word >>> bit) & 1) === 1 ? at * 32 + bit : -1)).filter(
        (category) => category >= 0,
      ),
    );
    return checkCategories(members, "LightGBM");
  });
}

function missingGoesLeft(kind: number, threshold: number): boolean {
  const missing = (kind >> 2) & 3;
  const defaultLeft = (kind & DEFAULT_LEFT) !== 0;
  if (missing === MISSING_NAN) return defaultLeft;
  // without missing values in training, LightGBM reads NaN as 0
  if (missing === MISSING_ZERO && defaultLeft !== 0 <= threshold)
    refuse(
      "a LightGBM tree takes zeros for missing values and sends them elsewhere than their value; train it with zero_as_missing=false",
    );
  return 0 <= threshold;
}
