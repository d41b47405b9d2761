import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Opinion } from "../src/core/opinion.ts";
import { openSqliteStore } from "../src/store/index.ts";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
const OPINIONS_PER_CALL = 2_000;

export const CLASSES = ["yes", "no"] as const;

const CONFIG = `specialists:
  - name: toy
    classes: [yes, no]
    features:
      schema: toy/1
      columns:
        - { name: a, kind: numeric }
        - { name: b, kind: numeric }
        - { name: c, kind: numeric }
`;

/** Makes a data folder with one specialist and opinions `opinion-0`, `opinion-1`, ... of it, which wait for feedback. */
export async function makeDataFolder(folder: string, opinions: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "requeen.config.yaml"), CONFIG);
  const store = await openSqliteStore(join(folder, "requeen.db"), { now: Date.now });
  for (let from = 0; from < opinions; from += OPINIONS_PER_CALL) {
    const count = Math.min(OPINIONS_PER_CALL, opinions - from);
    await store.addOpinions(Array.from({ length: count }, (_, index) => opinionNumber(from + index)));
  }
  await store.close();
}

const opinionNumber = (number: number): Opinion => ({
  schema_version: "3.0.0",
  opinion_id: `opinion-${number}`,
  plan_id: `plan-${number}`,
  intent_id: null,
  specialist_type: "toy",
  specialist_version: null,
  correlation_id: null,
  trace_id: null,
  span_id: null,
  evaluated_at: 1_750_000_000_000 + number,
  processing_time_ms: null,
  opinion: {
    recommendation: CLASSES[number % 2] ?? "yes",
    confidence_score: 0.75,
    risk_score: 0.25,
    reasoning_summary: "",
    reasoning_factors: [],
    explainability_token: null,
    explainability: {},
    mitigations: [],
    metadata: {},
  },
  state: "external",
  cognitive_plan: null,
  columns: { a: number % 7, b: number % 11, c: number % 13 },
  features: { schema: "toy/1", values: [number % 7, number % 11, number % 13] },
  model: null,
  probabilities: null,
  group: `plan-${number}`,
  extra: {},
});

export interface Serving {
  readonly process: ChildProcess;
  readonly url: string;
  readonly token: string;
}

/** Of what is measured, only intake shall work: no retraining begins by itself. One token sends what many callers would. */
const SETTINGS = {
  ENABLE_RETRAINING_TRIGGER: "false",
  REQUEEN_SERVER_RATE_LIMIT_REQUESTS_PER_SECOND: "1000000",
  REQUEEN_SERVER_RATE_LIMIT_BURST: "1000000",
};

/** Starts `requeen serve` on a free port as a process of its own. Resolves when it listens. @param settings further environment names */
export async function startServer(folder: string, settings: Readonly<Record<string, string>> = {}): Promise<Serving> {
  const server = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, "serve", "--port", "0", "--json"], {
    cwd: folder,
    env: { ...process.env, REQUEEN_DATA_DIR: folder, ...SETTINGS, ...settings },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = (): void => void server.kill("SIGKILL");
  process.once("exit", kill); // also when this process ends by an error
  server.once("exit", () => void process.off("exit", kill));
  const lines = createInterface({ input: server.stdout });
  const first = await Promise.race([
    once(lines, "line").then(([line]) => String(line)),
    once(server, "exit").then(([code]) => {
      throw new Error(`requeen serve ended with ${String(code)} before it listened`);
    }),
  ]);
  const { url, token_file } = JSON.parse(first) as { url: string; token_file: string };
  return { process: server, url, token: readFileSync(token_file, "utf8").trim() };
}

/** Sends the signal and waits for the end. @returns exit code, or the signal that ended it */
export async function endServer({ process: server }: Serving, signal: NodeJS.Signals): Promise<number | string> {
  if (server.exitCode !== null || server.signalCode !== null) return server.exitCode ?? String(server.signalCode);
  const ended = once(server, "exit");
  server.kill(signal);
  const [code, by] = await ended;
  return typeof code === "number" ? code : String(by);
}
