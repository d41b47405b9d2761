import fc from "fast-check";
import { expect, test } from "vitest";
import { openServer, type TestServer } from "../unit/mlflow/open-server.ts";

/** Searches against a plain model of what they mean, over any runs, filters, orders and page sizes. */
interface Run {
  readonly start: number;
  readonly metric: number | null;
  readonly param: string | null;
  readonly tag: string | null;
}

const runs = fc.array(
  fc.record({
    start: fc.integer({ min: 0, max: 5 }),
    metric: fc.option(fc.constantFrom(-1.5, 0, 0.25, 2, Number.NaN)),
    param: fc.option(fc.constantFrom("a", "A", "ab", "", "x%y")),
    tag: fc.option(fc.constantFrom("t", "T", "u")),
  }),
  { maxLength: 14 },
);

interface Condition {
  readonly text: string;
  readonly holds: (run: Run) => boolean;
}

const numeric = {
  ">": (a: number, b: number) => a > b,
  ">=": (a: number, b: number) => a >= b,
  "<": (a: number, b: number) => a < b,
  "<=": (a: number, b: number) => a <= b,
  "=": (a: number, b: number) => a === b,
  "!=": (a: number, b: number) => a !== b,
} as const;

const metricCondition = fc
  .tuple(fc.constantFrom(...(Object.keys(numeric) as (keyof typeof numeric)[])), fc.constantFrom(-1.5, 0, 0.25, 1e3))
  .map(
    ([operator, bound]): Condition => ({
      text: `metrics.m ${operator} ${bound}`,
      holds: ({ metric }) => metric !== null && numeric[operator](metric, bound),
    }),
  );

const like = (pattern: string, flags: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
      .replaceAll("%", ".*")
      .replaceAll("_", ".")}$`,
    `s${flags}`,
  );

const textCondition = (name: string, read: (run: Run) => string | null): fc.Arbitrary<Condition> =>
  fc
    .tuple(
      fc.constantFrom("=", "!=", "LIKE", "ILIKE", "like", "IS NULL", "IS NOT NULL"),
      fc.constantFrom("a", "A", "ab", "a%", "_", "%", "t", "u"),
    )
    .map(([operator, value]) => {
      const holds = (text: string | null): boolean => {
        if (operator === "IS NULL") return text === null;
        if (operator === "IS NOT NULL") return text !== null;
        if (text === null) return false;
        if (operator === "=") return text === value;
        if (operator === "!=") return text !== value;
        return like(value, operator === "ILIKE" ? "i" : "").test(text);
      };
      return {
        text: operator.startsWith("IS") ? `${name} ${operator}` : `${name} ${operator} '${value}'`,
        holds: (run) => holds(read(run)),
      };
    });

const condition = fc.oneof(
  metricCondition,
  textCondition("params.p", (run) => run.param),
  textCondition("tags.`t`", (run) => run.tag),
  fc
    .integer({ min: 0, max: 5 })
    .map((bound): Condition => ({ text: `attributes.start_time >= ${bound}`, holds: (run) => run.start >= bound })),
);

type Key = readonly [rank: number, value: number | string];
const keys: Record<string, (run: Run) => Key> = {
  "metrics.m": ({ metric }) => (metric === null ? [2, 0] : Number.isNaN(metric) ? [1, 0] : [0, metric]),
  "params.p": ({ param }) => (param === null ? [1, ""] : [0, param]),
  "tags.t": ({ tag }) => (tag === null ? [1, ""] : [0, tag]),
  start_time: ({ start }) => [0, start],
};
const order = fc.uniqueArray(fc.record({ key: fc.constantFrom(...Object.keys(keys)), ascending: fc.boolean() }), {
  maxLength: 3,
  selector: (term) => term.key,
});

async function fill(server: TestServer, all: readonly Run[]): Promise<{ experimentId: string; ids: string[] }> {
  const experimentId: string = (await server.call("POST", "experiments/create", { name: `e${Math.random()}` })).json
    .experiment_id;
  const ids: string[] = [];
  for (const run of all) {
    const made = await server.call("POST", "runs/create", { experiment_id: experimentId, start_time: run.start });
    const run_id: string = made.json.run.info.run_id;
    ids.push(run_id);
    await server.call("POST", "runs/log-batch", {
      run_id,
      metrics: run.metric === null ? [] : [{ key: "m", value: Number.isNaN(run.metric) ? "NaN" : run.metric, timestamp: 1 }],
      params: run.param === null ? [] : [{ key: "p", value: run.param }],
      tags: run.tag === null ? [] : [{ key: "t", value: run.tag }],
    });
  }
  return { experimentId, ids };
}

test("a search finds the runs that its filter means, in its order, whole or page by page", async () => {
  const server = await openServer();
  await fc.assert(
    fc.asyncProperty(
      runs,
      fc.array(condition, { maxLength: 3 }),
      order,
      fc.integer({ min: 1, max: 5 }),
      async (all, conditions, terms, pageSize) => {
        const { experimentId, ids } = await fill(server, all);
        const byId = (a: number, b: number): number => (ids[a] < ids[b] ? -1 : 1);
        const compare = (a: number, b: number): number => {
          for (const { key, ascending } of terms) {
            const [[rankA, valueA], [rankB, valueB]] = [keys[key](all[a]), keys[key](all[b])];
            if (rankA !== rankB) return rankA - rankB;
            if (valueA !== valueB) return valueA < valueB === ascending ? -1 : 1;
          }
          return all[b].start - all[a].start || byId(a, b);
        };
        const expected = all
          .map((_, index) => index)
          .filter((index) => conditions.every((one) => one.holds(all[index])))
          .sort(compare)
          .map((index) => ids[index]);
        const search = {
          experiment_ids: [experimentId],
          filter: conditions.map((one) => one.text).join(" AND "),
          order_by: terms.map(({ key, ascending }) => `${key} ${ascending ? "ASC" : "DESC"}`),
        };
        const found: string[] = [];
        let page_token: string | undefined;
        do {
          const page = await server.call("POST", "runs/search", { ...search, max_results: pageSize, page_token });
          expect(page.status, page.text).toBe(200);
          found.push(...(page.json.runs ?? []).map((run: { info: { run_id: string } }) => run.info.run_id));
          page_token = page.json.next_page_token;
        } while (page_token !== undefined);
        expect(found).toEqual(expected);
        const whole = await server.call("POST", "runs/search", search);
        expect((whole.json.runs ?? []).map((run: { info: { run_id: string } }) => run.info.run_id)).toEqual(expected);
      },
    ),
    { numRuns: 120 },
  );
});

test("no filter, however broken, is answered with anything but runs or a named error", async () => {
  const server = await openServer();
  const word = fc.constantFrom(
    "metrics",
    "params.a",
    "tags.`x",
    "'",
    '"',
    "`",
    "=",
    ">",
    "LIKE",
    "IN",
    "(",
    ")",
    "('a'",
    "NOT",
    "NULL",
    "AND",
    "OR",
    ";",
    "1",
    "-",
    ".",
    "\\",
    "\0",
    "é",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(word, fc.string({ maxLength: 4 })), { maxLength: 8 }), async (words) => {
      const answer = await server.call("POST", "runs/search", { experiment_ids: ["0"], filter: words.join(" ") });
      expect([200, 400]).toContain(answer.status);
      if (answer.status === 400) expect(answer.json.error_code).toBe("INVALID_PARAMETER_VALUE");
    }),
    { numRuns: 400 },
  );
});
