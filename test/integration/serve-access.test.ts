import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

/** A server as an operator starts it, keys made beside it on the command line, over real HTTP. */
const main = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
const SECRET = "an operator's secret of 32 bytes";
let folder = "";
let server: ChildProcess | null = null;
// a dozen processes start, on a machine that may be busy
vi.setConfig({ testTimeout: 240_000 });
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "requeen-serve-"));
});
afterEach(() => {
  server?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const environment = (more: NodeJS.ProcessEnv = {}) => ({
  ...process.env,
  REQUEEN_DATA_DIR: folder,
  REQUEEN_ACTOR: "olga",
  ...more,
});

async function requeen<T>(words: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...words, "--json"], {
    env: environment(more),
    cwd: folder,
  });
  return JSON.parse(stdout) as T;
}

async function serve(more: NodeJS.ProcessEnv = {}): Promise<{ url: string; token_file: string | null }> {
  const child = spawn(process.execPath, [main, "serve", "--port", "0", "--json"], { env: environment(more), cwd: folder });
  server = child;
  let said = "";
  for await (const part of child.stdout) {
    said += String(part);
    if (said.includes("\n")) break;
  }
  return JSON.parse(said) as { url: string; token_file: string | null };
}

async function stop(): Promise<void> {
  const child = server;
  if (child === null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}

const me = (url: string, headers: Record<string, string>) => fetch(`${url}/api/v1/me`, { headers });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test("keys, signed tokens and sessions open a server that runs, and what ends them holds there and after a restart", async () => {
  const secret = { JWT_SECRET_KEY: SECRET };
  const first = await serve(secret);
  const made = await requeen<{ token: string; token_id: string }>(["token", "create", "--name", "ci"]);
  expect(await (await me(first.url, bearer(made.token))).json()).toMatchObject({ subject: "program:ci", via: "api_key" });
  const minted = await requeen<{ token: string }>(["token", "mint", "anna", "--role", "reviewer"], secret);
  expect(await (await me(first.url, bearer(minted.token))).json()).toMatchObject({
    subject: "anna",
    roles: ["reviewer"],
    via: "jwt",
  });
  const admin = readFileSync(String(first.token_file), "utf8").trim();
  expect(await (await me(first.url, bearer(admin))).json()).toMatchObject({ subject: "olga", roles: ["admin"] });

  const signedIn = await fetch(`${first.url}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: first.url },
    body: JSON.stringify({ token: minted.token }),
  });
  const cookie = String(signedIn.headers.get("set-cookie")).split(";", 1)[0] ?? "";
  expect(await (await me(first.url, { cookie })).json()).toMatchObject({ subject: "anna", via: "session" });
  expect(statSync(join(folder, "session-key")).mode & 0o777).toBe(0o600);

  await requeen(["token", "revoke", made.token_id]);
  // another process revoked it: this server looks again after two seconds
  let status = 200;
  for (let looks = 0; looks < 100 && status === 200; looks += 1) {
    await sleep(100);
    ({ status } = await me(first.url, bearer(made.token)));
  }
  expect(status).toBe(401);

  await stop();
  const second = await serve(secret);
  expect(await (await me(second.url, { cookie })).json()).toMatchObject({ subject: "anna", via: "session" });
  expect(await (await me(second.url, bearer(made.token))).json()).toMatchObject({ status: 401, reason: "revoked" });
  await stop();
});

test("the list of keys is the same over HTTP and on the command line", async () => {
  await requeen(["token", "create", "--name", "one", "--expires-in", "never"]);
  await requeen(["token", "create", "--name", "two", "--tier", "bulk", "--vouched-by", "anna", "--role", "program"]);
  const { url, token_file } = await serve();
  const token = readFileSync(String(token_file), "utf8").trim();
  const answer = await fetch(`${url}/api/v1/tokens`, { headers: bearer(token) });
  const listed = await requeen<{ tokens: { name: string; vouched_by: string | null }[] }>(["token", "list"]);
  expect(await answer.json()).toEqual(listed);
  expect(listed.tokens.map(({ name, vouched_by }) => [name, vouched_by])).toEqual([
    ["two", "anna"],
    ["one", null],
  ]);
  await stop();
});

test("a server that starts with another configuration notes which keys changed, never to what", async () => {
  const start = async (more: NodeJS.ProcessEnv) => {
    await serve(more);
    await stop();
  };
  const changes = async () => {
    const { audit } = await requeen<{ audit: { action: string; actor: string; details: { keys: string[] | null } }[] }>([
      "audit",
      "list",
    ]);
    return audit.filter(({ action }) => action === "config.change").map(({ actor, details }) => [actor, details.keys]);
  };
  await start({ JWT_SECRET_KEY: SECRET });
  await start({ JWT_SECRET_KEY: SECRET });
  expect(await changes()).toEqual([]);
  await start({ JWT_SECRET_KEY: `${SECRET}, another`, REQUEEN_ENVIRONMENT: "production" });
  expect(await changes()).toEqual([["olga", ["auth.jwtSecret", "environment"]]]);
  const written = readFileSync(join(folder, "requeen.db")).toString("latin1");
  expect(written).not.toContain(SECRET);
});
