/**
 * Trains one small model of each learner, calibrator and number of classes on seeded data with missing values, and writes for each a model
 * directory with `rows.f32` (the rows) and `expected.f64` (the probabilities that Requeen gives them) beside it.
 * Usage: node make-models.ts FOLDER
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeModel, type FitRequest, fitClassifier, predictProbabilities, SeededRandom } from "../../../src/engine/index.ts";
import { buildModelDirectory } from "../../../src/registry/model-files.ts";

const ROWS = 10_000;
const TRAIN_ROWS = 1_500;
const FEATURES = 26;

const CASES = [
  {
    name: "forest-4-classes",
    modelType: "random_forest",
    classes: ["approve", "reject", "review_required", "conditional"],
    calibration: "auto",
  },
  { name: "forest-2-classes-platt", modelType: "random_forest", classes: ["no", "yes"], calibration: "platt" },
  {
    name: "boosting-3-classes-temperature",
    modelType: "gradient_boosting",
    classes: ["a", "b'c", 'd"e'],
    calibration: "temperature",
  },
  { name: "boosting-2-classes", modelType: "gradient_boosting", classes: ["0", "1:30"], calibration: "none" },
  { name: "logistic-4-classes", modelType: "logistic_regression", classes: ["null", "~", "ü", "true"], calibration: "auto" },
] as const satisfies ReadonlyArray<{
  name: string;
  modelType: FitRequest["modelType"];
  classes: readonly string[];
  calibration: FitRequest["calibration"];
}>;

/** Columns of normal numbers, coarse steps and heavy tails, a tenth of all values missing; each value is exactly a float32. */
function columnsOf(rows: number, random: SeededRandom): Float32Array[] {
  return Array.from({ length: FEATURES }, (_, feature) =>
    Float32Array.from({ length: rows }, () => {
      if (random.next() < 0.1) return Number.NaN;
      const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
      return feature % 3 === 0 ? Math.round(normal * 4) : feature % 3 === 1 ? normal : normal ** 3 * 100;
    }),
  );
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: node make-models.ts FOLDER");
const random = new SeededRandom(20_260_208);
const train = columnsOf(TRAIN_ROWS, random);
const rows = columnsOf(ROWS, random);
const matrix = new Float32Array(ROWS * FEATURES);
for (const [feature, column] of rows.entries())
  for (const [row, value] of column.entries()) matrix[row * FEATURES + feature] = value;

for (const { name, modelType, classes, calibration } of CASES) {
  const labels = Uint8Array.from({ length: TRAIN_ROWS }, (_, row) => {
    const score = [0, 1, 2, 4].reduce(
      (sum, feature) => sum + (Number.isNaN(train[feature][row]) ? 0.5 : Math.tanh(train[feature][row])),
      0,
    );
    return Math.min(
      classes.length - 1,
      Math.max(0, Math.floor(((score + 4) / 8) * classes.length + 0.5 * (random.next() - 0.5))),
    );
  });
  const fitted = fitClassifier({
    data: { columns: train, labels, classCount: classes.length },
    modelType,
    calibration,
    classes,
    featureNames: Array.from({ length: FEATURES }, (_, feature) => `feature ${feature}`),
    featureSchema: "interop/1",
    seed: 42,
  });
  const directory = buildModelDirectory({
    bytes: encodeModel(fitted),
    fitted,
    specialist: "interop",
    runId: "",
    createdAtMs: Date.parse("2026-02-08T03:00:00Z"),
    example: matrix.subarray(0, FEATURES),
  });
  const home = join(folder, name);
  await mkdir(join(home, "model"), { recursive: true });
  for (const [path, content] of directory) await writeFile(join(home, "model", path), content);
  await writeFile(join(home, "rows.f32"), matrix);
  await writeFile(join(home, "expected.f64"), predictProbabilities(fitted, rows));
  await writeFile(join(home, "classes.json"), JSON.stringify(classes));
}
