import fc from "fast-check";
import { expect, test } from "vitest";
import { SeededRandom } from "../../src/engine/index.ts";
import { openKernels } from "../../src/engine/kernels/kernels.ts";
import { dot, listActive, logisticLoss, moveWeights, multiplyListed, multiplyMarked } from "../../src/engine/perceptron-plain.ts";

const upTo = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Memory of the kernels for named float32 matrices [rows x columns], each row filled up to whole vectors and eights of rows with what may stand there. */
function openMatrices<N extends string>(
  shapes: Readonly<Record<N, readonly [number, number]>>,
  others: Readonly<Record<string, number>> = {},
) {
  const names = Object.keys(shapes) as N[];
  const rowBytes = (name: N): number => upTo(shapes[name][1], 4) * 4;
  const sizes: Record<string, number> = { ...others };
  for (const name of names) sizes[name] = upTo(shapes[name][0], 8) * rowBytes(name) + 64;
  const { kernels, memory, at } = openKernels(sizes);
  for (const name of names) new Float32Array(memory, at[name], (sizes[name] ?? 0) / 4).fill(Number.NaN);
  const put = (name: N, values: Float32Array): void => {
    const [rows, columns] = shapes[name];
    for (let row = 0; row < rows; row++) {
      const into = new Float32Array(memory, (at[name] ?? 0) + row * rowBytes(name), rowBytes(name) / 4).fill(0);
      into.set(values.subarray(row * columns, (row + 1) * columns));
    }
  };
  const take = (name: N): number[] => {
    const [rows, columns] = shapes[name];
    return Array.from({ length: rows }, (_, row) => [
      ...new Float32Array(memory, (at[name] ?? 0) + row * rowBytes(name), columns),
    ]).flat();
  };
  return { kernels, memory, put, take, at: (name: N | string): number => at[name] ?? expect.unreachable(), rowBytes };
}

