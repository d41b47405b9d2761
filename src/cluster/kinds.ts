/**
 * What we read of the objects of Kubernetes, as its API writes them: names, camelCase and times as text are the API's own. Everything that
 * the server may leave out is optional; fields that we never read are not here.
 */
export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
}

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface Job {
  readonly metadata: Metadata;
  readonly spec?: { readonly completions?: number };
  readonly status?: {
    readonly active?: number;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly ready?: number;
    readonly conditions?: readonly Condition[];
  };
}

export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: { readonly exitCode: number; readonly reason?: string; readonly message?: string };
}

export interface Pod {
  readonly metadata: Metadata;
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
    readonly reason?: string;
    readonly message?: string;
    readonly podIP?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly { readonly name: string; readonly ready: boolean; readonly state?: ContainerState }[];
  };
}

export interface ClusterEvent {
  readonly metadata: Metadata;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

export interface Deployment {
  readonly metadata: Metadata;
  readonly spec?: {
    readonly replicas?: number;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly Condition[];
  };
}

export interface Lease {
  readonly metadata: Metadata;
  readonly spec?: {
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

export interface Kinds {
  jobs: Job;
  pods: Pod;
  events: ClusterEvent;
  deployments: Deployment;
  leases: Lease;
}

/** Where the API server keeps each kind. */
export const GROUPS = {
  jobs: { path: "apis/batch/v1", apiVersion: "batch/v1", kind: "Job" },
  pods: { path: "api/v1", apiVersion: "v1", kind: "Pod" },
  events: { path: "api/v1", apiVersion: "v1", kind: "Event" },
  deployments: { path: "apis/apps/v1", apiVersion: "apps/v1", kind: "Deployment" },
  leases: { path: "apis/coordination.k8s.io/v1", apiVersion: "coordination.k8s.io/v1", kind: "Lease" },
} as const satisfies Record<keyof Kinds, { path: string; apiVersion: string; kind: string }>;
