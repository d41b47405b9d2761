import { z } from "zod";
import {
  belowFloat32,
  checkCategories,
  type ForeignEnsemble,
  type ForeignNode,
  type ForeignTree,
  refuse,
} from "./imported-trees.ts";

/** As much of XGBoost's model schema (doc/model.schema of the project) as a tree classifier needs. */
const treeSchema = z.object({
  left_children: z.array(z.int()),
  right_children: z.array(z.int()),
  split_indices: z.array(z.int().min(0)),
  split_conditions: z.array(z.number()),
  split_type: z.array(z.int()).default([]),
  categories: z.array(z.int()).default([]),
  categories_nodes: z.array(z.int()).default([]),
  categories_segments: z.array(z.int()).default([]),
  categories_sizes: z.array(z.int()).default([]),
  default_left: z.array(z.union([z.boolean(), z.literal(0), z.literal(1)])),
  sum_hessian: z.array(z.number()),
});
const gbtreeSchema = z.object({
  name: z.literal("gbtree"),
  model: z.object({ trees: z.array(treeSchema), tree_info: z.array(z.int().min(0)) }),
});
const boosterSchema = z.discriminatedUnion("name", [
  gbtreeSchema,
  z.object({ name: z.literal("dart"), gbtree: gbtreeSchema, weight_drop: z.array(z.number()) }),
]);
const modelSchema = z.object({
  version: z.array(z.int()).default([]),
  learner: z.object({
    feature_names: z.array(z.string()).default([]),
    gradient_booster: boosterSchema,
    learner_model_param: z.object({ base_score: z.string(), num_class: z.string(), num_feature: z.string() }),
    objective: z.object({ name: z.string() }),
  }),
});

/**
 * Reads a model of XGBoost in its JSON form (`booster.save_model("model.json")`), boosters `gbtree` and `dart`, objectives
 * `binary:logistic`, `multi:softprob` and `multi:softmax`.
 * @throws bad_model for another objective or booster, or a broken file.
 */
export function readXgboost(text: string): ForeignEnsemble {
  const parsed = modelSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    const [problem] = parsed.error.issues;
    return refuse(`the file is no tree model of XGBoost: ${problem?.path.join(".") ?? ""}: ${problem?.message ?? ""}`);
  }
  const { version, learner } = parsed.data;
  const { gradient_booster: booster, learner_model_param: param, objective } = learner;
  const binary = objective.name === "binary:logistic";
  if (!binary && objective.name !== "multi:softprob" && objective.name !== "multi:softmax")
    refuse(
      `the objective of the XGBoost model must be binary:logistic, multi:softprob or multi:softmax; got ${JSON.stringify(objective.name)}`,
    );
  const classCount = binary ? 2 : Number(param.num_class);
  const outputs = binary ? 1 : classCount;
  const { trees, tree_info: info } = booster.name === "dart" ? booster.gbtree.model : booster.model;
  const weights = booster.name === "dart" ? booster.weight_drop : [];
  if (info.length !== trees.length || info.some((output) => output >= outputs))
    refuse(`tree_info of the XGBoost model must name one of ${outputs} outputs for each of its ${trees.length} trees`);
  const featureCount = Number(param.num_feature);
  return {
    writer: `XGBoost ${version.join(".")}`.trim(),
    kind: "boosting",
    featureCount,
    classCount,
    baseline: readBaseline(param.base_score, outputs, binary),
    trees: trees.map((tree, index) => readTree(tree, info[index] ?? 0, weights[index] ?? 1)),
    featureNames: learner.feature_names.length === featureCount ? learner.feature_names : null,
    classNames: null,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    return refuse(`the file is not JSON: ${(cause as Error).message}`);
  }
}

/** One number, or since XGBoost 3.1 a list; a probability for two classes, a score for more. */
function readBaseline(text: string, outputs: number, binary: boolean): number[] {
  const given = text
    .replace(/^\[|\]$/g, "")
    .split(",")
    .map(Number);
  const values = Array.from({ length: outputs }, (_, index) => given[given.length === 1 ? 0 : index] ?? Number.NaN);
  const scores = binary ? values.map((share) => Math.log(share / (1 - share))) : values;
  if (!scores.every(Number.isFinite))
    refuse(`base_score of the XGBoost model must be ${binary ? "in (0, 1)" : "finite"}; got ${text}`);
  return scores;
}

/** The categories of each categorical node. */
function readSets(tree: z.output<typeof treeSchema>): Map<number, readonly number[]> {
  const { categories, categories_nodes: owners, categories_segments: segments, categories_sizes: sizes } = tree;
  return new Map(
    owners.map((node, i) => {
      const from = segments[i] ?? -1;
      const own = categories.slice(from, from + (sizes[i] ?? -1));
      if (from < 0 || own.length === 0 || own.length !== sizes[i])
        refuse(`the categories of node ${node} of an XGBoost tree are not all in the file`);
      return [node, checkCategories(own, "XGBoost")];
    }),
  );
}

function readTree(tree: z.output<typeof treeSchema>, output: number, weight: number): ForeignTree {
  const { left_children: left, right_children: right, split_conditions: conditions, split_indices: features } = tree;
  const lengths = [right, conditions, features, tree.default_left, tree.sum_hessian].map((values) => values.length);
  if (left.length === 0 || lengths.some((length) => length !== left.length))
    refuse(`the arrays of an XGBoost tree must have equal lengths; got ${[left.length, ...lengths].join(", ")}`);
  const sets = readSets(tree);
  const nodes = left.map((child, node): ForeignNode => {
    const condition = conditions[node] ?? Number.NaN;
    const cover = tree.sum_hessian[node] ?? null;
    if (child === -1) return { kind: "leaf", values: [condition * weight], cover };
    const feature = features[node] ?? -1;
    const missingLeft = Boolean(tree.default_left[node]);
    const other = right[node] ?? -1;
    if (tree.split_type[node] !== 1)
      return {
        kind: "split",
        feature,
        threshold: belowFloat32(Math.fround(condition)),
        missingLeft,
        left: child,
        right: other,
        cover,
      };
    // what XGBoost's set names goes right, ours left
    const categories = sets.get(node) ?? refuse(`node ${node} of an XGBoost tree splits categories and names none`);
    return { kind: "categories", feature, categories, missingLeft: !missingLeft, left: other, right: child, cover };
  });
  return { nodes, output };
}
