import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeRange, PARAMETERS } from "../../../src/engine/index.ts";

const guide = readFileSync(new URL("../../../docs/guide/engine.md", import.meta.url), "utf8");

/** The parameter tables of the guide, as the parameter tables of the engine give them. */
function parameterTables(): string {
  return Object.entries(PARAMETERS)
    .map(([learner, table]) => {
      const rows = Object.entries(table).map(
        ([name, spec]) =>
          `| \`${name}\` | ${spec.meaning} | ${describeRange(spec)} | ${JSON.stringify(spec.default)} | ${spec.peer} |`,
      );
      return `### ${learner}\n\n| parameter | meaning | allowed | default | elsewhere |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
    })
    .join("\n");
}

test("the guide's parameter tables are those of the engine", () => {
  expect(guide).toContain(parameterTables());
});

test("the guide's example runs and prints what the guide says", () => {
  const code = /```ts\n([\s\S]*?)```/.exec(guide)?.[1] ?? "";
  const printed = /```text\n([\s\S]*?)```/.exec(guide)?.[1] ?? "";
  expect(code.split("\n").length).toBeGreaterThan(10);
  const engine = new URL("../../../src/engine/index.ts", import.meta.url).href;
  const folder = mkdtempSync(join(tmpdir(), "requeen-guide-"));
  try {
    const file = join(folder, "example.mts");
    writeFileSync(file, code.replace('"requeen/engine"', JSON.stringify(engine)));
    const { stdout, stderr } = spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", file], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout).toBe(printed);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
