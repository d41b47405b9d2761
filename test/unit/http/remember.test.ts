import { expect, test } from "vitest";
import { remembering } from "../../../src/http/auth/remember.ts";

test("a right answer is given again for ten seconds, a refusal never, and no answer past its own end", async () => {
  let clockMs = 1_000;
  const asked: string[] = [];
  const read = remembering(
    async (text: string) => {
      asked.push(text);
      if (text === "wrong") throw new Error("refused");
      return { text, endMs: text === "short" ? 1_500 : null };
    },
    ({ endMs }) => endMs,
    () => clockMs,
  );
  for (let times = 0; times < 3; times += 1) {
    expect((await read("right")).text).toBe("right");
    expect((await read("short")).text).toBe("short");
    await expect(read("wrong")).rejects.toThrow("refused");
  }
  expect(asked).toEqual(["right", "short", "wrong", "wrong", "wrong"]);
  clockMs = 1_500;
  await read("short");
  await read("right");
  clockMs = 11_000;
  await read("right");
  expect(asked.slice(5)).toEqual(["short", "right"]);
});

test("ten thousand answers are kept at most", async () => {
  let asked = 0;
  const read = remembering(
    async () => {
      asked += 1;
      return asked;
    },
    () => null,
    () => 0,
  );
  await read("first");
  for (let index = 0; index < 10_000; index += 1) await read(`${index}`);
  await read("9999");
  expect(asked).toBe(10_001);
  await read("first");
  expect(asked).toBe(10_002);
});
