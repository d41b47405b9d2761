import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CORPUS } from "./corpus.ts";
import { measure, tableOf } from "./measure.ts";

const guide = readFileSync(new URL("../../../docs/guide/review.md", import.meta.url), "utf8");

test("the guide's table of precision and recall is what the detectors do on the corpus", () => {
  expect(guide).toContain(tableOf(measure()));
  const without = CORPUS.filter(({ marked }) => marked.length === 0).length;
  expect(guide.replaceAll(/\s+/g, " ")).toContain(`(${CORPUS.length - without} with and ${without} without personal data`);
});
