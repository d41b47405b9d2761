import { expect, test } from "vitest";
import { RequeenError } from "../../../src/core/errors.ts";
import { together } from "../../../src/store/mongo/together.ts";

/** A server that answers when it is told to, and notes what each call asked. */
function aServer(fails: (items: readonly string[]) => Error | null = () => null) {
  const asked: string[][] = [];
  const work = async (items: readonly string[]): Promise<string[]> => {
    asked.push([...items]);
    await new Promise((resolve) => setImmediate(resolve));
    const error = fails(items);
    if (error !== null) throw error;
    return items.map((item) => `stored ${item}`);
  };
  return { asked, work };
}

test("calls that arrive while one is under way are one call, and each gets the answers of its own items in order", async () => {
  const { asked, work } = aServer();
  const add = together(work, { groupItems: 4, waitingItems: 100 });
  const answers = await Promise.all([add(["a"]), add(["b", "c"]), add([]), add(["d"]), add(["e", "f"]), add(["g"])]);
  expect(answers).toEqual(
    [["a"], ["b", "c"], [], ["d"], ["e", "f"], ["g"]].map((items) => items.map((item) => `stored ${item}`)),
  );
  expect(asked).toEqual([["a"], ["b", "c", "d", "e", "f"], ["g"]]);
});

test("a call at fault does not fail its neighbours", async () => {
  const { work } = aServer((items) => (items.includes("bad") ? new RangeError("too large") : null));
  const add = together(work, { groupItems: 100, waitingItems: 100 });
  const answers = await Promise.allSettled([add(["a"]), add(["b"]), add(["bad"]), add(["c"])]);
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
});

test("when the store is away a group is told at once, without a try for each", async () => {
  const { asked, work } = aServer(() => new RequeenError("store_unavailable", "away"));
  const add = together(work, { groupItems: 100, waitingItems: 100 });
  const answers = await Promise.allSettled([add(["a"]), add(["b"]), add(["c"])]);
  expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(asked).toEqual([["a"], ["b", "c"]]);
});

test("more than may wait is overloaded, and there is room again afterwards", async () => {
  const { work } = aServer();
  const add = together(work, { groupItems: 1, waitingItems: 2 });
  const answers = await Promise.allSettled(["a", "b", "c", "d"].map((item) => add([item])));
  expect(answers.map((answer) => (answer.status === "rejected" ? answer.reason.code : answer.value[0]))).toEqual([
    "stored a",
    "stored b",
    "stored c",
    "overloaded",
  ]);
  expect(await add(["e"])).toEqual(["stored e"]);
});
