import { describe, expect, test } from "vitest";
import { readJobState } from "../../../src/cluster/job-state.ts";
import type { ClusterEvent, Condition, ContainerState, Job, Pod } from "../../../src/cluster/kinds.ts";

const BORN = "2026-03-01T12:00:00Z";

const job = (conditions: readonly Condition[] = []): Job => ({
  metadata: { name: "j", creationTimestamp: BORN },
  spec: { completions: 3 },
  status: { conditions, succeeded: 1 },
});
const pod = (phase: NonNullable<Pod["status"]>["phase"], status: Pod["status"] = {}, state?: ContainerState): Pod => ({
  metadata: { name: "p", creationTimestamp: BORN },
  status: { phase, ...status, ...(state === undefined ? {} : { containerStatuses: [{ name: "train", ready: false, state }] }) },
});
const failed: Condition = { type: "Failed", status: "True", reason: "BackoffLimitExceeded", message: "too often" };
const quota: ClusterEvent = {
  metadata: { name: "e" },
  reason: "FailedCreate",
  message: 'pods "j-0" is forbidden: exceeded quota: tight, requested: pods=1',
};
const unschedulable: Pod["status"] = {
  conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes" }],
};

describe("a Job's state is read from what is there", () => {
  const cases: readonly [name: string, state: ReturnType<typeof readJobState>, expected: object][] = [
    ["gone", readJobState(null, [], []), { state: "failed", error: { code: "job_lost" } }],
    ["complete", readJobState(job([{ type: "Complete", status: "True" }]), [pod("Failed")], [quota]), { state: "complete" }],
    [
      "a condition that is not met says nothing",
      readJobState(job([{ ...failed, status: "False" }]), [], []),
      { state: "starting" },
    ],
    [
      "image",
      readJobState(job(), [pod("Pending", {}, { waiting: { reason: "ErrImagePull" } })], []),
      { state: "blocked", error: { code: "image_unavailable" } },
    ],
    [
      "container creating is no trouble",
      readJobState(job(), [pod("Pending", {}, { waiting: { reason: "ContainerCreating" } })], []),
      { state: "starting" },
    ],
    [
      "no node",
      readJobState(job(), [pod("Pending", unschedulable)], []),
      { state: "blocked", error: { code: "no_capacity" }, sinceMs: Date.parse(BORN) },
    ],
    ["no node for one of two", readJobState(job(), [pod("Pending", unschedulable), pod("Running")], []), { state: "running" }],
    ["quota", readJobState(job(), [], [quota]), { state: "blocked", error: { code: "no_capacity" } }],
    ["a quota of yesterday, pods today", readJobState(job(), [pod("Running")], [quota]), { state: "running" }],
    [
      "deadline",
      readJobState(job([{ ...failed, reason: "DeadlineExceeded" }]), [], []),
      { state: "failed", error: { code: "job_lost" } },
    ],
    ["failed, and nobody left to say why", readJobState(job([failed]), [], []), { state: "failed", error: { code: "job_lost" } }],
    [
      "memory",
      readJobState(job([failed]), [pod("Failed", {}, { terminated: { exitCode: 137, reason: "OOMKilled" } })], []),
      { state: "failed", error: { code: "out_of_memory" } },
    ],
    [
      "evicted: the kill is the kubelet's, not the program's",
      readJobState(
        job([failed]),
        [pod("Failed", { reason: "Evicted", message: "low on memory" }, { terminated: { exitCode: 137 } })],
        [],
      ),
      { state: "failed", error: { code: "job_lost" } },
    ],
    [
      "an unknown program's end",
      readJobState(job([failed]), [pod("Failed", {}, { terminated: { exitCode: 1, reason: "Error", message: "boom" } })], []),
      { state: "failed", error: { code: "job_failed" } },
    ],
  ];
  for (const [name, state, expected] of cases) test(name, () => expect(state).toMatchObject(expected));

  test("an error of ours keeps its code and words through a pod's last lines, cut as the kubelet cuts them", () => {
    const problem = JSON.stringify({ code: "bad_data", detail: "bad_data: one class only" });
    const message = `detail":"half a line"}\n{"event":"train.progress","share":0.5}\n${problem}\n`;
    const others = pod("Failed", {}, { terminated: { exitCode: 1, message: "boom" } });
    const state = readJobState(job([failed]), [others, pod("Failed", {}, { terminated: { exitCode: 3, message } })], []);
    expect(state).toMatchObject({ error: { code: "bad_data", message: expect.stringContaining("one class only") } });
  });

  test("a line that names no code of ours is a program's own, whatever it claims", () => {
    const message = JSON.stringify({ code: "toString", detail: "x" });
    const state = readJobState(job([failed]), [pod("Failed", {}, { terminated: { exitCode: 1, message } })], []);
    expect(state).toMatchObject({ error: { code: "job_failed" } });
  });
});
