import { readFileSync } from "node:fs";
import { RequeenError } from "../core/errors.ts";
import { COMMANDS } from "./commands.ts";
import { execute } from "./execute.ts";

/** Two signals closer than this are one Ctrl-C that came twice: from the terminal and forwarded by a launcher. */
const SAME_SIGNAL_MS = 200;

const stop = new AbortController();
let stoppedAtMs: number | null = null;

function onSignal(signal: NodeJS.Signals): void {
  const nowMs = Date.now();
  if (stoppedAtMs === null) {
    stoppedAtMs = nowMs;
    process.stderr.write(
      "\nStopping where it is safe; what is stored stays, and a run goes on with `requeen runs resume --all`. Again: stop at once.\n",
    );
    stop.abort(new RequeenError("cancelled", `stopped by ${signal}`, { signal }));
  } else if (nowMs - stoppedAtMs > SAME_SIGNAL_MS) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
}
process.on("SIGINT", onSignal);
process.on("SIGTERM", onSignal);

// `requeen runs list | head` closes our output early: that is no failure of ours
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await execute({
  line: process.argv.slice(2),
  commands: COMMANDS,
  version: readVersion(),
  workingDirectory: process.cwd(),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  now: Date.now,
  signal: stop.signal,
  openHouse: async (request) => (await import("./house.ts")).openHouse(request),
});

function readVersion(): string {
  // two folders up in the clone (src/cli) and in the package (dist/cli) alike
  const file: { version: string } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return file.version;
}
