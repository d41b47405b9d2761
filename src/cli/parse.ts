import { CommanderError, Option, Command as Parser } from "commander";
import { z } from "zod";
import { convert } from "../config/environment.ts";
import { explainIssues } from "../config/explain-issue.ts";
import { didYouMean, nearest } from "../config/nearest.ts";
import { RequeenError } from "../core/errors.ts";
import { type Command, toFlagName } from "./command.ts";

/** Options that every command takes. */
export const COMMON_OPTIONS = {
  json: { flags: "--json", summary: "print the result as JSON, as the HTTP API answers it" },
  dataDir: { flags: "--data-dir <folder>", summary: "the data folder (dataDir, REQUEEN_DATA_DIR)" },
  config: { flags: "--config <file>", summary: "the configuration file (REQUEEN_CONFIG)" },
  help: { flags: "-h, --help", summary: "show this help" },
} as const;
export const DRY_RUN_OPTION = { flags: "--dry-run", summary: "say what would happen and change nothing" } as const;

/** The words of a command line, before the command is loaded. */
export type Request =
  | { readonly kind: "version" }
  /** Help on everything, a group of commands (`runs`) or one command. */
  | { readonly kind: "help"; readonly name: string }
  | { readonly kind: "command"; readonly name: string; readonly words: readonly string[] };

/**
 * Finds which command a line means: the longest name of the table that its first words, options aside, spell.
 * @throws unknown_command with the nearest name.
 */
export function findCommand(line: readonly string[], names: readonly string[]): Request {
  const { leading, rest } = splitLeading(line);
  const asksHelp = rest.some((word, index) => (word === "--help" || word === "-h") && !rest.slice(0, index).includes("--"));
  const words = leading[0] === "help" ? leading.slice(1) : leading;
  const help = asksHelp || leading[0] === "help";
  for (let count = words.length; count > 0; count--) {
    const name = words.slice(0, count).join(" ");
    if (names.includes(name)) return help ? { kind: "help", name } : { kind: "command", name, words: withoutName(line, count) };
  }
  if (words.length === 0 && (rest.includes("--version") || rest.includes("-V"))) return { kind: "version" };
  if (words.length === 0 && (help || rest.length === 0)) return { kind: "help", name: "" };
  const [first = ""] = words;
  const group = names.filter((name) => name.startsWith(`${first} `));
  if (group.length > 0 && words.length === 1) {
    if (help) return { kind: "help", name: first };
    throw new RequeenError(
      "unknown_command",
      `"${first}" needs one more word: ${group.map((name) => name.slice(first.length + 1)).join(", ")}`,
    );
  }
  const typed = words.slice(0, group.length > 0 ? 2 : 1).join(" ");
  const candidates = [...names, ...new Set(names.map((name) => name.split(" ", 1)[0] ?? name))];
  const hint = didYouMean(typed, candidates) || didYouMean(first, candidates);
  throw new RequeenError(
    "unknown_command",
    typed === "" ? `no command before "${rest[0]}"` : `there is no command "${typed}".${hint}`,
  );
}

/** The first words up to three that are no options; common options may stand before and between them. */
function splitLeading(line: readonly string[]): { leading: string[]; rest: readonly string[] } {
  const leading: string[] = [];
  for (let index = 0; index < line.length && leading.length < 3; index++) {
    const word = line[index] ?? "";
    if (word === "--") break;
    if (word === "--data-dir" || word === "--config") index++;
    else if (!word.startsWith("-")) leading.push(word);
    else if (leading.length > 0 && !isCommon(word)) break;
  }
  return { leading, rest: line };
}

const isCommon = (word: string): boolean => /^(--json|--dry-run|--data-dir=.*|--config=.*)$/.test(word);

/** The line without the first `count` words of `splitLeading`. */
function withoutName(line: readonly string[], count: number): string[] {
  const left: string[] = [];
  let dropped = 0;
  for (let index = 0; index < line.length; index++) {
    const word = line[index] ?? "";
    if (dropped < count && !word.startsWith("-")) dropped += 1;
    else left.push(word);
    if (word === "--data-dir" || word === "--config") left.push(...line.slice(index + 1, ++index + 1));
  }
  return left;
}

export interface ParsedLine {
  /** Arguments and options by key, checked and converted. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly configFile: string | undefined;
  /** Configuration keys set by flags. */
  readonly flags: ReadonlyMap<string, { readonly flag: string; readonly value: unknown }>;
}

