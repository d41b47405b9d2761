import { describe, expect, test } from "vitest";
import type { MongoConnection } from "../../../src/store/mongo/connection.ts";
import { rememberUntilWritten } from "../../../src/store/mongo/remember-counts.ts";

/** What stands in the database, as far as the version looks at it. */
const there = { ours: 5, theirs: "65f0", marks: 0 };
const connection = {
  find: async (_name: string, { _id }: { _id: object }) => [{ _id: "$type" in _id ? there.theirs : there.ours }],
  marks: async () => there.marks,
} as unknown as MongoConnection;

describe("a count of MongoDB is remembered", () => {
  let nowMs = 0;
  const remembered = rememberUntilWritten(connection, () => nowMs);
  let read = 0;
  const count = (key = "a") =>
    remembered(key, async () => {
      read += 1;
      return `${key}${read}`;
    });

  test("while nothing is written, each question for itself, also when many ask at once", async () => {
    expect(await Promise.all([count(), count(), count("b")])).toEqual(["a1", "a1", "b2"]);
    expect([await count(), await count("b"), read]).toEqual(["a1", "b2", 2]);
  });
  test.each([
    ["a judgement of ours", () => Object.assign(there, { ours: 6 })],
    ["a document of another program", () => Object.assign(there, { theirs: "65f1" })],
    ["a mark on one that is there", () => Object.assign(there, { marks: 1 })],
  ])("until %s comes", async (_what, write) => {
    const before = await count();
    expect(await count()).toBe(before);
    write();
    expect(await count()).not.toBe(before);
  });
  test("and for a minute at most, since other programs may change documents in place", async () => {
    const before = await count();
    nowMs += 59_000;
    expect(await count()).toBe(before);
    nowMs += 2_000;
    expect(await count()).not.toBe(before);
  });
  test("a reading that failed is not remembered", async () => {
    const failing = () => remembered("c", () => Promise.reject(new Error("away")));
    await expect(failing()).rejects.toThrow("away");
    expect(await remembered("c", async () => 7)).toBe(7);
  });
});
