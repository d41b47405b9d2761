import { readFileSync } from "node:fs";
import { join } from "node:path";
import { trainBoosting } from "../../src/engine/index.ts";

/** `node memory-child.ts FOLDER ROWS`: one boosting fit of the rows in the folder; prints the greatest resident memory in MiB. */
const [folder = "", rows = ""] = process.argv.slice(2);
const rowCount = Number(rows);
// column after column, as a Parquet or Arrow file holds them; LightGBM's side reads row after row, as it likes it best
const bytes = readFileSync(join(folder, `train${rows}.c`));
const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
const columns = Array.from({ length: values.length / rowCount }, (_, j) => values.subarray(j * rowCount, (j + 1) * rowCount));
const labels = new Uint8Array(readFileSync(join(folder, `train${rows}.y`)));
const model = trainBoosting({ columns, labels, classCount: 2 });
if (model.trees.roots.length !== 100) throw new Error(`the fit made ${model.trees.roots.length} trees`);
process.stdout.write(`${process.resourceUsage().maxRSS / 1024}\n`);