test("lists of active units and of the rows of each unit, and products over them, are those of the plain form, bit for bit", () => {
  const size = fc.integer({ min: 1, max: 70 });
  fc.assert(
    fc.property(
      size,
      size,
      fc.integer({ min: 1, max: 120 }),
      fc.constantFrom(0, Number.NEGATIVE_INFINITY),
      fc.nat(),
      (m, k, n, floor, seed) => {
        const random = new SeededRandom(seed);
        const fill = (length: number) => Float32Array.from({ length }, () => random.nextNormal());
        // behind each row's units stands a 1, which is no unit
        const values = fill(m * k);
        const withOne = Float32Array.from({ length: m * (k + 1) }, (_, i) =>
          i % (k + 1) === k ? 1 : (values[i - Math.floor(i / (k + 1))] ?? 0),
        );
        const given = {
          b: fill(k * n),
          first: fill(m * n),
          rows: fill(m * n),
          sums: fill(k * n),
          right: fill(k),
          left: fill(m),
          byRow: fill(m),
          byUnit: fill(k),
        };
        const chunks = Math.ceil(k / 16);
        const lists = { unitsOfRow: m * (k + 9) * 4, rowsOfUnit: k * (m + 9) * 4 };
        const marks = { marksOfRow: upTo(m, 8) * chunks * 2, marksOfUnit: upTo(m, 8) * chunks * 2 };
        const { kernels, memory, put, take, at, rowBytes } = openMatrices(
          {
            values: [m, k + 1],
            b: [k, n],
            first: [m, n],
            rows: [m, n],
            sums: [k, n],
            right: [1, k],
            left: [1, m],
            byRow: [1, m],
            byUnit: [1, k],
            out: [m, n],
          },
          { ...lists, ...marks, thresholds: chunks * 64, positions: 8192, tables: 16 * 13 * 10 * 16, offsets: 8 * 70, one: 16 },
        );
        put("values", withOne);
        for (const name of ["b", "first", "rows", "sums", "right", "left", "byRow", "byUnit"] as const) put(name, given[name]);
        new Float32Array(memory, at("thresholds"), chunks * 16).fill(Number.POSITIVE_INFINITY, k);
        new Float32Array(memory, at("one"), 1)[0] = 1;
        kernels.fillPositions(at("positions"));
        kernels.markActive(at("values"), rowBytes("values"), m, chunks, at("thresholds"), at("marksOfRow"), at("marksOfUnit"));
        const [unitBytes, rowsBytes] = [Math.ceil(k / 8), Math.ceil(m / 8)];
        const [unitList, rowList] = [(k + 9) * 4, (m + 9) * 4];
        kernels.listMarks(at("marksOfRow"), chunks * 2, 1, m, unitBytes, at("positions"), at("unitsOfRow"), unitList);
        kernels.listMarks(at("marksOfUnit"), 1, chunks * 16, k, rowsBytes, at("positions"), at("rowsOfUnit"), rowList);
        const read = (from: number, row: number, count: number): number[][] =>
          Array.from({ length: count }, (_, i) => {
            const list = new Uint32Array(memory, from + i * row, row / 4);
            return [...list.subarray(1, 1 + (list[0] ?? 0))].map((position) => position / 4);
          });
        const unitsOfRow = listActive(values, k);
        const rowsOfUnit = Array.from({ length: k }, (_, unit) =>
          unitsOfRow.flatMap((units, row) => (units.includes(unit) ? [row] : [])),
        );
        expect(read(at("unitsOfRow"), unitList, m)).toEqual(unitsOfRow);
        expect(read(at("rowsOfUnit"), rowList, k)).toEqual(rowsOfUnit);

        const vectors = Math.ceil(n / 4);
        const width = vectors * 16;
        const valuesRow = rowBytes("values");
        kernels.multiplyListed(
          ...[m, k, at("unitsOfRow"), unitList, at("values"), valuesRow, 4, at("b"), width, at("first"), width],
          ...[at("out"), width, vectors, floor, at("offsets")],
        );
        const out = given.first.slice();
        multiplyListed(unitsOfRow, values, given.b, out, n, floor);
        expect(take("out")).toEqual([...out]);
        // the other way: a's columns, added to what stands there
        kernels.multiplyListed(
          ...[k, m, at("rowsOfUnit"), rowList, at("values"), 4, valuesRow, at("rows"), width, at("sums"), width],
          ...[at("sums"), width, vectors, floor, at("offsets")],
        );
        const turned = Float32Array.from({ length: k * m }, (_, i) => values[(i % m) * k + Math.floor(i / m)] ?? 0);
        const sums = given.sums.slice();
        multiplyListed(rowsOfUnit, turned, given.rows, sums, n, floor);
        expect(take("sums")).toEqual([...sums]);

        kernels.multiplyMarked(
          ...[m, at("marksOfRow"), chunks * 2, 1, unitBytes, at("right"), at("b"), width, at("first"), width, at("left"), 4],
          ...[at("one"), at("out"), width, vectors, at("tables")],
        );
        const marked = given.first.slice();
        multiplyMarked(unitsOfRow, given.right, given.b, given.left, marked, n);
        expect(take("out")).toEqual([...marked]);
        kernels.multiplyMarked(
          ...[
            k,
            at("marksOfUnit"),
            1,
            chunks * 16,
            rowsBytes,
            at("byRow"),
            at("rows"),
            width,
            at("sums"),
            width,
            at("byUnit"),
            4,
          ],
          ...[at("one"), at("sums"), width, vectors, at("tables")],
        );
        multiplyMarked(rowsOfUnit, given.byRow, given.rows, given.byUnit, sums, n);
        expect(take("sums")).toEqual([...sums]);
      },
    ),
  );
});