/**
 * Reads the words after a command's name.
 * @throws unknown_command for an option that the command does not have; bad_parameter for a value that its type refuses.
 */
export function parseLine(command: Command, words: readonly string[]): ParsedLine {
  const parser = makeParser(command);
  try {
    parser.parse([...words], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) throw explainParser(error, command, parser);
    throw error;
  }
  const given: Record<string, unknown> = parser.opts();
  const flags = new Map<string, { flag: string; value: unknown }>();
  if (given.dataDir !== undefined) flags.set("dataDir", { flag: "--data-dir", value: given.dataDir });
  const values: Record<string, unknown> = {};
  for (const [index, [key, { type }]] of Object.entries(command.arguments).entries()) {
    values[key] = check(type, parser.processedArgs[index], `<${toFlagName(key)}>`, command);
  }
  for (const [key, { type, config }] of Object.entries(command.options)) {
    const flag = `--${toFlagName(key)}`;
    const raw = rawOption(key, given);
    values[key] = check(type, raw, flag, command);
    if (config !== undefined && raw !== undefined) flags.set(config, { flag, value: raw });
  }
  const configFile = typeof given.config === "string" ? given.config : undefined;
  return { values, json: given.json === true, dryRun: given.dryRun === true, configFile, flags };
}

/** Commander files `--no-promote` under `promote`, which is true until the flag is given; here it is the switch `noPromote` like any other. */
function rawOption(key: string, given: Readonly<Record<string, unknown>>): unknown {
  if (!/^no[A-Z]/.test(key)) return given[key];
  const positive = key.charAt(2).toLowerCase() + key.slice(3);
  return given[positive] === false ? true : undefined;
}

function makeParser(command: Command): Parser {
  const quiet = { writeOut: nothing, writeErr: nothing, outputError: nothing };
  const parser = new Parser(command.name).exitOverride().configureOutput(quiet).helpOption(false).allowExcessArguments(false);
  for (const [key, { variadic, type }] of Object.entries(command.arguments)) {
    const name = `${toFlagName(key)}${variadic === true ? "..." : ""}`;
    parser.argument(type.safeParse(variadic === true ? [] : undefined).success ? `[${name}]` : `<${name}>`);
  }
  for (const [key, { value, many }] of Object.entries(command.options)) {
    const option = new Option(`--${toFlagName(key)}${value === undefined ? "" : ` ${value}`}`);
    if (many === true) option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
    parser.addOption(option);
  }
  for (const { flags } of [COMMON_OPTIONS.json, COMMON_OPTIONS.dataDir, COMMON_OPTIONS.config]) parser.option(flags);
  if (command.changes) parser.option(DRY_RUN_OPTION.flags);
  if (command.allowsUnknownOptions === true) parser.allowUnknownOption();
  return parser;
}

const nothing = (_text: string): void => undefined;

function explainParser(error: CommanderError, command: Command, parser: Parser): RequeenError {
  const where = `\`requeen ${command.name}\``;
  const message = error.message.replace(/^error: /, "").split("\n", 1)[0] ?? error.message;
  if (error.code !== "commander.unknownOption")
    return new RequeenError("bad_parameter", `${where}: ${message}`, { command: command.name });
  const typed = /'(.*)'/.exec(message)?.[1] ?? "";
  if (typed === "--dry-run")
    return new RequeenError("unknown_command", `${where} changes nothing and has no --dry-run`, { command: command.name });
  const known = parser.options.map((option) => option.long ?? option.flags);
  const meant = nearest(typed, known);
  const hint = meant === null ? `. It has: ${known.join(", ")}` : `. Did you mean ${meant}?`;
  return new RequeenError("unknown_command", `${where} has no option ${typed}${hint}`, {
    command: command.name,
    option: typed,
    known,
  });
}

function check(type: z.ZodType, raw: unknown, name: string, command: Command): unknown {
  const converted = typeof raw === "string" ? convert(raw, type) : raw;
  const checked = type.safeParse(converted);
  if (checked.success) return checked.data;
  const [problem] = explainIssues(checked.error.issues, z.object({ value: type }).shape.value, converted);
  const rule = problem?.rule ?? "is not usable";
  throw new RequeenError(
    "bad_parameter",
    `${name} of \`requeen ${command.name}\` ${rule}; got ${problem?.got ?? JSON.stringify(raw)}`,
    {
      command: command.name,
      parameter: name,
      got: raw ?? null,
    },
  );
}
