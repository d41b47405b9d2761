import { expect, test } from "vitest";
import { COMMANDS } from "../../../src/cli/commands.ts";
import type { OpenedHouse } from "../../../src/cli/house.ts";
import { isRequeenError } from "../../../src/core/errors.ts";
import { EMPTY_HOUSE, runLine } from "./command-line.ts";

const json = async (line: string): Promise<Record<string, unknown>> => JSON.parse((await runLine(line)).stdout);

test("arguments and options arrive checked and converted, with their defaults", async () => {
  expect(await json("things list technical --json")).toEqual({
    specialist: "technical",
    names: [],
    limit: 20,
    promoteIfBetter: false,
    all: false,
    noPromote: false,
    tag: [],
    port: 8080,
    dataDir: ".requeen",
    dryRun: false,
  });
  const line =
    "things list technical a b --limit 5 --model-type linear --promote-if-better false --all --no-promote --tag x --tag y --port 99 --data-dir d --dry-run --json";
  expect(await json(line)).toEqual({
    specialist: "technical",
    names: ["a", "b"],
    limit: 5,
    modelType: "linear",
    promoteIfBetter: false,
    all: true,
    noPromote: true,
    tag: ["x", "y"],
    port: 99,
    dataDir: "d",
    dryRun: true,
  });
  expect(await json("things list t --promote-if-better --json")).toMatchObject({ promoteIfBetter: true });
});

test("common options may stand before the command", async () => {
  expect(await json("--data-dir d --json things list t")).toMatchObject({ dataDir: "d", specialist: "t" });
  expect(await json("--data-dir=e things --json list t")).toMatchObject({ dataDir: "e", specialist: "t" });
});

test("words after -- are arguments even when they look like options", async () => {
  expect(await json("things list --json -- --help")).toMatchObject({ specialist: "--help" });
});

test("without --json the rendered result is printed, plain when it is no terminal", async () => {
  expect(await runLine("things list t")).toEqual({ code: 0, stdout: "t 20\n", stderr: "" });
});

test.each([
  ["things lst t", 'there is no command "things lst". Did you mean "things list"?'],
  ["thngs", 'there is no command "thngs". Did you mean "things"?'],
  ["things", '"things" needs one more word: list, show'],
  ["things list t --limt 3", "has no option --limt. Did you mean --limit?"],
  ["things list t --wholly-unknown", "has no option --wholly-unknown. It has: --limit, --model-type"],
  ["fail x --dry-run", "`requeen fail` changes nothing and has no --dry-run"],
  ["--limit 3", 'there is no command "3".'],
])("%s is an unknown command or option, with the nearest", async (line, message) => {
  const { code, stdout, stderr } = await runLine(line);
  expect(stderr).toContain(`unknown_command: ${message.startsWith("has") ? "`requeen things list` " : ""}${message}`);
  expect(code).toBe(2);
  expect(stdout).toBe("");
});

