import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

/** docs/guide/getting-started.md as it is typed: two CSV files, a model in production, and what is said on the way. */
const root = join(import.meta.dirname, "..", "..");
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "requeen-tickets-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function requeen(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, REQUEEN_DATA_DIR: folder };
  return new Promise((resolve) => {
    const options = { cwd: join(root, "examples", "tickets"), env, maxBuffer: 64 * 1024 ** 2 };
    execFile(process.execPath, [join(root, "bin", "requeen.mjs"), ...words], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

async function json(...words: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await requeen(...words, "--json");
  if (code !== 0) throw new Error(`requeen ${words.join(" ")} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

test("before a model there are opinions without confidence; labels, a run and a champion follow; the verdict recomputes", async () => {
  const judged = await requeen("judge", "ticket-triage", "tickets.csv");
  expect(judged.code).toBe(0);
  expect(judged.stdout).toContain("300 opinions stored.");
  expect(judged.stdout).toContain("no_champion");
  expect(judged.stdout).not.toContain("0.5");

  const imported = await requeen("feedback", "import", "reviews.csv", "--vouched-by", "Ana Lima");
  expect(imported.stdout).toMatch(/new +300\n[\s\S]*quarantined +0\n/);
  expect(await json("status")).toMatchObject({
    specialists: [
      { specialist: "ticket-triage", human_labels: 300, new_labels: 300, threshold: 100, state: "READY", champion: null },
    ],
  });

  const { runs } = await json("retrain", "ticket-triage");
  expect(runs).toMatchObject([{ state: "finished", verdict: { decision: "promote" }, promoted: true, challenger_version: "1" }]);
  expect(await json("models", "list")).toMatchObject({
    models: [{ specialist: "ticket-triage", version: "1", aliases: ["champion"], stage: "Production" }],
  });
  expect(await json("status")).toMatchObject({ specialists: [{ new_labels: 0, state: "WAIT", champion: { version: "1" } }] });

  const shown = await requeen("judge", "ticket-triage", "new-tickets.csv");
  expect(shown.stdout).toMatch(/new-1 +ticket-triage +urgent +0\.\d{3} +v1/);
  const verdict = String(
    (await requeen("runs", "show", String(Array.isArray(runs) ? runs[0].run_id : ""))).stdout.match(/promote \((\w+)\)/)?.[1],
  );
  expect((await requeen("verdict", "recompute", verdict)).stdout).toContain("The same, byte for byte");
  const refused = await requeen("rollback", "ticket-triage", "--reason", "a test");
  expect(refused.code).toBe(9);
  expect(refused.stderr).toContain("no_predecessor");
}, 120_000);
