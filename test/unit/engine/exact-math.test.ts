import { expect, test } from "vitest";
import { exp, log, log1p } from "../../../src/engine/exact-math.ts";
import { SeededRandom } from "../../../src/engine/index.ts";

/** Units in the last place of b. */
const unitsApart = (a: number, b: number): number => {
  const power = Math.floor(Math.log2(Math.abs(b)));
  return Math.abs(a - b) / (b === 0 || power < -1022 ? 2 ** -1074 : 2 ** (power - 52));
};

test("exp, log and log1p agree with the platform's to the last places, over their whole range", () => {
  const random = new SeededRandom(5);
  const spread = (width: number): number => (2 * random.next() - 1) * width;
  const worst = { exp: 0, log: 0, log1p: 0 };
  for (let i = 0; i < 30_000; i++) {
    for (const x of [spread(700), spread(3), spread(1e-6)]) worst.exp = Math.max(worst.exp, unitsApart(exp(x), Math.exp(x)));
    for (const x of [random.next(), 1 + spread(0.5), 2 ** spread(1022)])
      worst.log = Math.max(worst.log, unitsApart(log(x), Math.log(x)));
    for (const x of [random.next(), spread(1e-5), 2 ** spread(1000)])
      worst.log1p = Math.max(worst.log1p, unitsApart(log1p(x), Math.log1p(x)));
  }
  expect(Math.max(...Object.values(worst))).toBeLessThanOrEqual(2);
});

test("the edges are the platform's", () => {
  const edges = [0, -0, 1, -1, 5e-324, 1e-310, Number.MAX_VALUE, -745.14, -746, 709.79, Infinity, -Infinity, Number.NaN];
  for (const x of edges) {
    expect(exp(x)).toBe(Math.exp(x));
    expect(log(x)).toBe(Math.log(x));
    expect(log1p(x)).toBe(Math.log1p(x));
  }
});

test("known answers, so that a change of one bit on any machine is seen", () => {
  const view = new DataView(new ArrayBuffer(8));
  const bits = (value: number): string => {
    view.setFloat64(0, value);
    return view.getBigUint64(0).toString(16);
  };
  const random = new SeededRandom(6);
  let mixed = 0n;
  for (let i = 0; i < 1000; i++) {
    const x = random.next();
    for (const value of [exp(8 * x - 4), log(x), log1p(x)])
      mixed = (mixed * 31n + BigInt(`0x${bits(value)}`)) & 0xffffffffffffffffn;
  }
  expect(mixed.toString(16)).toBe("9bf3850d9f560a8");
});