test.each([
  ["things list t --limit 0", "--limit of `requeen things list` must be an integer in [1, 100]; got 0"],
  ["things list t --limit five", '--limit of `requeen things list` must be an integer in [1, 100]; got "five"'],
  ["things list t --model-type tree", '--model-type of `requeen things list` must be one of forest, linear; got "tree"'],
  ["things list", "`requeen things list`: missing required argument 'specialist'"],
  ["things list t --limit", "`requeen things list`: option '--limit <n>' argument missing"],
])("%s is a bad parameter", async (line, message) => {
  const { code, stderr } = await runLine(line);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

test("an error says what happened, what it means and what to do next; the exit code is the table's", async () => {
  const { code, stderr } = await runLine("fail known");
  expect(stderr).toBe(
    'requeen: run_not_found: no run has the id "r1"\n  No run has this id.\n  Next: `requeen runs list` shows the ids.\n',
  );
  expect(code).toBe(4);
});

test("with --json an error is a problem document on standard error, and standard output stays empty", async () => {
  const { code, stdout, stderr } = await runLine("fail known --json");
  expect(stdout).toBe("");
  expect(JSON.parse(stderr)).toMatchObject({ code: "run_not_found", status: 404, id: "r1" });
  expect(code).toBe(4);
});

test("a bug shows its stack; an expected failure only when asked", async () => {
  const bug = await runLine("fail bug");
  expect(bug.stderr).toMatch(/internal: x is not a function[\s\S]*TypeError[\s\S]*at /);
  expect(bug.code).toBe(1);
  expect((await runLine("fail known")).stderr).not.toContain("    at ");
  expect((await runLine("fail known", { env: { REQUEEN_DEBUG: "1" } })).stderr).toContain("    at ");
});

test("a house that cannot open fails the command once, with its own code", async () => {
  const { code, stderr } = await runLine("fail house");
  expect(stderr).toContain("store_unavailable: the store is away");
  expect(code).toBe(7);
});

test("a house that opened is closed, also when the command fails", async () => {
  let closed = 0;
  const close = async (): Promise<void> => {
    closed += 1;
  };
  const openHouse = async (): Promise<OpenedHouse> => ({ house: EMPTY_HOUSE, embeddedMlflow: null, close });
  expect((await runLine("fail house", { openHouse })).code).toBe(4);
  expect(closed).toBe(1);
});

test("a result may have an exit code of its own", async () => {
  expect(await runLine("finding")).toEqual({ code: 7, stdout: "1\n", stderr: "" });
});

test.each(["", "--help", "-h", "help"])('"%s" lists every command', async (line) => {
  const { code, stdout } = await runLine(line);
  expect(stdout).toContain("things list  List things.");
  expect(stdout).toContain("--data-dir <folder>");
  expect(code).toBe(0);
});

test.each(["things --help", "help things"])('"%s" lists the group', async (line) => {
  const { stdout } = await runLine(line);
  expect(stdout).toContain("things show");
  expect(stdout).not.toContain("finding");
});

test.each(["things list --help", "help things list", "things list t --limit 0 -h"])('"%s" shows the command', async (line) => {
  const { code, stdout } = await runLine(line);
  expect(stdout).toContain("Usage: requeen things list <specialist> [names...] [options]");
  expect(stdout).toContain("--limit <n>");
  expect(stdout).toContain("how many at most (an integer in [1, 100]; default 20)");
  expect(stdout).toContain("--dry-run");
  expect(stdout).toContain("  # the first five\n  requeen things list technical --limit 5");
  expect(code).toBe(0);
});

test.each(["--version", "-V"])("%s prints the version", async (line) => {
  expect(await runLine(line)).toEqual({ code: 0, stdout: "1.2.3\n", stderr: "" });
});

test("warnings of the configuration go to standard error, in one line for all names without effect", async () => {
  const { stdout, stderr } = await runLine("things list t --json", { env: { MODEL_OUTPUT_DIR: "a", DATASET_DIR: "b" } });
  expect(stderr).toBe("warning: set and without effect: MODEL_OUTPUT_DIR, DATASET_DIR; `requeen config show` says why\n");
  expect(JSON.parse(stdout)).toMatchObject({ specialist: "t" });
});

test("the table of commands agrees with the commands: name, summary, keys, an example for each", async () => {
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = await load();
    expect(command.name).toBe(name);
    expect(command.summary).toBe(summary);
    expect(command.examples.length).toBeGreaterThan(0);
    for (const { line } of command.examples) expect(line).toMatch(new RegExp(`requeen ${name}|^npm start$`));
    const keys = [...Object.keys(command.arguments), ...Object.keys(command.options)];
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of ["json", "dataDir", "config", "help", "dryRun"]) expect(keys).not.toContain(key);
  }
});

test("the examples of every command parse", async () => {
  const { parseLine } = await import("../../../src/cli/parse.ts");
  for (const [name, { load }] of Object.entries(COMMANDS)) {
    const command = await load();
    for (const { line } of command.examples) {
      const own = (line.split(/ \| | && /).find((part) => part.includes(`requeen ${name}`)) ?? "").replace(/ [<>].*$/, "");
      const words = own.slice(own.indexOf(`requeen ${name}`) + `requeen ${name}`.length).match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
      try {
        parseLine(
          command,
          words.map((word) => word.replaceAll(/["']/g, "")),
        );
      } catch (error) {
        if (isRequeenError(error)) throw new Error(`example \`${line}\` does not parse: ${error.message}`);
        throw error;
      }
    }
  }
});
