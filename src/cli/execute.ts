import type { Config, LoadedConfig } from "../config/read-config.ts";
import { readConfig } from "../config/read-config.ts";
import { ERRORS } from "../core/errors.ts";
import type { Command, CommandContext } from "./command.ts";
import type { CommandEntry } from "./commands.ts";
import { renderCommandHelp, renderCommandList } from "./help.ts";
import type { OpenedHouse } from "./house.ts";
import { findCommand, type ParsedLine, parseLine } from "./parse.ts";
import { openProgress, SILENT_PROGRESS } from "./progress.ts";
import { renderProblem, toProblem, toRequeenError } from "./render/problem.ts";
import { openTerminal, type ProcessStreams, type Terminal } from "./terminal.ts";

export interface HouseRequest {
  readonly config: Config;
  /** Where each key of the configuration came from. */
  readonly sources: LoadedConfig["sources"];
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Everything that a command line meets outside itself. */
export interface Surroundings extends ProcessStreams {
  /** Words after `requeen`. */
  readonly line: readonly string[];
  readonly commands: Readonly<Record<string, CommandEntry>>;
  readonly version: string;
  readonly workingDirectory: string;
  readonly now: () => number;
  readonly signal: AbortSignal;
  openHouse(request: HouseRequest): Promise<OpenedHouse>;
}

/** Runs one command line. Gives the exit code: 0, the code of the error table, or what the command makes of its result. */
export async function execute(around: Surroundings): Promise<number> {
  const terminal = openTerminal(around);
  let json = around.line.includes("--json");
  try {
    const request = findCommand(around.line, Object.keys(around.commands));
    if (request.kind === "version") {
      terminal.write(around.version);
      return 0;
    }
    const entry = around.commands[request.name];
    if (request.kind === "help" || entry === undefined) {
      terminal.write(
        entry === undefined
          ? renderCommandList(around.commands, request.name, terminal.style)
          : renderCommandHelp(await entry.load(), terminal.style),
      );
      return 0;
    }
    const command = await entry.load();
    const parsed = parseLine(command, request.words);
    json = parsed.json;
    return await runCommand(command, parsed, terminal, around);
  } catch (thrown) {
    const error = toRequeenError(thrown);
    const withStack = around.env.REQUEEN_DEBUG === "1";
    terminal.note(json ? JSON.stringify(toProblem(error)) : renderProblem(error, terminal.style, withStack));
    return ERRORS[error.code].exit;
  }
}

async function runCommand(command: Command, parsed: ParsedLine, terminal: Terminal, around: Surroundings): Promise<number> {
  const loaded: LoadedConfig = await readConfig({
    workingDirectory: around.workingDirectory,
    environment: around.env,
    file: parsed.configFile,
    flags: parsed.flags,
  });
  if (loaded.ignored.length > 0) {
    const names = loaded.ignored.join(", ");
    terminal.note(`${terminal.style.yellow("warning:")} set and without effect: ${names}; \`requeen config show\` says why`);
  }
  for (const warning of loaded.warnings) terminal.note(`${terminal.style.yellow("warning:")} ${warning}`);
  const progress = parsed.json ? SILENT_PROGRESS : openProgress(terminal);
  let opened: Promise<OpenedHouse> | null = null;
  const open = (): Promise<OpenedHouse> => {
    opened ??= around.openHouse({ config: loaded.config, sources: loaded.sources, now: around.now, signal: around.signal });
    return opened;
  };
  const context: CommandContext = {
    config: loaded.config,
    loaded,
    now: around.now,
    signal: around.signal,
    progress,
    terminal,
    dryRun: parsed.dryRun,
    json: parsed.json,
    openHouse: async () => (await open()).house,
    openHouseAndParts: open,
  };
  try {
    const result = await command.run(parsed.values, context);
    progress.close();
    if (result === undefined) return 0;
    terminal.write(parsed.json ? JSON.stringify(result, null, 2) : command.render(result, terminal));
    return command.exitCode?.(result) ?? 0;
  } finally {
    progress.close();
    await closeHouse(opened);
  }
}

/** A house that never opened has thrown to the command already; there is nothing to close. */
async function closeHouse(opened: Promise<OpenedHouse> | null): Promise<void> {
  if (opened === null) return;
  const [outcome] = await Promise.allSettled([opened]);
  if (outcome.status === "fulfilled") await outcome.value.close();
}
