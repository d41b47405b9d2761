import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { SignJWT } from "jose";
import type { Role } from "../../../src/core/identity.ts";
import { simulatePlans } from "../../../src/loop/simulate.ts";

const root = join(import.meta.dirname, "../../..");
const main = join(root, "src/cli/main.ts");
const SECRET = "pages-test-secret-of-at-least-32-bytes";
export const ISSUER = "https://pages.test";

export interface Server {
  readonly url: string;
  readonly dataDir: string;
  /** The data folder's own token: may do everything. */
  readonly adminToken: string;
  /** Ends the process and waits for it; the data stay. */
  stop(): Promise<void>;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
}

/** Data of the hive example, made once; each server works on a copy. @returns the folder; the caller removes it. */
export async function makeHive(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "requeen-pages-"));
  await runToEnd(["example", "hive", "--data-dir", folder, "--json"]);
  return folder;
}

export async function copyOf(folder: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "requeen-pages-"));
  await cp(folder, copy, { recursive: true });
  return copy;
}

export const emptyFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "requeen-pages-"));

const environment = (extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...process.env,
  JWT_SECRET_KEY: SECRET,
  JWT_ISSUER: ISSUER,
  REQUEEN_AUTH_ADMIN_TOKEN: "on",
  ...extra,
});

async function runToEnd(words: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...words], {
    stdio: ["ignore", "ignore", "inherit"],
    env: environment({}),
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`requeen ${words.join(" ")} ended with ${code}`);
}

/** A real `requeen serve` process. */
export async function startServer(
  dataDir: string,
  { port = 0, env = {}, config = null }: { port?: number; env?: NodeJS.ProcessEnv; config?: string | null } = {},
): Promise<Server> {
  const words = [
    "serve",
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
    "--data-dir",
    dataDir,
    "--json",
    ...(config === null ? [] : ["--config", config]),
  ];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment(env),
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const closed = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const line = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("\n")) resolve(text.split("\n")[0] ?? "");
    });
    void closed.then(() => reject(new Error(`requeen serve ended: ${errors}`)));
  });
  const { url, token_file } = JSON.parse(line) as { url: string; token_file: string };
  const end = (signal: NodeJS.Signals) => async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await closed;
  };
  const adminToken = (await readFile(token_file, "utf8")).trim();
  return { url, dataDir, adminToken, stop: end("SIGTERM"), kill: end("SIGKILL") };
}

/** A token as the team's own identity provider would sign it. */
export const tokenOf = (subject: string, roles: readonly Role[], lifeSeconds = 3_600): Promise<string> =>
  new SignJWT({ roles })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(subject)
    .setIssuer(ISSUER)
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1_000) + lifeSeconds)
    .sign(new TextEncoder().encode(SECRET));

export async function call<Answer>(
  server: Server,
  path: string,
  options: { method?: string; token?: string; body?: unknown } = {},
): Promise<Answer> {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method: options.method ?? (options.body === undefined ? "GET" : "POST"),
    headers: {
      authorization: `Bearer ${options.token ?? server.adminToken}`,
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Answer;
}

/** Lets a program ask for opinions, so that no reviewer has seen them. @param change what a plan says, before it is judged. */
export async function judgePlans(
  server: Server,
  specialist: string,
  count: number,
  seed: number,
  change: (plan: ReturnType<typeof simulatePlans>[number]) => unknown = (plan) => plan,
): Promise<void> {
  const { token } = await call<{ token: string }>(server, "/tokens", {
    body: { name: `planner-${specialist}-${seed}`, roles: ["program"] },
  });
  for (const plan of simulatePlans({ seed, count, startMs: Date.UTC(2026, 10, 20, 12) }))
    await call(server, `/specialists/${specialist}/judge`, { token, body: { plan: change(plan) } });
}

/** Waits until something is so, at most `atMostMs`. */
export async function until(what: string, isSo: () => Promise<boolean>, atMostMs = 20_000): Promise<void> {
  const end = Date.now() + atMostMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited ${atMostMs} ms: ${what}`);
    await pause(50);
  }
}

export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
