import { leadUntilStopped } from "../cluster/leader.ts";
import type { Config } from "../config/read-config.ts";
import type { House } from "../loop/house.ts";

/**
 * Runs `work` in one replica of `requeen serve` at a time: with executor kubernetes the one that holds the Lease, else this one. Leases of
 * the store still hold each run to one process, whoever leads.
 */
export async function whileLeading(
  config: Config,
  house: Pick<House, "owner" | "now" | "log">,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (config.executor !== "kubernetes") return work(signal);
  const { clusterOf } = await import("./cluster-parts.ts");
  const { api, namespace } = await clusterOf(config);
  const { cluster } = config;
  await leadUntilStopped(
    {
      api,
      namespace: cluster.namespace ?? namespace,
      name: cluster.lease,
      identity: house.owner,
      now: house.now,
      clock: () => performance.now(),
      signal,
      log: house.log,
    },
    work,
  );
}
