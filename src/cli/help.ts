import { describeType } from "../config/describe-type.ts";
import type { Command } from "./command.ts";
import { toFlagName } from "./command.ts";
import type { CommandEntry } from "./commands.ts";
import { COMMON_OPTIONS, DRY_RUN_OPTION } from "./parse.ts";
import type { Styles } from "./terminal.ts";

type Line = readonly [left: string, right: string];

/** All commands, or those of one group (`runs`). */
export function renderCommandList(commands: Readonly<Record<string, CommandEntry>>, group: string, style: Styles): string {
  const entries = Object.entries(commands).filter(([name]) => group === "" || name.startsWith(`${group} `));
  const lines = entries.map(([name, { summary }]): Line => [name, summary]);
  const head =
    group === ""
      ? [
          "requeen turns people's feedback on specialist models into better models, proves it, ships it, and can take it back.",
          "",
        ]
      : [];
  return [
    ...head,
    `${style.bold("Usage:")} requeen ${group === "" ? "<command>" : `${group} <command>`} [options]`,
    "",
    style.bold("Commands:"),
    ...columns(lines),
    "",
    style.bold("Every command takes:"),
    ...columns(Object.values(COMMON_OPTIONS).map(({ flags, summary }): Line => [flags, summary])),
    "",
    `\`requeen help <command>\` shows arguments, options and examples.${group === "" ? " `npm start` in a clone shows the whole loop." : ""}`,
  ].join("\n");
}

export function usageOf(command: Command): string {
  const words = Object.entries(command.arguments).map(([key, { type, variadic }]) => {
    const name = `${toFlagName(key)}${variadic === true ? "..." : ""}`;
    return type.safeParse(variadic === true ? [] : undefined).success ? `[${name}]` : `<${name}>`;
  });
  return ["requeen", command.name, ...words, "[options]"].join(" ");
}

export function argumentLines(command: Command): Line[] {
  return Object.entries(command.arguments).map(([key, { summary, type }]) => [toFlagName(key), `${summary}${limits(type)}`]);
}

export function optionLines(command: Command): Line[] {
  const own = Object.entries(command.options).map(([key, { summary, value, type, many }]): Line => {
    const flags = `--${toFlagName(key)}${value === undefined ? "" : ` ${value}`}`;
    return [flags, `${summary}${value === undefined ? "" : limits(type)}${many === true ? " (may be repeated)" : ""}`];
  });
  const dryRun: Line[] = command.changes ? [[DRY_RUN_OPTION.flags, DRY_RUN_OPTION.summary]] : [];
  return [...own, ...dryRun];
}

export function renderCommandHelp(command: Command, style: Styles): string {
  const sections: string[] = [command.summary];
  if (command.details !== undefined) sections.push(command.details);
  sections.push(`${style.bold("Usage:")} ${usageOf(command)}`);
  const section = (title: string, lines: readonly Line[]): void => {
    if (lines.length > 0) sections.push([style.bold(title), ...columns(lines)].join("\n"));
  };
  section("Arguments:", argumentLines(command));
  section("Options:", optionLines(command));
  section(
    "Every command takes:",
    Object.values(COMMON_OPTIONS).map(({ flags, summary }) => [flags, summary]),
  );
  const examples = command.examples.flatMap(({ line, does }) => [`  ${style.dim(`# ${does}`)}`, `  ${line}`]);
  if (examples.length > 0) sections.push([style.bold("Examples:"), ...examples].join("\n"));
  return sections.join("\n\n");
}

/** ` (an integer in [1, 100]; default 20)`, as far as the type says so. */
function limits(type: Parameters<typeof describeType>[0]): string {
  const allowed = describeType(type);
  const fallback = defaultOf(type);
  const parts: string[] = [];
  if (allowed !== null && !allowed.startsWith("text") && allowed !== "a list") parts.push(allowed);
  if (fallback !== undefined && fallback !== null && String(fallback) !== "") parts.push(`default ${String(fallback)}`);
  return parts.length === 0 ? "" : ` (${parts.join("; ")})`;
}

/** What an omitted value becomes; undefined when it may not be omitted or stays undefined. */
function defaultOf(type: Parameters<typeof describeType>[0]): unknown {
  const parsed = "safeParse" in type && typeof type.safeParse === "function" ? type.safeParse(undefined) : { success: false };
  return parsed.success === true ? parsed.data : undefined;
}

function columns(lines: readonly Line[]): string[] {
  const width = Math.max(0, ...lines.map(([left]) => left.length));
  return lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
