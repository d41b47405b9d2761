import { z } from "zod";
import type { Deployment } from "../core/deployment.ts";

/** A version that shall reach the pods that judge. */
export interface RolloutChange {
  readonly specialist: string;
  /** The registered model, as MLflow calls it. */
  readonly model: string;
  readonly version: string;
  /** What was in production before; null = none. */
  readonly predecessor: string | null;
  readonly action: Deployment["action"];
  /** Names this change: the same when it is told again. */
  readonly deploymentId: string;
}

export const podReportSchema = z.strictObject({
  /** The pod's name, or the address that was asked. */
  pod: z.string(),
  /** The version that it reports; null: none, or no answer. */
  version: z.string().nullable(),
  model_loaded: z.boolean(),
  /** What it said, when it is not as it should be; "" else. */
  problem: z.string(),
});
/** What one pod says of the model that it judges by. */
export type PodReport = z.output<typeof podReportSchema>;

/** How a change reaches the pods: a strategy of the configuration. */
export interface Rollout {
  readonly strategy: "pull" | "notify" | "restart";
  /** Whether somebody is asked what the pods judge by. */
  readonly verifies: boolean;
  /** Whether a promotion that does not reach the pods is taken back. */
  readonly takesBack: boolean;
  /** Carries the change to the pods. Done twice, it does no harm. @throws RequeenError rollout_failed, cluster_unavailable, ... */
  deploy(change: RolloutChange, signal: AbortSignal): Promise<void>;
  /** Waits until every pod reports the version. Gives the last reports. @throws RequeenError rollout_failed with `details.pods` */
  verify(change: RolloutChange, signal: AbortSignal): Promise<readonly PodReport[]>;
}

/** Pods follow the alias by themselves, and nobody asks them. */
export const FOLLOWING: Rollout = {
  strategy: "pull",
  verifies: false,
  takesBack: false,
  deploy: async () => undefined,
  verify: async () => [],
};
