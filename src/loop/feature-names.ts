import type { Specialist } from "../core/specialist.ts";
import { featureNames } from "../features/catalog.ts";

/** Names of a specialist's features, in the order of its vectors. */
export const featureNamesOf = ({ features }: Specialist): readonly string[] =>
  "columns" in features ? features.columns.map((column) => column.name) : featureNames(features.schema);

/** How many features a specialist's vectors have. */
export const widthOf = ({ features }: Specialist): number =>
  "columns" in features ? features.columns.length : featureNames(features.schema).length;
