import { z } from "zod";
import { type CommandContext, defineCommand } from "../../../src/cli/command.ts";
import type { CommandEntry } from "../../../src/cli/commands.ts";
import { execute, type Surroundings } from "../../../src/cli/execute.ts";
import type { OpenedHouse } from "../../../src/cli/house.ts";
import { RequeenError } from "../../../src/core/errors.ts";
import type { House } from "../../../src/loop/house.ts";

/** A command that gives back what it got, so that a test sees what the parser made of a line. */
export const echo = defineCommand({
  name: "things list",
  summary: "List things.",
  details: "Touches nothing.",
  arguments: {
    specialist: { summary: "whose things", type: z.string() },
    names: { summary: "which of them", type: z.array(z.string()).default([]), variadic: true },
  },
  options: {
    limit: { summary: "how many at most", value: "<n>", type: z.int().min(1).max(100).default(20) },
    modelType: { summary: "only of this type", value: "<type>", type: z.enum(["forest", "linear"]).optional() },
    promoteIfBetter: { summary: "and promote", value: "[yes]", type: z.boolean().default(false) },
    all: { summary: "the old ones too", type: z.boolean().default(false) },
    noPromote: { summary: "never", type: z.boolean().default(false) },
    tag: { summary: "with this tag", value: "<tag>", many: true, type: z.array(z.string()).default([]) },
    port: { summary: "port", value: "<port>", config: "server.port", type: z.unknown() },
  },
  examples: [{ line: "requeen things list technical --limit 5", does: "the first five" }],
  changes: true,
  run: async (values, { config, dryRun }: CommandContext) => ({
    ...values,
    port: config.server.port,
    dataDir: config.dataDir,
    dryRun,
  }),
  render: (result, { style }) => style.bold(`${result.specialist} ${result.limit}`),
});

const failing = defineCommand({
  name: "fail",
  summary: "Fail.",
  arguments: { code: { summary: "how", type: z.string() } },
  options: {},
  examples: [],
  changes: false,
  run: async ({ code }, { openHouse }): Promise<void> => {
    if (code === "house") await openHouse();
    if (code === "bug") throw new TypeError("x is not a function");
    throw new RequeenError("run_not_found", 'no run has the id "r1"', { id: "r1" });
  },
  render: () => "",
});

const finding = defineCommand({
  name: "finding",
  summary: "Find something.",
  arguments: {},
  options: {},
  examples: [],
  changes: false,
  run: async () => ({ found: 1 }),
  render: ({ found }) => String(found),
  exitCode: ({ found }) => (found > 0 ? 7 : 0),
});

/** Any use of it is a mistake of the test: it has nothing inside. */
export const EMPTY_HOUSE = Object.freeze({}) as House;

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  "things list": { summary: echo.summary, load: async () => echo },
  "things show": { summary: "Show a thing.", load: async () => echo },
  fail: { summary: failing.summary, load: async () => failing },
  finding: { summary: finding.summary, load: async () => finding },
};

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a line over strings instead of a process. */
export async function runLine(line: string, around: Partial<Surroundings> = {}): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const code = await execute({
    line: line.split(" ").filter((word) => word !== ""),
    commands: COMMANDS,
    version: "1.2.3",
    workingDirectory: "/nonexistent",
    env: {},
    stdout: {
      write: (text) => {
        stdout += text;
      },
    },
    stderr: {
      write: (text) => {
        stderr += text;
      },
    },
    now: () => 0,
    signal: new AbortController().signal,
    openHouse: async (): Promise<OpenedHouse> => {
      throw new RequeenError("store_unavailable", "the store is away");
    },
    ...around,
  });
  return { code, stdout, stderr };
}
