import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OpenedHouse, openHouse } from "../../src/cli/house.ts";
import { readConfig } from "../../src/config/read-config.ts";
import { buildApp } from "../../src/http/app.ts";
import { adminToken } from "../../src/http/auth/admin-token.ts";

/** The examples of docs/guide/feedback-api.md, run as they stand there against a real server. */
const root = join(import.meta.dirname, "../..");
const guide = readFileSync(join(root, "docs/guide/feedback-api.md"), "utf8");
const examples = (language: string): string[] =>
  [...guide.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map((match) => match[1] ?? "");

const folder = mkdtempSync(join(tmpdir(), "requeen-guide-"));
const run = promisify(execFile);
let opened: OpenedHouse;
let app: FastifyInstance;
let env: NodeJS.ProcessEnv = {};

beforeAll(async () => {
  const { config } = await readConfig({ workingDirectory: folder, environment: { REQUEEN_DATA_DIR: join(folder, "data") } });
  opened = await openHouse({ config, now: Date.now });
  app = await buildApp({ house: opened.house, authenticate: adminToken("t0ken", "ana"), mlflow: null, logger: false });
  env = { ...process.env, REQUEEN_URL: await app.listen({ host: "127.0.0.1", port: 0 }), REQUEEN_TOKEN: "t0ken" };
});
afterAll(async () => {
  await app.close();
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

test("the curl examples", async () => {
  // one shell, so that each block finds what the ones before it left
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", examples("sh").join("\n")], { cwd: folder, env });
  expect(examples("sh").length).toBeGreaterThanOrEqual(4);
  expect(stdout).toContain('"specialist_type":"technical"');
  expect(stdout).toContain('"outcome":"added"');
  expect(stdout).toContain('"position":1,"done":true');
  expect(stdout).toMatch(/,reject,0.2,.*,rui,/);
}, 60_000);

test("the TypeScript example", async () => {
  const client = pathToFileURL(join(root, "src/client/index.ts")).href;
  const file = join(folder, "example.ts");
  writeFileSync(file, (examples("ts")[0] ?? "").replace('"requeen/client"', JSON.stringify(client)));
  const { stdout } = await run(process.execPath, [file], { cwd: folder, env });
  expect(stdout).toMatch(/^recorded feedback-[0-9a-f]{32}\nnot_enough_evidence .*technical/s);
}, 60_000);

test("the Python example", async () => {
  const { stdout } = await run("python3", ["-c", examples("python")[0] ?? ""], { cwd: folder, env });
  expect(stdout.trim().split("\n")).toEqual([
    "review_required no_champion",
    "recorded",
    "bad_request human_recommendation ['approve', 'reject', 'review_required', 'conditional']",
  ]);
}, 60_000);
