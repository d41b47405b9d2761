import type { Config } from "../config/read-config.ts";
import type { House } from "../loop/house.ts";

/** What executor and rollout need of the house that they become parts of. */
export type ClusterHouse = Pick<House, "registry" | "blobs" | "now" | "leaseNow">;

/** Whether runs train, or promotions arrive, in another way than the plain one: on our threads, and by the alias alone. */
export const usesCluster = ({ executor, rollout }: Config): boolean =>
  executor !== "local" || rollout.strategy !== "pull" || rollout.verifyUrl !== undefined;
