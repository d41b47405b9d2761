import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { openHouse } from "../../src/cli/house.ts";
import { readConfig } from "../../src/config/read-config.ts";
import { leavePlansToReview } from "../../src/loop/example/hive.ts";

/** The examples as a person types them: real processes over a real data folder. */
const LAUNCHER = join(import.meta.dirname, "..", "..", "bin", "requeen.mjs");
const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "requeen-example-"));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function requeen(folder: string, ...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [LAUNCHER, ...words, "--data-dir", folder], {
      maxBuffer: 1 << 28,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

async function json<T>(folder: string, ...words: string[]): Promise<T> {
  const { code, stdout, stderr } = await requeen(folder, ...words, "--json");
  if (code !== 0) throw new Error(`requeen ${words.join(" ")} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

interface StatusAnswer {
  readonly specialists: readonly {
    specialist: string;
    human_labels: number;
    machine_labels: number;
    state: string;
    why: string;
    champion: { version: string } | null;
  }[];
}
interface ShownRun {
  readonly run_id: string;
  readonly specialist: string;
  readonly state: string;
  readonly promoted: boolean;
  readonly verdict: { decision: string; verdict_id: string } | null;
  readonly error: { code: string; message: string } | null;
}

const FEEDBACKS = { architecture: 201, behavior: 200, business: 201, evolution: 200, technical: 200 };

describe("hive", () => {
  test("five weak champions are replaced on 1,002 feedbacks; a second call changes nothing; verdicts recompute; rollback works", async () => {
    const folder = newFolder();
    const { runs } = await json<{ runs: ShownRun[] }>(folder, "example", "hive");
    expect(runs.map(({ specialist, state, promoted }) => [specialist, state, promoted])).toEqual(
      Object.keys(FEEDBACKS).map((specialist) => [specialist, "finished", true]),
    );
    const status = await json<StatusAnswer>(folder, "status");
    expect(Object.fromEntries(status.specialists.map(({ specialist, human_labels }) => [specialist, human_labels]))).toEqual(
      FEEDBACKS,
    );
    expect(status.specialists.every(({ champion, machine_labels }) => champion?.version === "2" && machine_labels === 0)).toBe(
      true,
    );

    const again = await json<{ runs: ShownRun[] }>(folder, "example", "hive");
    expect(again.runs.map(({ run_id }) => run_id)).toEqual(runs.map(({ run_id }) => run_id));
    expect(await json<StatusAnswer>(folder, "status")).toEqual(status);

    const { same } = await json<{ same: boolean }>(folder, "verdict", "recompute", runs[0]?.verdict?.verdict_id ?? "");
    expect(same).toBe(true);

    expect((await requeen(folder, "rollback", "business", "--reason", "test")).code).toBe(0);
    const { models } = await json<{
      models: { specialist: string; version: string; aliases: string[]; stage: string; tombstone: string | null }[];
    }>(folder, "models", "list");
    const business = models.filter(({ specialist }) => specialist === "business");
    expect(business.map(({ version, aliases, stage, tombstone }) => [version, aliases, stage, tombstone !== null])).toEqual([
      ["2", [], "Archived", true],
      ["1", ["champion"], "Production", false],
    ]);
    const refused = await requeen(folder, "promote", "business", "2", "--reason", "again");
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain("was rolled back");

    // what `npm start` leaves for the person who opens the page
    const { config } = await readConfig({ workingDirectory: folder, environment: { REQUEEN_DATA_DIR: folder } });
    const { house, close } = await openHouse({ config, now: Date.now });
    for (let turn = 0; turn < 2; turn += 1) {
      await leavePlansToReview(house, 7);
      expect(await house.store.countOpinions({ pending: true })).toBe(60);
    }
    await close();
  });

  test("with --tune every final fit has searched the original system's 27 forests, and the verdicts come all the same", async () => {
    const folder = newFolder();
    const { runs } = await json<{ runs: ShownRun[] }>(folder, "example", "hive", "--tune");
    for (const { run_id, state, verdict } of runs) {
      expect([state, verdict?.decision]).toEqual(["finished", "promote"]);
      const { steps } = await json<{ steps: { step: string; result: { report?: { tuning: { trials: unknown[] } } } }[] }>(
        folder,
        "runs",
        "show",
        run_id,
      );
      expect(steps.find(({ step }) => step === "train")?.result.report?.tuning.trials.length).toBe(27);
    }
  });

  test("labels as the original system fabricated them are refused, and what was seen is named", async () => {
    const folder = newFolder();
    const { runs } = await json<{ runs: ShownRun[] }>(folder, "example", "hive", "--feedback", "original");
    expect(runs.map(({ state, verdict, promoted, error }) => [state, verdict, promoted, error?.code])).toEqual(
      runs.map(() => ["refused", null, false, "evidence_refused"]),
    );
    const seen = Object.fromEntries(runs.map(({ specialist, error }) => [specialist, error?.message ?? ""]));
    expect(seen.architecture).toMatch(/follow from the model's confidence/);
    expect(seen.architecture).toMatch(/repeat the model/);
    expect(seen.technical).toMatch(/quota/);
    const { specialists } = await json<StatusAnswer>(folder, "status");
    for (const one of specialists)
      expect(one).toMatchObject({
        state: "BLOCKED",
        human_labels: 0,
        machine_labels: FEEDBACKS[one.specialist as keyof typeof FEEDBACKS],
        champion: { version: "1" },
      });
  });
});

describe("real data, in batches of 100 labels", () => {
  interface RealDataAnswer {
    readonly runs: readonly {
      labels: number;
      verdict: { decision: string } | null;
      champion_version: string | null;
      champion_next_batch_accuracy: number | null;
    }[];
  }

  test("spambase: a first champion of 300 mails, then verdicts that follow the labels; goes on where it stopped", async () => {
    const folder = newFolder();
    const first = await json<RealDataAnswer>(folder, "example", "spambase", "--batches", "3");
    expect(first.runs.map(({ labels }) => labels)).toEqual([300, 400, 500, 600]);
    expect(first.runs[0]).toMatchObject({ verdict: { decision: "promote" }, champion_version: "1" });
    for (const run of first.runs.slice(0, -1)) expect(run.champion_next_batch_accuracy).toBeGreaterThan(0.85);

    const more = await json<RealDataAnswer>(folder, "example", "spambase", "--batches", "5");
    expect(more.runs.map(({ labels }) => labels)).toEqual([300, 400, 500, 600, 700, 800]);
    expect(more.runs.slice(0, 3)).toEqual(first.runs.slice(0, 3));
    const status = await json<StatusAnswer>(folder, "status");
    expect(status.specialists.find(({ specialist }) => specialist === "mail-triage")).toMatchObject({ human_labels: 800 });
  });

  test("german-credit: few and noisy labels, so most verdicts are inconclusive", async () => {
    const folder = newFolder();
    const { runs } = await json<RealDataAnswer>(folder, "example", "german-credit");
    expect(runs).toHaveLength(8);
    const inconclusive = runs.filter(({ verdict }) => verdict?.decision === "inconclusive").length;
    expect(inconclusive).toBeGreaterThan(runs.length / 2);
  });
});
