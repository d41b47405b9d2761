import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  DEPENDENCIES,
  DEVELOPMENT_DEPENDENCIES,
  findUnstatedDependencies,
  OPTIONAL_PEERS,
} from "../../../scripts/dependencies.ts";

import { findMissingLocks } from "../../../scripts/lock-file.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const pinned = (names: object): Record<string, string> => Object.fromEntries(Object.keys(names).map((name) => [name, "1.0.0"]));
const asStated = () => ({
  dependencies: pinned(DEPENDENCIES),
  devDependencies: pinned(DEVELOPMENT_DEPENDENCIES),
  peerDependencies: pinned(OPTIONAL_PEERS),
});

test("package.json names exactly the stated packages, each with an exact version", () => {
  expect(findUnstatedDependencies(JSON.parse(readFileSync(join(root, "package.json"), "utf8")))).toEqual([]);
});

test("a new package, a missing one and a range are findings", () => {
  const file = asStated();
  expect(findUnstatedDependencies(file)).toEqual([]);
  file.dependencies["left-pad"] = "1.3.0";
  delete file.dependencies.zod;
  file.devDependencies.vitest = "^5.0.0";
  expect(findUnstatedDependencies(file)).toEqual([
    expect.stringContaining("left-pad of package.json's dependencies is not stated"),
    expect.stringContaining("zod is stated"),
    expect.stringContaining("vitest of package.json's devDependencies must have an exact version; got ^5.0.0"),
  ]);
});

test("the lock file holds every package that it names, those of other platforms too", () => {
  expect(findMissingLocks(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")))).toEqual([]);
});

test("a lock file that lost an optional package is found; one that holds it further out is not", () => {
  const packages = {
    "": { dependencies: { a: "1.0.0" } },
    "node_modules/a": {
      version: "1.0.0",
      dependencies: { b: "1" },
      optionalDependencies: { "@a/mac": "1.0.0", "@a/linux": "1.0.0" },
    },
    "node_modules/@a/linux": { version: "1.0.0" },
    "node_modules/a/node_modules/b": { version: "1.0.0", dependencies: { c: "1" } },
    "node_modules/c": { version: "1.0.0" },
  };
  expect(findMissingLocks({ packages })).toEqual([expect.stringContaining("does not hold @a/mac, which node_modules/a names")]);
});

test("every bench:NAME script has its bench/NAME.ts", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const names = Object.keys(scripts).filter((name) => name.startsWith("bench:"));
  expect(names.length).toBeGreaterThan(1);
  for (const name of names) {
    expect(scripts[name]).toBe(`node scripts/run.mjs bench ${name.slice(6)}`);
    expect(existsSync(join(root, "bench", `${name.slice(6)}.ts`))).toBe(true);
  }
});
