#!/usr/bin/env node
// Starts the command line under Node 24: in this process when it is one, else with the binary of the npm package `node`.
// In a clone it runs the sources as they are, in the installed package what was built from them. Plain JavaScript: it may run under Node 20.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const LEAST_NODE = 24;
// compiled code of earlier starts; in the user's own folder, since code from a shared one would run with our rights
const compileCache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "requeen", "compiled");
// a young heap of 16 MB, for threads and a process that we start; this one, which has begun, reaches it in one step: half as many collections
const heapFlags = ["--min-semi-space-size=16", "--semi-space-growth-factor=16"];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "src", "cli", "main.ts");
const isClone = existsSync(source);
const main = isClone ? source : join(root, "dist", "cli", "main.js");

if (isClone && process.argv[2] === "serve") await buildPages();

if (Number.parseInt(process.versions.node, 10) >= LEAST_NODE) {
  const [{ enableCompileCache }, { setFlagsFromString }] = await Promise.all([import("node:module"), import("node:v8")]);
  // before the cache is opened: V8 keeps compiled code for each set of flags apart
  for (const flag of heapFlags) setFlagsFromString(flag);
  enableCompileCache(compileCache);
  // threads know it from the environment only: a training thread then starts in a third of the time
  process.env.NODE_COMPILE_CACHE ??= compileCache;
  await import(pathToFileURL(main).href);
} else {
  const node = findNode();
  if (node !== null) await start(node, [...heapFlags, main, ...process.argv.slice(2)]);
  else if (isClone) await start(process.execPath, [join(root, "scripts", "run.mjs"), "requeen", ...process.argv.slice(2)]);
  else {
    process.stderr.write(
      `requeen needs Node ${LEAST_NODE}; this is ${process.versions.node}, and the npm package \`node\` has not installed its binary.\n` +
        "Either use Node 24, or allow install scripts and install again: npm install requeen --ignore-scripts=false\n",
    );
    process.exitCode = 1;
  }
}

/** The pages, beside the start of a server from the sources: it waits for nothing, and says so in the browser until they are there. */
async function buildPages() {
  const node = Number.parseInt(process.versions.node, 10) >= LEAST_NODE ? process.execPath : findNode();
  if (node === null) return; // run.mjs installs it, and builds the pages
  const { spawn } = await import("node:child_process");
  const script = join(root, "scripts", "build-web.ts");
  spawn(node, ["--disable-warning=ExperimentalWarning", script, "--if-stale"], { cwd: root, stdio: ["ignore", "ignore", 2] }).on(
    "error",
    (error) => process.stderr.write(`requeen: the pages cannot be built: ${error.message}\n`),
  );
}

/** The binary of the npm package `node`, wherever npm put that package; null when its install script was not run. */
function findNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve("node/package.json"));
    const binary = join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
    return existsSync(binary) ? binary : null;
  } catch (error) {
    if (error.code === "MODULE_NOT_FOUND") return null;
    throw error;
  }
}

/** Runs a program in our place: its signals, its output, its end. */
async function start(program, words) {
  const { spawn } = await import("node:child_process");
  const env = { NODE_COMPILE_CACHE: compileCache, ...process.env };
  const child = spawn(program, words, { stdio: "inherit", env });
  // a terminal sends Ctrl-C to the child as well; main.ts takes two that come together for one
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`requeen: cannot start ${program}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exitCode = code ?? 1;
    else {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
}
