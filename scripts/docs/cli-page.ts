import type { Command } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { argumentLines, optionLines, usageOf } from "../../src/cli/help.ts";
import { COMMON_OPTIONS } from "../../src/cli/parse.ts";
import { code, GENERATED, markdownTable } from "./markdown.ts";

export async function cliPage(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map(({ load }) => load()));
  return `${[
    GENERATED("src/cli/commands.ts and the commands"),
    "# Command line",
    "`npx requeen ...` in a clone or where the package is installed. Results go to standard output, remarks and progress to standard error; the exit code is 0 or that of [the error](errors.md).",
    markdownTable(
      ["command", "what it does"],
      Object.entries(COMMANDS).map(([name, { summary }]) => [`[${code(name)}](#${anchor(name)})`, summary]),
    ),
    "Every command takes:",
    markdownTable(
      ["option", "meaning"],
      Object.values(COMMON_OPTIONS).map(({ flags, summary }) => [code(flags), summary]),
    ),
    ...commands.map(section),
  ].join("\n\n")}\n`;
}

const anchor = (name: string): string => `requeen-${name.replaceAll(" ", "-")}`;

function section(command: Command): string {
  const parts = [`## requeen ${command.name}`, command.summary];
  if (command.details !== undefined) parts.push(command.details);
  parts.push(fenced([usageOf(command)]));
  const lines = [...argumentLines(command), ...optionLines(command)];
  if (lines.length > 0)
    parts.push(
      markdownTable(
        ["argument or option", "meaning"],
        lines.map(([left, right]) => [code(left), right]),
      ),
    );
  if (command.examples.length > 0) parts.push(fenced(command.examples.flatMap(({ line, does }) => [`# ${does}`, line])));
  return parts.join("\n\n");
}

const fenced = (lines: readonly string[]): string => ["```sh", ...lines, "```"].join("\n");
