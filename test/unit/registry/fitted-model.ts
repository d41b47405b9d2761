import { encodeModel, type FittedClassifier, fitClassifier } from "../../../src/engine/index.ts";

/** A small fitted classifier and its bytes: three classes over two columns, one with a missing value. */
export function smallModel(classes: readonly string[] = ["approve", "reject", "no"]): {
  fitted: FittedClassifier;
  bytes: Uint8Array;
} {
  const first = Float64Array.from({ length: 60 }, (_, row) => (row % 7 === 0 ? Number.NaN : row % classes.length));
  const second = Float64Array.from({ length: 60 }, (_, row) => Math.sin(row));
  const labels = Uint8Array.from({ length: 60 }, (_, row) => row % classes.length);
  const fitted = fitClassifier({
    data: { columns: [first, second], labels, classCount: classes.length },
    modelType: "logistic_regression",
    calibration: "none",
    classes,
    featureNames: ["depth", "risk: high"],
    featureSchema: "plan/2",
    seed: 7,
  });
  return { fitted, bytes: encodeModel(fitted) };
}
