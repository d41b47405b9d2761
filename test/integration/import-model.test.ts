import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openHouse } from "../../src/cli/house.ts";
import { readConfig } from "../../src/config/read-config.ts";
import { importVersion } from "../../src/loop/import-version.ts";
import { judge } from "../../src/loop/judge.ts";
import { promote } from "../../src/loop/promote.ts";

const FIXTURES = new URL("../fixtures/engine/import/", import.meta.url);

test("a model of XGBoost becomes a version once, goes into production by a person's word, and judges as XGBoost does", async () => {
  const folder = mkdtempSync(join(tmpdir(), "requeen-import-"));
  const columns = ["v", "w", "x", "y", "z"];
  const listed = columns.map((name) => `        - { name: ${name}, kind: numeric }`).join("\n");
  writeFileSync(
    join(folder, "requeen.config.yaml"),
    `specialists:\n  - name: toy\n    classes: [a, b]\n    features:\n      schema: five/1\n      columns:\n${listed}\n`,
  );
  const { config } = await readConfig({ workingDirectory: folder, environment: { REQUEEN_DATA_DIR: join(folder, "data") } });
  const opened = await openHouse({ config, now: Date.now });
  const { house } = opened;
  const request = {
    specialist: "toy",
    bytes: new Uint8Array(readFileSync(new URL("xgboost-4.json", FIXTURES))),
    file: "xgboost-4.json",
    format: null,
  };
  expect(await importVersion(house, { ...request, dryRun: true })).toMatchObject({ version: null, trees: 12 });
  expect(await importVersion(house, { ...request, dryRun: false })).toMatchObject({ version: "1" });
  expect(await importVersion(house, { ...request, dryRun: false })).toMatchObject({ version: "1" });
  const deployment = { specialist: "toy", version: "1", by: "test", reason: "trained elsewhere" };
  await expect(promote(house, { ...deployment, force: false })).rejects.toMatchObject({ code: "not_promotable" });
  await promote(house, { ...deployment, force: true });

  const { cases } = JSON.parse(readFileSync(new URL("cases.json", FIXTURES), "utf8"));
  const { rows, probabilities } = cases.find(({ file }: { file: string }) => file === "xgboost-4.json");
  const row = rows[3] as (number | null)[];
  const [opinion] = await judge(house, "toy", [
    { columns: Object.fromEntries(columns.map((name, at) => [name, row[at] ?? null])) },
  ]);
  expect(opinion?.model?.version).toBe("1");
  expect(opinion?.probabilities?.b).toBeCloseTo(probabilities[3][1], 6);
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});
