import type { Terminal } from "../terminal.ts";
import { cut, displayWidth } from "./display-width.ts";

export interface TableColumn<Row> {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Shortened first when the terminal is narrow; columns without it keep their width. */
  readonly shrinks?: boolean;
  /** The cell's text; styles allowed, line breaks and other control characters are shown as spaces. */
  text(row: Row): string;
}

/** The part of a terminal that a table needs. */
export type TableTerminal = Pick<Terminal, "width" | "style"> & Partial<Pick<Terminal, "tableWidth">>;

const GAP = "  ";
/** A column is not cut below this: of less, nobody could tell what it was. */
const LEAST_SHRUNK = 8;
const CONTROL = /\p{Cc}+/gu;
const STYLE_SEQUENCE = new RegExp(`(${String.fromCharCode(27)}\\[[0-9;]*m)`);

/**
 * Lines of equal columns: widths count as a terminal shows them (wide characters two, combining marks none).
 * Where the terminal is too narrow, the columns that shrink are cut with an ellipsis; then the line is left long rather than broken.
 */
export function renderTable<Row>(rows: readonly Row[], columns: readonly TableColumn<Row>[], terminal: TableTerminal): string {
  const cells = rows.map((row) => columns.map((column) => oneLine(column.text(row))));
  const natural = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...cells.map((line) => displayWidth(line[index] ?? ""))),
  );
  const widths = fitWidths(natural, columns, terminal.tableWidth ?? terminal.width);
  const line = (texts: readonly string[]): string =>
    columns
      .map((column, index) => pad(texts[index] ?? "", widths[index] ?? 0, column.align ?? "left"))
      .join(GAP)
      .trimEnd();
  const titles = columns.map((column, index) => terminal.style.bold(cut(column.title, widths[index] ?? 0)));
  return [line(titles), ...cells.map(line)].join("\n");
}

/** `name: value` lines, the values in one column. */
export function renderFacts(
  facts: readonly (readonly [name: string, value: string])[],
  { style }: Pick<Terminal, "style">,
): string {
  const width = Math.max(0, ...facts.map(([name]) => displayWidth(name)));
  return facts.map(([name, value]) => `${style.dim(pad(name, width, "left"))}${GAP}${value}`.trimEnd()).join("\n");
}

function fitWidths(natural: readonly number[], columns: readonly { readonly shrinks?: boolean }[], available: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) - available;
  while (excess > 0) {
    let widest = -1;
    for (const [index, column] of columns.entries()) {
      const width = widths[index] ?? 0;
      if (column.shrinks === true && width > LEAST_SHRUNK && width > (widths[widest] ?? 0)) widest = index;
    }
    if (widest === -1) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

function pad(text: string, width: number, align: "left" | "right"): string {
  const fitted = cut(text, width);
  const space = " ".repeat(Math.max(0, width - displayWidth(fitted)));
  return align === "right" ? space + fitted : fitted + space;
}

/** Escape sequences that we made stay; any other control character, a line break first, would break the table. */
const oneLine = (text: string): string =>
  text
    .split(STYLE_SEQUENCE)
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll(CONTROL, " ")))
    .join("");
