import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { type Ran, runLine } from "./command-line.ts";

let folder = "";
const ROWS = 200;

/** Both models are right on every row but those that they are told to miss; probabilities stand 0.9 to 0.1. */
const model = (classes: readonly string[], misses: (row: number) => boolean, withIds = true): string => {
  const lines = Array.from({ length: ROWS }, (_, row) => {
    const said = (row % 2 === 0) !== misses(row) ? "yes" : "no";
    const cells = classes.map((name) => (name === said ? "0.9" : "0.1"));
    return [...(withIds ? [`r${row}`] : []), ...cells].join(",");
  });
  return [[...(withIds ? ["id"] : []), ...classes].join(","), ...lines].join("\n");
};

const write = (name: string, content: string): Promise<void> => writeFile(join(folder, name), content);
const gate = (words: string): Promise<Ran> =>
  runLine(`gate ${words.replaceAll("@", `${folder}/`)}`, { commands: COMMANDS, workingDirectory: folder });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "requeen-gate-"));
  const labels = Array.from({ length: ROWS }, (_, row) => `r${row},${row % 2 === 0 ? "yes" : "no"}`);
  await write("y.csv", ["id,label", ...labels].join("\n"));
  await write(
    "good.csv",
    model(["no", "yes"], (row) => row % 20 === 0),
  );
  await write(
    "turned.csv",
    model(["yes", "no"], (row) => row % 20 === 0),
  );
  await write(
    "poor.csv",
    model(["yes", "no"], (row) => row % 3 === 0),
  );
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("the exit code is the decision: 0 promote, 10 reject, 11 inconclusive", async () => {
  const better = await gate("--labels @y.csv --champion @poor.csv --challenger @good.csv --json");
  expect(JSON.parse(better.stdout)).toMatchObject({ decision: "promote", classes: ["no", "yes"], compared_with: "champion" });
  expect(better.code).toBe(0);
  expect(await gate("--labels @y.csv --champion @good.csv --challenger @poor.csv")).toMatchObject({
    code: 10,
    stdout: expect.stringContaining("Reject"),
  });
  expect(await gate("--labels @y.csv --champion @good.csv --challenger @good.csv")).toMatchObject({
    code: 11,
    stdout: expect.stringContaining("Inconclusive"),
  });
});

test("columns stand in any order: the same model turned round is the same model", async () => {
  const straight = JSON.parse((await gate("--labels @y.csv --champion @poor.csv --challenger @good.csv --json")).stdout);
  const turned = JSON.parse((await gate("--labels @y.csv --champion @poor.csv --challenger @turned.csv --json")).stdout);
  expect(turned.classes).toEqual(["yes", "no"]);
  expect(turned.pairs).toEqual(straight.pairs);
  const same = JSON.parse((await gate("--labels @y.csv --champion @turned.csv --challenger @good.csv --json")).stdout);
  expect(same.pairs).toMatchObject({ challenger_only: 0, champion_only: 0 });
});

test("without a champion the shares of the classes stand in", async () => {
  const { stdout } = await gate("--labels @y.csv --challenger @good.csv --json");
  expect(JSON.parse(stdout)).toMatchObject({ compared_with: "prevalence", models: { champion: null } });
});

test("groups and slices are read, and a policy file is obeyed", async () => {
  await write("g.csv", ["group", ...Array.from({ length: ROWS }, (_, row) => `c${row % 40}`)].join("\n"));
  await write(
    "s.csv",
    ["site,month", ...Array.from({ length: ROWS }, (_, row) => `${row < 100 ? "A" : "B"},${row % 3}`)].join("\n"),
  );
  await write("p.yaml", "preset: strict\nname: ours\nfloors: { precision: 0.99 }\n");
  const { stdout, code } = await gate(
    "--labels @y.csv --champion @poor.csv --challenger @good.csv --groups @g.csv --slices @s.csv --policy @p.yaml --json",
  );
  const verdict = JSON.parse(stdout);
  expect(verdict.rows).toMatchObject({ count: ROWS, groups: 40 });
  expect(new Set(verdict.slices.map((slice: { column: string }) => slice.column))).toEqual(new Set(["site", "month"]));
  expect(verdict.policy).toMatchObject({ name: "ours", floors: { precision: 0.99 } });
  expect(verdict.decision).not.toBe("promote");
  expect(code).not.toBe(0);
});

test.each([
  ["--labels @y.csv --champion @short.csv --challenger @good.csv", 3, "must have as many lines as"],
  ["--labels @y.csv --challenger @other.csv", 3, "must be of id r0, as in"],
  ["--labels @y.csv --challenger @text.csv", 3, 'must be a number; got "often"'],
  ["--labels @y.csv --challenger @sum.csv", 3, "a sum of 1"],
  ["--labels @y.csv --challenger @three.csv --champion @good.csv", 3, "must have the columns no, yes, maybe"],
  ["--labels @good.csv --challenger @good.csv", 3, "must have a column label"],
  ["--labels @strange.csv --challenger @good.csv", 3, 'must be one of no, yes, the columns of the models; got "maybe"'],
  ["--labels @gone.csv --challenger @good.csv", 2, "there is none"],
  ["--labels @y.csv --challenger @good.csv --policy nobody", 2, "must be one of evidence, original, strict, always-ask"],
])("%s: exit %i and a message that names it", async (line, code, message) => {
  await write("short.csv", "yes,no\n0.5,0.5\n");
  await write("other.csv", model(["no", "yes"], () => false).replace("\nr0,", "\nr1,"));
  await write("text.csv", model(["no", "yes"], () => false).replace("0.9", "often"));
  await write("sum.csv", model(["no", "yes"], () => false).replace("0.9", "0.5"));
  await write("three.csv", ["no,yes,maybe", ...Array.from({ length: ROWS }, () => "0.5,0.25,0.25")].join("\n"));
  await write("strange.csv", ["label", "maybe", ...Array.from({ length: ROWS - 1 }, () => "yes")].join("\n"));
  const ran = await gate(line);
  expect(ran.stderr).toContain(message);
  expect(ran).toMatchObject({ code, stdout: "" });
});
