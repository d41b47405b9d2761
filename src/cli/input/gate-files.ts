import { RequeenError } from "../../core/errors.ts";
import type { GateInput } from "../../decide/index.ts";
import { numberOrText } from "../../loop/documents/cells.ts";
import { checkHeader, readCsvRecords } from "../../loop/documents/csv.ts";
import { bytesOf } from "../../loop/documents/read-file.ts";

export interface GateFiles {
  readonly labels: string;
  readonly champion?: string | undefined;
  readonly challenger: string;
  readonly groups?: string | undefined;
  readonly slices?: string | undefined;
  readonly weights?: string | undefined;
}

type GateRows = Pick<
  GateInput,
  | "labels"
  | "champion"
  | "challenger"
  | "classes"
  | "championClasses"
  | "challengerClasses"
  | "groups"
  | "slices"
  | "ids"
  | "weights"
>;

const ID = "id";
const MOST_CLASSES = 64;

/**
 * Reads what `gate` compares. The classes are the challenger's columns, in their order; the champion's may stand in another.
 * @throws RequeenError bad_parameter when a file cannot be read; bad_data, naming file and line, for cells that do not fit.
 */
export async function readGateFiles(files: GateFiles): Promise<GateRows> {
  const labelTable = await readTable(files.labels);
  const challenger = probabilitiesOf(await readTable(files.challenger), labelTable);
  const champion = files.champion === undefined ? null : probabilitiesOf(await readTable(files.champion), labelTable);
  if (champion !== null && [...champion.classes].sort().join("\n") !== [...challenger.classes].sort().join("\n"))
    throw new RequeenError(
      "bad_data",
      `${files.champion} must have the columns ${challenger.classes.join(", ")}, in any order, as ${files.challenger}; it has ${champion.classes.join(", ")}`,
      { file: files.champion },
    );
  const groups = files.groups === undefined ? undefined : await readTable(files.groups);
  const slices = files.slices === undefined ? undefined : await readTable(files.slices);
  const weights = files.weights === undefined ? undefined : await readTable(files.weights);
  for (const table of [groups, slices, weights]) if (table !== undefined) requireSameRows(table, labelTable);
  const ids = labelTable.names.includes(ID) ? columnOf(labelTable, ID) : undefined;
  return {
    labels: labelCodes(labelTable, challenger.classes),
    champion: champion?.values ?? null,
    challenger: challenger.values,
    classes: challenger.classes,
    challengerClasses: challenger.classes,
    ...(champion === null ? {} : { championClasses: champion.classes }),
    ...(groups === undefined ? {} : { groups: columnOf(groups, "group") }),
    ...(slices === undefined
      ? {}
      : {
          slices: Object.fromEntries(
            slices.names
              .filter((name) => name !== ID)
              .map((name) => [name, columnOf(slices, name).map((cell) => (cell === "" ? null : cell))]),
          ),
        }),
    ...(weights === undefined ? {} : { weights: weightsOf(weights) }),
    ...(ids === undefined ? {} : { ids }),
  };
}

/** Whether they are positive is the gate's own check. */
function weightsOf(table: Table): Float64Array {
  return Float64Array.from(columnOf(table, "weight"), (cell, row) => {
    const value = numberOrText(cell);
    if (typeof value === "number") return value;
    throw new RequeenError(
      "bad_data",
      `weight in line ${row + 2} of ${table.file} must be a number; got ${JSON.stringify(value)}`,
      { file: table.file, line: row + 2 },
    );
  });
}

interface Table {
  readonly file: string;
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

async function readTable(file: string): Promise<Table> {
  let names: string[] | null = null;
  const rows: string[][] = [];
  for await (const cells of readCsvRecords(bytesOf(file), file)) {
    if (names === null) names = checkHeader(cells, file);
    else if (cells.length === names.length) rows.push(cells.map((cell) => cell.trim()));
    else
      throw new RequeenError(
        "bad_data",
        `record ${rows.length + 2} of ${file} must have ${names.length} cells, as the first line; it has ${cells.length}`,
        { file, record: rows.length + 2 },
      );
  }
  return { file, names: names ?? checkHeader(undefined, file), rows };
}

function columnOf({ file, names, rows }: Table, name: string): string[] {
  const at = names.indexOf(name);
  if (at < 0)
    throw new RequeenError("bad_data", `${file} must have a column ${name}; it has ${names.join(", ")}`, { file, column: name });
  return rows.map((row) => row[at] ?? "");
}

function requireSameRows(table: Table, labels: Table): void {
  if (table.rows.length !== labels.rows.length)
    throw new RequeenError(
      "bad_data",
      `${table.file} must have as many lines as ${labels.file}, ${labels.rows.length}; it has ${table.rows.length}`,
      { file: table.file },
    );
  if (!table.names.includes(ID) || !labels.names.includes(ID)) return;
  const wanted = columnOf(labels, ID);
  const other = columnOf(table, ID).findIndex((id, row) => id !== wanted[row]);
  if (other >= 0)
    throw new RequeenError(
      "bad_data",
      `line ${other + 2} of ${table.file} must be of id ${wanted[other]}, as in ${labels.file}; it is of ${columnOf(table, ID)[other]}`,
      { file: table.file, line: other + 2 },
    );
}

function probabilitiesOf(table: Table, labels: Table): { classes: string[]; values: Float64Array } {
  requireSameRows(table, labels);
  const at = table.names.flatMap((name, index) => (name === ID ? [] : [index]));
  const classes = at.map((index) => table.names[index] ?? "");
  if (classes.length < 2 || classes.length > MOST_CLASSES)
    throw new RequeenError(
      "bad_data",
      `${table.file} must have a column for each of 2 to ${MOST_CLASSES} classes; it has ${table.names.join(", ")}`,
      { file: table.file },
    );
  const values = new Float64Array(table.rows.length * classes.length);
  for (const [row, cells] of table.rows.entries()) {
    for (const [index, column] of at.entries()) {
      const value = numberOrText(cells[column] ?? "");
      if (typeof value !== "number")
        throw new RequeenError(
          "bad_data",
          `probability of ${classes[index]} in line ${row + 2} of ${table.file} must be a number; got ${JSON.stringify(value)}`,
          { file: table.file, line: row + 2 },
        );
      values[row * classes.length + index] = value;
    }
  }
  return { classes, values };
}

function labelCodes(table: Table, classes: readonly string[]): Uint8Array {
  const codes = new Map(classes.map((name, index) => [name, index]));
  return Uint8Array.from(columnOf(table, "label"), (label, row) => {
    const code = codes.get(label);
    if (code !== undefined) return code;
    throw new RequeenError(
      "bad_data",
      `label in line ${row + 2} of ${table.file} must be one of ${classes.join(", ")}, the columns of the models; got ${JSON.stringify(label)}`,
      { file: table.file, line: row + 2 },
    );
  });
}
