import fc from "fast-check";
import { expect, test } from "vitest";
import { editDistance, nearest } from "../../../src/config/nearest.ts";
import { redactUri } from "../../../src/config/secret.ts";

test.each([
  ["dataDri", "dataDir"],
  ["retran", "retrain"],
  ["hst", "host"],
  ["STATUS", "status"],
])("%s is meant to be %s", (typed, meant) => {
  expect(nearest(typed, ["dataDir", "retrain", "host", "status"])).toBe(meant);
});

test("a word that is far from every candidate has no nearest", () => {
  expect(nearest("banana", ["dataDir", "port", "host"])).toBeNull();
  expect(nearest("x", [])).toBeNull();
});

test("the distance is a metric on random words, and a swap of neighbours is one edit", () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, a)).toBe(0);
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max([...a].length, [...b].length));
      expect(editDistance(a, b) === 0).toBe(a === b);
    }),
  );
  expect(editDistance("ab", "ba")).toBe(1);
});

test.each([
  ["mongodb://user:secret@h:1/db", "mongodb://user:***@h:1/db"],
  ["mongodb://user@h/db", "mongodb://user@h/db"],
  ["https://h/x", "https://h/x"],
  ["https://u:p%40@h/x@y", "https://u:***@h/x@y"],
])("%s is shown as %s", (uri, shown) => {
  expect(redactUri(uri)).toBe(shown);
});
