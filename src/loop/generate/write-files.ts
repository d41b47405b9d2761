import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { RequeenError } from "../../core/errors.ts";
import { featureNames, type PlanSchemaName } from "../../features/index.ts";
import { translateFileError } from "../../store/file-errors.ts";
import { type ParquetBatch, type ParquetField, writeParquet } from "../../store/parquet.ts";
import { type DatasetCard, datasetCardMarkdown, readDatasetCard, writeDatasetCard } from "./dataset-card.ts";
import type { GeneratedRow } from "./generated-row.ts";

/** Where a generated set goes: the table, its card beside it, and the journal of a set that is not finished. */
export interface OutputPlaces {
  readonly folder: string;
  readonly parquet: string;
  readonly cardJson: string;
  readonly cardMarkdown: string;
  readonly journal: string;
}

/** A path that ends with .parquet is the table itself; any other is a folder that gets `<name>.parquet`. */
export function outputPlaces(typed: string, name: string): OutputPlaces {
  const path = resolve(typed);
  const parquet = path.endsWith(".parquet") ? path : resolve(path, `${name}.parquet`);
  const stem = parquet.slice(0, -".parquet".length);
  return {
    folder: dirname(parquet),
    parquet,
    cardJson: `${stem}.card.json`,
    cardMarkdown: `${stem}.card.md`,
    journal: `${stem}.journal.jsonl`,
  };
}

/**
 * Makes the folder and sees that the files can be written, before anything is paid. A set of another name is never written over.
 * @throws RequeenError store_read_only, store_unavailable, disk_full, already_exists
 */
export async function checkPlaces(places: OutputPlaces, name: string, dryRun: boolean): Promise<void> {
  try {
    if (!dryRun) {
      await makeFolder(places.folder);
      const trial = `${places.parquet}.trial-${randomBytes(4).toString("hex")}`;
      await writeFile(trial, "", { flag: "wx" });
      await rm(trial);
    }
    for (const path of [places.parquet, places.cardJson, places.cardMarkdown]) await checkPresent(path);
  } catch (error) {
    throw translateFileError(error, places.parquet);
  }
  const card = await readCardIfThere(places.cardJson);
  const present = await exists(places.parquet);
  if (!present || card?.name === name) return;
  const owner = card === null ? "a table without a card" : `the set ${card.name}`;
  throw new RequeenError("already_exists", `${places.parquet} holds ${owner}; give another --output-path, or move it away`, {
    path: places.parquet,
  });
}

/** Level by level: Node's own recursive form never ends where a file system answers "no such folder" to every mkdir, as /proc does. */
async function makeFolder(path: string): Promise<void> {
  const make = (): Promise<string | null> =>
    mkdir(path).then(
      () => null,
      (error: unknown) => {
        if (error instanceof Error && "code" in error && (error.code === "EEXIST" || error.code === "ENOENT")) return error.code;
        throw error;
      },
    );
  const refused = await make();
  if (refused === "EEXIST" && !(await stat(path)).isDirectory())
    throw new RequeenError("store_unavailable", `${path} must be a folder; a file stands there`, { path });
  if (refused !== "ENOENT") return;
  await makeFolder(dirname(path));
  if ((await make()) === "ENOENT") throw new RequeenError("store_read_only", `the folder ${path} cannot be made there`, { path });
}

async function checkPresent(path: string): Promise<void> {
  if (!(await exists(path))) return;
  if (!(await stat(path)).isFile())
    throw new RequeenError("already_exists", `${path} must be a file; something else stands there`, { path });
  await access(path, constants.W_OK);
}

async function readCardIfThere(path: string): Promise<DatasetCard | null> {
  return (await exists(path)) ? readDatasetCard(await readFile(path, "utf8")) : null;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
      throw error;
    },
  );

/** The provenance columns of the table, before the features. `_label` is the index of the class. */
const OWN_FIELDS = [
  { name: "_plan_id", kind: "text" },
  { name: "_opinion_id", kind: "text" },
  { name: "_specialist", kind: "text" },
  { name: "_label", kind: "integer" },
  { name: "_class", kind: "text" },
  { name: "_tier", kind: "text" },
  { name: "_generator", kind: "text" },
  { name: "_set", kind: "text" },
  { name: "_domain", kind: "text" },
  { name: "_quality", kind: "double" },
  { name: "_created_at", kind: "integer" },
] as const satisfies readonly ParquetField[];

export interface GeneratedSet {
  readonly rows: readonly GeneratedRow[];
  readonly card: DatasetCard;
  readonly classes: readonly string[];
  readonly featureSchema: PlanSchemaName;
  readonly opinionId: (row: GeneratedRow) => string;
}

/**
 * Writes the table, then the card: a card that is there describes a whole table. Each is written beside its place and renamed.
 * @param allowed nothing gets its name before this resolves; when it is rejected, nothing does.
 * @returns the card with the table's digest in it.
 * @throws RequeenError disk_full, store_read_only
 */
export async function writeFiles(places: OutputPlaces, set: GeneratedSet, allowed: Promise<unknown>): Promise<DatasetCard> {
  const names = featureNames(set.featureSchema);
  const fields = [...OWN_FIELDS, ...names.map((name): ParquetField => ({ name, kind: "double" }))];
  const unfinished = `${places.parquet}.unfinished-${randomBytes(4).toString("hex")}`;
  try {
    const { rows, sizeBytes } = await writeParquet(unfinished, fields, [tableOf(set, names)]);
    const sha256 = await digestOf(unfinished);
    await allowed;
    await rename(unfinished, places.parquet);
    const card: DatasetCard = { ...set.card, files: [{ path: basename(places.parquet), sha256, size_bytes: sizeBytes, rows }] };
    await writeWhole(places.cardMarkdown, datasetCardMarkdown(card));
    await writeWhole(places.cardJson, writeDatasetCard(card));
    return card;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw translateFileError(error, places.parquet);
  }
}

function tableOf({ rows, classes, card, opinionId }: GeneratedSet, names: readonly string[]): ParquetBatch {
  const own: Record<(typeof OWN_FIELDS)[number]["name"], (string | null)[] | Float64Array> = {
    _plan_id: rows.map(({ plan }) => plan.plan_id),
    _opinion_id: rows.map(opinionId),
    _specialist: rows.map(() => card.specialist),
    _label: Float64Array.from(rows, ({ decision }) => classes.indexOf(decision)),
    _class: rows.map(({ decision }) => decision),
    _tier: rows.map(({ tier }) => tier),
    _generator: rows.map(({ generator }) => generator),
    _set: rows.map(() => card.name),
    _domain: rows.map(({ plan }) => plan.original_domain),
    _quality: Float64Array.from(rows, ({ quality }) => quality),
    _created_at: Float64Array.from(rows, () => card.created_at),
  };
  // row after row, as the vectors lie in memory
  const values = names.map(() => new Float64Array(rows.length));
  for (const [row, { vector }] of rows.entries())
    for (const [column, into] of values.entries()) into[row] = vector[column] ?? Number.NaN;
  const features = names.map((name, column) => [name, values[column] ?? []] as const);
  return { rows: rows.length, columns: { ...own, ...Object.fromEntries(features) } };
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

async function writeWhole(path: string, text: string): Promise<void> {
  const unfinished = `${path}.unfinished-${randomBytes(4).toString("hex")}`;
  try {
    await writeFile(unfinished, text, { flush: true });
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
