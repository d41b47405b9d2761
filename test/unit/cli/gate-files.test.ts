import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readGateFiles } from "../../../src/cli/input/gate-files.ts";

const folder = mkdtempSync(join(tmpdir(), "requeen-gate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, ...lines: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}
const labels = file("y.csv", "id,label", "r1,no", "r2,yes", "r3,no");
const challenger = file("new.csv", "yes,no", "0.2,0.8", "0.9,0.1", "0.4,0.6");
const champion = file("old.csv", "no,yes", "0.7,0.3", "0.2,0.8", "0.5,0.5");

test("labels become indices of the challenger's columns, and everything that was given is read line by line", async () => {
  const rows = await readGateFiles({
    labels,
    challenger,
    champion,
    weights: file("w.csv", "id,weight", "r1,0.5", "r2,2", "r3,1"),
    groups: file("g.csv", "group", "p1", "p1", "p2"),
    slices: file("s.csv", "id,domain,priority", "r1,security,high", "r2,,low", "r3,business,low"),
  });
  expect([...rows.labels]).toEqual([1, 0, 1]);
  expect([rows.challengerClasses, rows.championClasses]).toEqual([
    ["yes", "no"],
    ["no", "yes"],
  ]);
  expect([...(rows.champion ?? [])]).toEqual([0.7, 0.3, 0.2, 0.8, 0.5, 0.5]);
  expect([...(rows.weights ?? [])]).toEqual([0.5, 2, 1]);
  expect(rows.groups).toEqual(["p1", "p1", "p2"]);
  expect(rows.slices).toEqual({ domain: ["security", null, "business"], priority: ["high", "low", "low"] });
  expect(rows.ids).toEqual(["r1", "r2", "r3"]);
});

test.each([
  ["weight", { weights: ["weight", "1", "heavy", "1"] }, /weight in line 3 of .*bad-weights.csv must be a number; got "heavy"/],
  ["column", { weights: ["w", "1", "1", "1"] }, /bad-weights.csv must have a column weight; it has w/],
  ["length", { groups: ["group", "p1"] }, /must have as many lines as .*y.csv, 3; it has 1/],
  ["order", { slices: ["id,domain", "r2,a", "r1,b", "r3,c"] }, /line 2 of .* must be of id r1/],
  ["class", { labels: ["label", "no", "maybe", "no"] }, /label in line 3 of .* must be one of yes, no/],
  ["classes", { champion: ["yes,nope", "0.5,0.5", "0.5,0.5", "0.5,0.5"] }, /must have the columns yes, no, in any order/],
  ["number", { challenger: ["yes,no", "0.5,0.5", "x,0.5", "1,0"] }, /probability of yes in line 3 of .* must be a number/],
] as const)("a wrong %s is told with file and line", async (_what, change, message) => {
  const given = Object.fromEntries(Object.entries(change).map(([name, lines]) => [name, file(`bad-${name}.csv`, ...lines)]));
  await expect(readGateFiles({ labels, challenger, champion, ...given })).rejects.toThrow(message);
});
