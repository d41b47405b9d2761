import { type ForestType, plantForest } from "../../src/engine/forest.ts";
import type { TrainingData } from "../../src/engine/index.ts";
import type { ForestParams } from "../../src/engine/parameter-tables.ts";
import { noNotes } from "../../src/engine/tree-ensemble.ts";

/** The first trees of a forest, grown in one of its forms, and what it noted of each: its nodes' values, then their rows. */
export function growNoted(
  modelType: ForestType,
  data: TrainingData,
  params: ForestParams,
  treeCount: number,
  form: "wasm" | "plain",
) {
  const notes = noNotes();
  const noted: number[][] = [];
  const grove = plantForest(modelType, data, params, notes, form);
  for (let tree = 0; tree < treeCount; tree++) {
    grove.growTree(tree);
    noted.push([...notes.values], [...notes.rows]);
  }
  return { trees: grove.builder.finish(), noted };
}
