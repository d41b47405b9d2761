import { createHash } from "node:crypto";
import type { TreeModel } from "../../../src/engine/index.ts";

/** SHA-256 over all arrays of a model's trees. */
export const hashOf = ({ trees }: TreeModel): string => {
  const hash = createHash("sha256");
  const { categories } = trees;
  const sets = categories === null ? [] : [categories.setOf, categories.starts, categories.words];
  for (const array of [
    trees.feature,
    trees.threshold,
    trees.left,
    trees.missingLeft,
    trees.cover,
    trees.values,
    trees.roots,
    ...sets,
  ])
    hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return hash.digest("hex");
};
