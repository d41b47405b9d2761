import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FOLDERS, findCycles, findWrongArrows, type Import, readImports, specifiersOf } from "../../../scripts/imports.ts";

test("every form of import is found, and nothing that only looks like one", () => {
  const source = `import { a } from "./a.ts";
import type { B } from "./b.ts";
import "./c.ts";
import {
  d,
  type D,
} from "./d.ts";
export { e } from "./e.ts";
export type { F } from "./f.ts";
const g = await import("./g.ts");
// import { h } from "./h.ts";
/* import { i } from "./i.ts"; */
const text = 'see import x from "./j.ts"';
export const k = Array.from("abc");
`;
  expect(specifiersOf(source)).toEqual([
    { specifier: "./a.ts", typeOnly: false },
    { specifier: "./b.ts", typeOnly: true },
    { specifier: "./c.ts", typeOnly: false },
    { specifier: "./d.ts", typeOnly: false },
    { specifier: "./e.ts", typeOnly: false },
    { specifier: "./f.ts", typeOnly: true },
    { specifier: "./g.ts", typeOnly: false },
  ]);
});

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "requeen-imports-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function importsOf(files: Readonly<Record<string, string>>): Import[] {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return readImports(root, "src");
}

test("an import up the list is a wrong arrow, also of a type; down the list and within a folder is none", () => {
  const imports = importsOf({
    "src/store/a.ts": 'import "../core/x.ts";\nimport "./sqlite/b.ts";\nimport type { L } from "../loop/l.ts";\n',
    "src/loop/l.ts": 'import "../store/a.ts";\nimport "node:fs";\nimport "zod";\n',
  });
  expect(findWrongArrows(imports)).toEqual(["src/store/a.ts imports src/loop/l.ts: src/store stands above src/loop"]);
});

test("a pure folder imports neither node: nor a package that is not allowed", () => {
  const imports = importsOf({ "src/engine/a.ts": 'import "node:fs";\nimport "zod";\nimport "onnxruntime-node";\n' });
  expect(findWrongArrows(imports).map((finding) => finding.split('"')[1])).toEqual(["node:fs", "onnxruntime-node"]);
});

test("a folder that DESIGN.md does not name, and an import out of src, are findings", () => {
  const imports = importsOf({ "src/misc/a.ts": 'import "../core/x.ts";\n', "src/core/b.ts": 'import "../../test/c.ts";\n' });
  expect(findWrongArrows(imports)).toHaveLength(2);
});

test("a circle is named with every file on the way; types make none", () => {
  const imports = importsOf({
    "src/core/a.ts": 'import "./b.ts";\n',
    "src/core/b.ts": 'import "./c.ts";\n',
    "src/core/c.ts": 'import "./a.ts";\n',
    "src/core/d.ts": 'import type { E } from "./e.ts";\n',
    "src/core/e.ts": 'import "./d.ts";\n',
  });
  expect(findCycles(imports)).toEqual([["src/core/a.ts", "src/core/b.ts", "src/core/c.ts", "src/core/a.ts"]]);
});

test("this project keeps its own arrows", () => {
  const imports = readImports(join(import.meta.dirname, "..", "..", ".."), "src");
  expect(imports.length).toBeGreaterThan(100);
  expect(findWrongArrows(imports)).toEqual([]);
  expect(new Set(imports.map(({ from }) => from.split("/")[1])).size).toBeGreaterThan(FOLDERS.length / 2);
});
