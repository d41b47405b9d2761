import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";

/** The real launcher as a real process: what a shell, a supervisor or a script sees of it. */
const launcher = join(import.meta.dirname, "..", "..", "bin", "requeen.mjs");
/** The Node that runs npm, older than 24 where the machine has an older one; and the one that runs this test. */
const NODES = [...new Set([process.env.npm_node_execpath ?? process.execPath, process.execPath])];

let folder = "";
const started: ChildProcessWithoutNullStreams[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "requeen-cli-"));
});
afterEach(async () => {
  for (const child of started.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

class Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  #stdout = "";
  #stderr = "";

  constructor(node: string, words: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    const env = { ...process.env, REQUEEN_DATA_DIR: join(folder, "data"), ...environment };
    this.child = spawn(node, [launcher, ...words], { cwd: folder, env });
    started.push(this.child);
    this.child.stdout.on("data", (chunk: Buffer) => {
      this.#stdout += chunk.toString("utf8");
    });
    this.child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString("utf8");
    });
    this.ended = new Promise((resolve) => {
      this.child.on("close", (code, signal) => resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr }));
    });
  }

  /** Waits until standard output or error shows a text. */
  async shows(text: string): Promise<void> {
    for (let waits = 0; waits < 2_400; waits++) {
      if (this.#stdout.includes(text) || this.#stderr.includes(text)) return;
      if (this.child.exitCode !== null) break;
      await sleep(50);
    }
    throw new Error(`never said ${JSON.stringify(text)}:\n${this.#stdout}\n${this.#stderr}`);
  }
}

const run = (node: string, line: string, environment?: NodeJS.ProcessEnv): Promise<Ended> => {
  const running = new Running(node, line.split(" "), environment);
  running.child.stdin.end();
  return running.ended;
};

test.each(NODES)("under %s: results on standard output, problems on standard error, the table's exit code", async (node) => {
  const good = await run(node, "config show --json");
  expect(good).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(good.stdout).values).toContainEqual({
    key: "dataDir",
    value: join(folder, "data"),
    source: "REQUEEN_DATA_DIR",
  });
  const bad = await run(node, "runs show nothing --json");
  expect(bad).toMatchObject({ code: 4, stdout: "" });
  expect(JSON.parse(bad.stderr)).toMatchObject({ code: "run_not_found", status: 404 });
});

test("the configuration file of the working directory is read, and a mistake in it names its line", async () => {
  writeFileSync(join(folder, "requeen.config.yaml"), "server:\n  prot: 1\n");
  const { code, stderr } = await run(process.execPath, "status");
  expect(stderr).toMatch(/server\.prot in .*requeen\.config\.yaml line 2 is unknown\. Did you mean "port"\?/);
  expect(code).toBe(2);
});

test("escape sequences appear on a terminal only", async () => {
  const { stdout } = await run(process.execPath, "--help");
  expect(stdout).not.toContain("\u001b");
});

test("a reader that goes away early is no failure", async () => {
  const running = new Running(process.execPath, ["config", "show", "--json"]);
  running.child.stdout.destroy();
  expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
});

test.each(NODES)("under %s: SIGTERM to the launcher ends the server in its own time, with 0", async (node) => {
  const running = new Running(node, ["serve", "--port", "0", "--json"]);
  await running.shows('"url"');
  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0, signal: null });
});

test("a Ctrl-C that arrives twice at once, from the terminal and forwarded, is one", async () => {
  const running = new Running(process.execPath, ["serve", "--port", "0", "--json"]);
  await running.shows('"url"');
  running.child.kill("SIGINT");
  running.child.kill("SIGINT");
  const { code, signal, stderr } = await running.ended;
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  expect(stderr.match(/Stopping/g)).toHaveLength(1);
});

test.each(NODES)("under %s: a second Ctrl-C ends at once what does not stop", async (node) => {
  // standard input stays open and empty: the import waits for it
  const running = new Running(node, ["opinions", "import", "-"]);
  for (let waits = 0; waits < 600 && !existsSync(join(folder, "data", "requeen.db")); waits++) await sleep(50);
  running.child.kill("SIGINT");
  await running.shows("Stopping");
  await sleep(400);
  running.child.kill("SIGINT");
  const { code, signal } = await running.ended;
  expect(signal === "SIGINT" || code !== 0).toBe(true);
});
