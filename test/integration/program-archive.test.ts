import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { packProgram } from "../../src/cluster/program-archive.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const ROOT = join(import.meta.dirname, "..", "..");

test("what the ConfigMap variant mounts trains and promotes, without anything else of this installation", async () => {
  const folder = mkdtempSync(join(tmpdir(), "requeen-archive-"));
  try {
    const data = join(folder, "data");
    const program = join(folder, "program");
    for (const made of [data, program]) mkdirSync(made);
    const archive = packProgram(ROOT);
    // what the Job's first container does
    execFileSync("tar", ["-xz", "-C", program], { input: archive });

    const { house, close } = await openToyHouse(data);
    await addToyLabels(house, { from: 0, count: 120, noise: 0.05, startMs: Date.now() - 3 * 86_400_000 });
    await close();
    const words = ["bin/requeen.mjs", "train", "--specialist-type", "toy", "--promote-if-better", "true", "--json"];
    const output = execFileSync(process.execPath, words, {
      cwd: program,
      encoding: "utf8",
      env: {
        PATH: dirname(process.execPath),
        HOME: folder,
        REQUEEN_ACTOR: "requeen-train",
        REQUEEN_CONFIG: join(data, "requeen.config.yaml"),
        REQUEEN_DATA_DIR: data,
      },
    });
    const { runs }: { runs: { state: string; promoted: boolean }[] } = JSON.parse(output);
    expect(runs).toMatchObject([{ state: "finished", promoted: true }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  // packing and a whole run: ten seconds alone, more beside other tests
}, 240_000);