test("scores, log loss and steps of Adam in WebAssembly are those of the plain form, bit for bit", () => {
  const size = fc.integer({ min: 1, max: 40 });
  // far scores, and weights of 0
  const score = fc.oneof(
    fc.float({ noNaN: true, min: -90, max: 90 }),
    fc.constantFrom(0, 750, -750, 1e-9, Number.POSITIVE_INFINITY),
  );
  fc.assert(
    fc.property(
      size,
      size,
      fc.array(fc.tuple(score, fc.constantFrom(0, -0, 1, -1, 2.5, -0.3)), { maxLength: 30 }),
      fc.nat(),
      (units, inputs, rows, seed) => {
        const random = new SeededRandom(seed);
        const width = inputs + 1;
        const fill = (length: number, scale: number) => Float32Array.from({ length }, () => random.nextNormal() * scale);
        const given = {
          weights: fill(units * width, 1),
          gradient: fill(units * width, 100),
          first: fill(units * width, 1),
          second: fill(units * width, 1).map(Math.abs),
          values: fill(9 * width, 1),
        };
        const shape = [units, width] as const;
        const { kernels, memory, put, take, at, rowBytes } = openMatrices(
          {
            weights: shape,
            gradient: shape,
            first: shape,
            second: shape,
            values: [9, width],
            turned: [upTo(width, 4), upTo(units, 4)],
            taken: [3, width],
          },
          { scores: 9 * units * 4, logits: 128, signed: 256, deltas: 128, rows: 12 },
        );
        for (const name of ["weights", "gradient", "first", "second", "values"] as const) put(name, given[name]);
        const row = rowBytes("weights");
        const vectors = row / 16;

        kernels.scoreRows(at("values"), row, 9, at("weights"), row, units, vectors, at("scores"));
        const scores = Array.from({ length: 9 * units }, (_, i) => {
          const [from, to] = [Math.floor(i / units) * width, (i % units) * width];
          return dot(given.values.subarray(from, from + width), given.weights.subarray(to, to + width));
        });
        expect([...new Float32Array(memory, at("scores"), 9 * units)]).toEqual(scores);

        kernels.transpose(at("weights"), row, units, row / 4, at("turned"), rowBytes("turned"));
        const turned = take("turned");
        for (let unit = 0; unit < units; unit++)
          for (let input = 0; input < width; input++)
            expect(turned[input * upTo(units, 4) + unit]).toBe(given.weights[unit * width + input]);

        new Uint32Array(memory, at("rows"), 3).set([8, 0, 5]);
        kernels.gatherRows(at("values"), at("rows"), 3, vectors, at("taken"));
        expect(take("taken")).toEqual([8, 0, 5].flatMap((from) => [...given.values.subarray(from * width, (from + 1) * width)]));

        // an odd last row stands beside one of no weight
        const logits = Float32Array.from(rows, ([value]) => value);
        const signed = Float64Array.from(rows, ([, weight]) => weight);
        new Float32Array(memory, at("logits"), rows.length).set(logits);
        new Float64Array(memory, at("signed"), rows.length).set(signed);
        const deltas = new Float32Array(rows.length);
        const loss = kernels.logisticLoss(at("logits"), at("signed"), upTo(rows.length, 2), at("deltas"));
        expect(loss).toBe(logisticLoss(logits, signed, deltas));
        expect([...new Float32Array(memory, at("deltas"), rows.length)]).toEqual([...deltas]);

        const step = { share: 1 / 200, alpha: random.next(), rate: 0.001, decay1: 0.9, decay2: 0.999, epsilon: 1e-8 };
        const { share, alpha, rate, decay1, decay2, epsilon } = step;
        const squares = kernels.moveWeights(
          ...[
            at("weights"),
            at("gradient"),
            at("first"),
            at("second"),
            units,
            inputs,
            share,
            alpha,
            rate,
            decay1,
            decay2,
            epsilon,
          ],
        );
        expect(squares).toBe(moveWeights(given.weights, given.gradient, given.first, given.second, width, inputs, step));
        for (const name of ["weights", "first", "second"] as const) expect([name, ...take(name)]).toEqual([name, ...given[name]]);
      },
    ),
  );
});
