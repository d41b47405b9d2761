import { styleText } from "node:util";

/** Where a command's text goes and how it may look. One per process; tests make one over strings. */
export interface Terminal {
  /** Cells of a line of prose: those of standard output; 80 when it is no terminal. */
  readonly width: number;
  /** Cells of a table's line: as `width`, but without end when it is no terminal, since a file or a pipe cuts nothing. */
  readonly tableWidth: number;
  /** Standard error is a terminal: moving bars may be drawn. */
  readonly interactive: boolean;
  readonly style: Styles;
  /** A result, to standard output. */
  write(text: string): void;
  /** A remark, to standard error: never part of what a script reads. */
  note(text: string): void;
  /** Like `note`, without a line break: cursor movements of a bar. */
  draw(text: string): void;
}

export type Tint = (text: string) => string;
export type Styles = Readonly<Record<"bold" | "dim" | "red" | "green" | "yellow" | "cyan", Tint>>;

const plain: Tint = (text) => text;
export const PLAIN_STYLES: Styles = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };

const tint =
  (format: keyof Styles): Tint =>
  (text) =>
    styleText(format, text, { validateStream: false });

const COLOURED_STYLES: Styles = {
  bold: tint("bold"),
  dim: tint("dim"),
  red: tint("red"),
  green: tint("green"),
  yellow: tint("yellow"),
  cyan: tint("cyan"),
};

/** The part of a process that a terminal needs. */
export interface ProcessStreams {
  readonly stdout: { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };
  readonly stderr: { readonly isTTY?: boolean; write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Colour only where a person looks: standard output is a terminal, NO_COLOR is unset or empty (no-color.org), TERM is not `dumb`. */
export function openTerminal({ stdout, stderr, env }: ProcessStreams): Terminal {
  const dumb = env.TERM === "dumb";
  const coloured = stdout.isTTY === true && !env.NO_COLOR && !dumb;
  return {
    get width() {
      return Math.max(stdout.columns ?? 80, 20);
    },
    get tableWidth() {
      return stdout.isTTY === true ? Math.max(stdout.columns ?? 80, 20) : Number.POSITIVE_INFINITY;
    },
    interactive: stderr.isTTY === true && !dumb,
    style: coloured ? COLOURED_STYLES : PLAIN_STYLES,
    write: (text) => void stdout.write(text.endsWith("\n") ? text : `${text}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    draw: (text) => void stderr.write(text),
  };
}
