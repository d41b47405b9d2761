import {
  MongoBulkWriteError,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
} from "mongodb";
import { describe, expect, test } from "vitest";
import { RequeenError } from "../../../src/core/errors.ts";
import { duplicateIndexes, translateMongoError } from "../../../src/store/mongo/mongo-errors.ts";

const translated = (error: unknown): unknown => translateMongoError(error, "host:1/db");
const named = (name: string): Error => Object.assign(new Error("interrupted"), { name });
const server = (code: number): Error => new MongoServerError({ message: "says no", code });
/** What the driver throws when an insertMany fails. */
const bulk = (cause: Error, writeErrors: { index: number; code: number }[] = []): Error =>
  Object.assign(Object.create(MongoBulkWriteError.prototype), { message: cause.message, errorResponse: cause, writeErrors });

describe("errors of the driver", () => {
  test.each([
    ["the line broke", new MongoNetworkError("read ECONNRESET")],
    ["no answer in time", new MongoNetworkTimeoutError("timed out")],
    ["no server to be found", Object.assign(Object.create(MongoServerSelectionError.prototype), { message: "none" })],
    ["the pool was emptied", named("PoolClearedOnNetworkError")],
    ["the line broke within an insertMany", bulk(new MongoNetworkError("read ECONNRESET"))],
    ["the pool was emptied within an insertMany", bulk(named("PoolClearedOnNetworkError"))],
    ["no primary", server(10_107)],
    ["another primary now", server(189)],
  ])("%s: store_unavailable", (_, error) => {
    expect(translated(error)).toMatchObject({ code: "store_unavailable", details: { place: "host:1/db" } });
  });

  test("a user without the right is store_read_only, a full disk disk_full", () => {
    expect(translated(server(13))).toMatchObject({ code: "store_read_only" });
    expect(translated(server(14_031))).toMatchObject({ code: "disk_full" });
  });

  test("what is none of these comes back as it is", () => {
    const ours = new RequeenError("conflict", "x");
    for (const error of [ours, server(2), new TypeError("a bug"), bulk(server(2)), "text"]) expect(translated(error)).toBe(error);
  });
});

test("refused documents are named only when nothing else went wrong", () => {
  const taken = server(11_000);
  expect(
    duplicateIndexes(
      bulk(taken, [
        { index: 3, code: 11_000 },
        { index: 7, code: 11_000 },
      ]),
    ),
  ).toEqual([3, 7]);
  expect(
    duplicateIndexes(
      bulk(taken, [
        { index: 3, code: 11_000 },
        { index: 7, code: 121 },
      ]),
    ),
  ).toBeNull();
  expect(duplicateIndexes(bulk(new MongoNetworkError("read ECONNRESET")))).toBeNull();
  expect(duplicateIndexes(taken)).toBeNull();
});
