import type { z } from "zod";
import type { Config, LoadedConfig } from "../config/read-config.ts";
import type { House } from "../loop/house.ts";
import type { OpenedHouse } from "./house.ts";
import type { Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** A word after the command's name. Optional when its type takes `undefined` or has a default. */
export interface ArgumentSpec {
  readonly summary: string;
  readonly type: z.ZodType;
  /** Takes all words that are left, as an array. Only the last argument may. */
  readonly variadic?: boolean;
}

/** `--some-option` for the key `someOption`. Without `value` it is a switch. */
export interface OptionSpec {
  readonly summary: string;
  readonly type: z.ZodType;
  /** What help shows as the value: `<days>`; in square brackets, `[yes]`, the value may be left out and is `true` then. */
  readonly value?: `<${string}>` | `[${string}]`;
  /** May be given several times; the type gets an array. */
  readonly many?: boolean;
  /** The configuration key that this option sets, e.g. `server.port`: flags are laid over environment and file. */
  readonly config?: string;
}

export type ArgumentSpecs = Readonly<Record<string, ArgumentSpec>>;
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What `run` gets: each argument and option under its key, checked and converted by its type. */
export type Values<A extends ArgumentSpecs, O extends OptionSpecs> = {
  readonly [K in keyof A]: z.output<A[K]["type"]>;
} & { readonly [K in keyof O]: z.output<O[K]["type"]> };

/** What a command may use. It takes nothing from the process by itself: no clock, no environment, no signal handler. */
export interface CommandContext {
  readonly config: Config;
  /** Where each value of the configuration came from. */
  readonly loaded: LoadedConfig;
  readonly now: () => number;
  /** Aborted by the first Ctrl-C or SIGTERM: stop at the next step boundary, leaving what was begun resumable. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly terminal: Terminal;
  /** `--dry-run` was given: say what would happen and change nothing. */
  readonly dryRun: boolean;
  /** `--json` was given: whatever a person would be told on the way stays off standard output. */
  readonly json: boolean;
  /** Opens store, blobs and registry at the first call; `execute` closes them after `run` and `render`. */
  openHouse(): Promise<House>;
  /** The same with what stands around the house: `serve` mounts the embedded registry. */
  openHouseAndParts(): Promise<OpenedHouse>;
}

/** A command is data and functions; help, docs/cli.md and the parser come from the data. */
export interface Command<A extends ArgumentSpecs = ArgumentSpecs, O extends OptionSpecs = OptionSpecs, Result = unknown> {
  /** As typed after `requeen`, e.g. `runs list`. */
  readonly name: string;
  /** One line, as in the list of commands. */
  readonly summary: string;
  /** What a reader of the help needs besides: what it touches, what it waits for, when it refuses. */
  readonly details?: string;
  /** In the order in which they are typed. */
  readonly arguments: A;
  readonly options: O;
  /** Whole command lines, each with what it does. */
  readonly examples: readonly { readonly line: string; readonly does: string }[];
  /** Changes something: gets `--dry-run`. */
  readonly changes: boolean;
  /** Options that it does not know come, with their values, as words of its variadic argument, as `mlflow run` adds them. */
  readonly allowsUnknownOptions?: boolean;
  /** Gives what `--json` prints: the shape that the HTTP API answers. `undefined` prints nothing. */
  run(values: Values<A, O>, context: CommandContext): Promise<Result>;
  /** The result for people; the same facts, nothing that `--json` lacks. */
  render(result: Result, terminal: Terminal): string;
  /** The exit code of a result that is no error and yet no success (`doctor` with a finding). 0 without it. */
  exitCode?(result: Result): number;
}

/** Gives the command back, with the types of its values inferred from its data. */
export const defineCommand = <const A extends ArgumentSpecs, const O extends OptionSpecs, Result>(
  command: Command<A, O, Result>,
): Command<A, O, Result> => command;

/** `windowDays` -> `window-days`: how a key is typed. */
export const toFlagName = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
