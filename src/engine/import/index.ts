import type { FittedClassifier, Naming } from "../fit-classifier.ts";
import { fromForeignTrees, refuse } from "./imported-trees.ts";
import { readLightGbm } from "./lightgbm.ts";
import { readOnnxTrees } from "./onnx-trees.ts";
import { readXgboost } from "./xgboost.ts";

export const MODEL_FORMATS = ["lightgbm", "xgboost", "onnx"] as const;
export type ModelFormat = (typeof MODEL_FORMATS)[number];

/**
 * A tree model that LightGBM (text form), XGBoost (JSON form) or a converter to ONNX wrote, as a classifier of ours, without calibrator.
 * Nothing in the file is executed. Probabilities equal the writer's to about 1e-6 for features that are float32.
 * @param naming classes in the order of our labels, features in the order of our schema.
 * @param format absent: told from the first bytes.
 * @throws bad_model when the file is none of these, computes something that our trees cannot, or does not fit the naming.
 */
export function importModel(bytes: Uint8Array, naming: Naming, format: ModelFormat = formatOf(bytes)): FittedClassifier {
  if (format === "onnx") return fromForeignTrees(readOnnxTrees(bytes), naming);
  const text = new TextDecoder().decode(bytes);
  return fromForeignTrees(format === "lightgbm" ? readLightGbm(text) : readXgboost(text), naming);
}

/** @throws bad_model */
export function formatOf(bytes: Uint8Array): ModelFormat {
  const start = new TextDecoder().decode(bytes.subarray(0, 64));
  if (/^tree\r?\n/.test(start)) return "lightgbm";
  if (/^\s*\{\s*"/.test(start)) return "xgboost";
  // ModelProto begins with its ir_version: field 1, a varint
  if (bytes[0] === 8) return "onnx";
  return refuse("the file is neither LightGBM's text form, nor XGBoost's JSON form, nor ONNX (XGBoost: save as .json, not .ubj)");
}
