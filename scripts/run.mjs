#!/usr/bin/env node
// The one entry of every npm script. Plain JavaScript, since it may run under Node 20 before anything is installed:
// installs what is missing, then runs the wanted command under the Node 24 that the npm package `node` ships.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const stamp = join(modules, ".requeen-lock-sha256");
const nodeBinary = join(modules, "node", "bin", process.platform === "win32" ? "node.exe" : "node");

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

const [command = "help", ...rest] = process.argv.slice(2);

const cli = [join(root, "src", "cli", "main.ts")];
const COMMANDS = {
  start: [[...cli, "start"]],
  requeen: [cli],
  test: [["node_modules/vitest/vitest.mjs", "run"]],
  check: [["scripts/check.ts"]],
  build: [["scripts/build.ts"]],
  "build-web": [["scripts/build-web.ts"]],
  docs: [["scripts/generate-docs.ts"]],
  format: [["node_modules/@biomejs/biome/bin/biome", "check", "--write", "."]],
  bench: [["scripts/bench.ts"]],
};

if (!(command in COMMANDS)) {
  process.stderr.write(`run.mjs: no command "${command}"; one of ${Object.keys(COMMANDS).join(", ")}\n`);
  process.exit(2);
}
await installWhatIsMissing();
// a server from the sources shows the pages: they are built beside its start, which waits for nothing
if (command === "start" || (command === "requeen" && rest[0] === "serve"))
  spawn(nodeBinary, [join(root, "scripts", "build-web.ts"), "--if-stale"], { cwd: root, stdio: ["ignore", "ignore", 2] }).on(
    "error",
    (error) => process.stderr.write(`The pages cannot be built: ${error.message}\n`),
  );
for (const words of COMMANDS[command])
  await run(nodeBinary, ["--disable-warning=ExperimentalWarning", ...words, ...rest], {
    cwd: command === "requeen" ? process.cwd() : root,
  });

/** Installs when node_modules is missing, incomplete, or made from another lock file than the one that stands here. */
async function installWhatIsMissing() {
  const lock = join(root, "package-lock.json");
  const wanted = createHash("sha256").update(readFileSync(lock)).digest("hex");
  if (existsSync(nodeBinary)) {
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
    // `npm ci` or `npm install` typed by a person leaves npm's own copy of the lock, newer than the lock itself
    const npmsCopy = join(modules, ".package-lock.json");
    if (existsSync(npmsCopy) && statSync(npmsCopy).mtimeMs >= statSync(lock).mtimeMs) return writeFileSync(stamp, wanted);
  }
  process.stderr.write("Installing dependencies (once; about half a minute) ...\n");
  await run(process.platform === "win32" ? "npm.cmd" : "npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    toStderr: true,
  });
  if (!existsSync(nodeBinary)) {
    process.stderr.write("The npm package `node` did not install its binary: its install script was not run.\n");
    process.stderr.write("Allow it (`npm config set ignore-scripts false`) and run `npm ci` again.\n");
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

/** Runs a program to its end; does not return when it fails, but ends as it ended. Signals go on to the program, which ends in its own time. */
function run(program, words, { toStderr = false, cwd = root } = {}) {
  return new Promise((resolve) => {
    const stdio = toStderr ? ["ignore", 2, 2] : "inherit";
    const child = spawn(program, words, { cwd, stdio, shell: process.platform === "win32" });
    const forward = (signal) => child.kill(signal);
    for (const signal of SIGNALS) process.on(signal, forward);
    child.on("error", (error) => {
      process.stderr.write(`Cannot run ${program}: ${error.message}\n`);
      process.exit(1);
    });
    child.on("exit", (status, signal) => {
      for (const name of SIGNALS) process.off(name, forward);
      if (signal !== null) process.kill(process.pid, signal);
      else if (status !== 0) process.exit(status ?? 1);
      else resolve();
    });
  });
}
