import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const SOURCES = new URL("../../../src/store/mongo/", import.meta.url);
const guide = readFileSync(new URL("../../../docs/guide/own-services.md", import.meta.url), "utf8");
/** Made by the driver for `countDocuments`. */
const OF_THE_DRIVER = ["$match", "$group", "$sum"];

test("the guide names every operator that the store asks a MongoDB for, and no other", () => {
  const code = readdirSync(SOURCES)
    .map((name) => readFileSync(new URL(name, SOURCES), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ""))
    .join("\n");
  const used = new Set(
    Array.from(code.matchAll(/(?<![\w`])"?(\$[a-zA-Z]+)"?\s*[:\]]|\["(\$[a-z]+)"/g), ([, one, two]) => one ?? two),
  );
  const table = guide.slice(guide.indexOf("| query operators |"), guide.indexOf("| options | sort"));
  const told = new Set(table.match(/\$[a-zA-Z]+/g));
  told.delete("$lookup"); // said not to be used
  expect([...used, ...OF_THE_DRIVER].filter((name) => name !== undefined).toSorted()).toEqual([...told].toSorted());
});
