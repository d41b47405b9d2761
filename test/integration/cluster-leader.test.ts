import { afterEach, expect, test } from "vitest";
import { createClusterApi } from "../../src/cluster/api.ts";
import { leadUntilStopped } from "../../src/cluster/leader.ts";
import { openClusterDouble } from "./support/cluster-double.ts";

/** A clock of the test's own would stand still for timers; a short lease and the machine's clock do, since nothing is timed but order. */
const DURATION_MS = 600;
const replicas: { readonly stop: AbortController; readonly done: Promise<void> }[] = [];
afterEach(async () => {
  for (const { stop } of replicas) stop.abort();
  await Promise.all(replicas.splice(0).map(({ done }) => done));
});

test("three replicas of which any may be cut off: never two lead, and somebody always comes to lead", async () => {
  const cluster = openClusterDouble();
  const cutOff = new Set<string>();
  const leading = new Set<string>();
  let mostAtOnce = 0;
  const start = (identity: string): AbortController => {
    const stop = new AbortController();
    const api = createClusterApi({
      address: "double",
      attempts: 1,
      transport: async (request) => {
        if (cutOff.has(identity)) throw new Error("no route to host");
        return cluster.transport(request);
      },
    });
    const options = {
      api,
      namespace: "requeen",
      name: "requeen",
      identity,
      now: Date.now,
      clock: () => performance.now(),
      signal: stop.signal,
      log: () => undefined,
      durationMs: DURATION_MS,
    };
    const done = leadUntilStopped(options, async (signal) => {
      leading.add(identity);
      mostAtOnce = Math.max(mostAtOnce, leading.size);
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      leading.delete(identity);
    });
    replicas.push({ stop, done });
    return stop;
  };
  const untilLeads = async (others: ReadonlySet<string>): Promise<string> => {
    for (;;) {
      const found = [...leading].find((name) => !others.has(name));
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const stops = new Map(["a", "b", "c"].map((name) => [name, start(name)]));
  const first = await untilLeads(new Set());
  cutOff.add(first);
  const second = await untilLeads(new Set([first]));
  // asked to stop, it gives the lease back
  stops.get(second)?.abort();
  const third = await untilLeads(new Set([first, second]));
  expect(new Set([first, second, third]).size).toBe(3);
  expect(mostAtOnce).toBe(1);
  const [lease] = cluster.objects("leases");
  expect(lease?.spec).toMatchObject({ holderIdentity: third });
});
