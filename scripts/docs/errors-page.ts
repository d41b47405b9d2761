import { ERRORS } from "../../src/core/errors.ts";
import { code, GENERATED, markdownTable } from "./markdown.ts";

const EXIT_MEANINGS: readonly (readonly [number, string])[] = [
  [0, "done"],
  [1, "a bug, or something that is not offered"],
  [2, "the call is wrong: a command, an option, the configuration"],
  [3, "the data is wrong"],
  [4, "not found"],
  [5, "in conflict with the present state"],
  [6, "not allowed"],
  [7, "something needed is away; try again"],
  [8, "stored data is damaged or cannot be used"],
  [9, "refused: the evidence does not allow it"],
];

export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(([name, { http, exit, meaning, remedy }]) => [
    `<a id="${name}"></a>${code(name)}`,
    String(http),
    String(exit),
    meaning,
    remedy,
  ]);
  return `${[
    GENERATED("src/core/errors.ts"),
    "# Errors",
    "Every failure has a code of this table. The HTTP API answers it as `application/problem+json` with the status below; the command line prints it to standard error (as JSON with `--json`) and ends with the exit code below.",
    markdownTable(["code", "HTTP", "exit", "what it means", "what to do"], rows),
    "## Exit codes",
    markdownTable(
      ["exit", "meaning"],
      EXIT_MEANINGS.map(([exit, meaning]) => [String(exit), meaning]),
    ),
    "",
  ]
    .join("\n\n")
    .trimEnd()}\n`;
}
