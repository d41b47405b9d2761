import { posix } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkArtifactPath } from "../../src/mlflow/artifact-path.ts";
import { MlflowError } from "../../src/mlflow/protocol-error.ts";
import { newRun, openServer } from "../unit/mlflow/open-server.ts";

const metric = fc.record({
  key: fc.constantFrom("a", "b"),
  value: fc.constantFrom(-1, 0.5, 3),
  timestamp: fc.integer({ min: 0, max: 3 }),
  step: fc.integer({ min: -2, max: 2 }),
});

test("whatever the order, the split into batches and the repeats: the same history, and the greatest (step, time, value) is the latest", async () => {
  const server = await openServer();
  await fc.assert(
    fc.asyncProperty(
      fc.array(metric, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 5 }),
      async (metrics, batchSize) => {
        const { runId: run_id } = await newRun(server, `e${Math.random()}`);
        for (const round of [metrics, metrics.toReversed()]) {
          for (let start = 0; start < round.length; start += batchSize) {
            await server.call("POST", "runs/log-batch", { run_id, metrics: round.slice(start, start + batchSize) });
          }
        }
        const { data } = (await server.call("GET", "runs/get", { run_id })).json.run;
        for (const key of new Set(metrics.map((m) => m.key))) {
          const mine = metrics.filter((m) => m.key === key);
          const distinct = [...new Map(mine.map((m) => [`${m.timestamp} ${m.step} ${m.value}`, m])).values()];
          const history = (await server.call("GET", "metrics/get-history", { run_id, metric_key: key })).json.metrics;
          expect(history).toEqual(distinct.sort((a, b) => a.timestamp - b.timestamp || a.step - b.step || a.value - b.value));
          const latest = mine.reduce((a, b) => ((b.step - a.step || b.timestamp - a.timestamp || b.value - a.value) > 0 ? b : a));
          expect(data.metrics.find((m: { key: string }) => m.key === key)).toEqual(latest);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("64-bit times and steps come back digit by digit, and doubles bit by bit", async () => {
  const server = await openServer();
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const { runId: run_id } = await newRun(server);
  let count = 0;
  await fc.assert(
    fc.asyncProperty(
      int64,
      fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      async (step, timestamp, value) => {
        const key = `k${count++}`;
        const text = `{"run_id":"${run_id}","key":"${key}","step":${step},"timestamp":${timestamp},"value":${value === 0 ? 0 : value}}`;
        const path = "/api/2.0/mlflow/runs/log-metric";
        const logged = await server.send({
          method: "POST",
          path,
          headers: { "content-type": "application/json" },
          body: Buffer.from(text),
        });
        expect(logged.text).toBe("{}");
        const history = await server.call("GET", "metrics/get-history", { run_id, metric_key: key });
        expect(history.text).toContain(`"step":${step}`);
        expect(history.text).toContain(`"timestamp":${timestamp}`);
        expect(history.json.metrics[0].value).toBe(value === 0 ? 0 : value);
      },
    ),
    { numRuns: 80 },
  );
});

test("a path that is let through stays below the folder that it is joined to", () => {
  const piece = fc.constantFrom(
    "..",
    ".",
    "/",
    "\\",
    "%2e",
    "%2E%2e",
    "%252e",
    "%2f",
    "%5c",
    "a",
    "C:",
    "file:",
    "#",
    "%00",
    "%",
    "?",
    ";",
    "é",
    "%c0%ae",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 10 }), (pieces) => {
      let path: string;
      try {
        path = checkArtifactPath(pieces.join(""));
      } catch (error) {
        expect(error).toBeInstanceOf(MlflowError);
        return;
      }
      const joined = posix.join("/root/store", path);
      expect(joined === "/root/store" || joined.startsWith("/root/store/")).toBe(true);
      expect(checkArtifactPath(path)).toBe(path);
    }),
    { numRuns: 2000 },
  );
});
