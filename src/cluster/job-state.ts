import { ERRORS, type ErrorCode, RequeenError } from "../core/errors.ts";
import type { ClusterEvent, Job, Pod } from "./kinds.ts";

/** Where a training Job stands, in one word and one sentence. */
export type JobState =
  | { readonly state: "complete" }
  /** It goes on, or will: what it waits for has no deadline of its own. */
  | { readonly state: "running" | "starting"; readonly message: string }
  /** Something outside holds it up, since `sinceMs`; it may still begin by itself. */
  | { readonly state: "blocked"; readonly error: RequeenError; readonly sinceMs: number }
  | { readonly state: "failed"; readonly error: RequeenError };

/** The kubelet tries these again, for ever. */
const IMAGE_REASONS = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "RegistryUnavailable",
  "ImageInspectError",
]);
const QUOTA = /exceeded quota|insufficient quota|must specify limits|must specify requests/i;

/**
 * Reads a Job, its pods and its events, whatever their order and however often they came. Only what is there now counts.
 * @param job null when it is not there.
 */
export function readJobState(job: Job | null, pods: readonly Pod[], events: readonly ClusterEvent[]): JobState {
  if (job === null || job.metadata.deletionTimestamp !== undefined)
    return { state: "failed", error: new RequeenError("job_lost", "somebody deleted the training Job") };
  const name = job.metadata.name;
  const condition = (type: string) => job.status?.conditions?.find((each) => each.type === type && each.status === "True");
  if (condition("Complete") !== undefined) return { state: "complete" };
  const failed = condition("Failed") ?? condition("FailureTarget");
  if (failed !== undefined) return { state: "failed", error: failureOf(name, failed, pods) };

  const active = pods.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined && (status?.phase === "Pending" || status?.phase === "Running"),
  );
  for (const pod of active) {
    const waiting = pod.status?.containerStatuses?.find(({ state }) => state?.waiting !== undefined)?.state?.waiting;
    if (waiting?.reason !== undefined && IMAGE_REASONS.has(waiting.reason))
      return blocked(
        "image_unavailable",
        `pod ${pod.metadata.name} cannot start: ${waiting.reason}: ${waiting.message ?? ""}`,
        pod.metadata.creationTimestamp,
      );
  }
  const running = active.filter(({ status }) => status?.phase === "Running");
  const done = `${job.status?.succeeded ?? 0} of ${job.spec?.completions ?? 1} done`;
  // one that trains is progress, even if others find no room yet
  if (running.length > 0) return { state: "running", message: `${running.length} pods train, ${done}` };
  for (const pod of active) {
    const scheduled = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
    if (scheduled?.status === "False" && scheduled.reason === "Unschedulable")
      return blocked(
        "no_capacity",
        `no node takes pod ${pod.metadata.name}: ${scheduled.message ?? ""}`,
        pod.metadata.creationTimestamp,
      );
  }
  if (active.length > 0) return { state: "starting", message: `${active.length} pods start, ${done}` };
  const refused = events.filter(({ reason, message = "" }) => reason === "FailedCreate" && QUOTA.test(message)).at(-1);
  if (refused !== undefined)
    return blocked(
      "no_capacity",
      `the namespace has no room for pods of Job ${name}: ${refused.message ?? ""}`,
      job.metadata.creationTimestamp,
    );
  return { state: "starting", message: `no pod yet, ${done}` };
}

const blocked = (code: ErrorCode, message: string, since: string | undefined): JobState => ({
  state: "blocked",
  error: new RequeenError(code, message.trim().slice(0, 1_000)),
  sinceMs: since === undefined ? Number.NaN : Date.parse(since),
});

function failureOf(
  name: string,
  { reason = "", message = "" }: { reason?: string; message?: string },
  pods: readonly Pod[],
): RequeenError {
  if (reason === "DeadlineExceeded")
    return new RequeenError("job_lost", `Job ${name} took longer than cluster.deadlineSeconds allow`, { job: name, reason });
  const last = pods.flatMap(lastWords).toSorted((a, b) => Number(b.known !== null) - Number(a.known !== null))[0];
  if (last === undefined)
    return new RequeenError("job_lost", `Job ${name} failed (${reason}: ${message}), and no pod of it is left to say why`, {
      job: name,
      reason,
    });
  const details = { job: name, pod: last.pod, reason, exit_code: last.exitCode };
  if (last.known !== null) return new RequeenError(last.known.code, `${last.known.message} (pod ${last.pod})`, details);
  if (last.reason === "OOMKilled")
    return new RequeenError(
      "out_of_memory",
      `pod ${last.pod} needed more memory than its limit; raise cluster.resources.memoryLimit`,
      details,
    );
  if (last.exitCode === null)
    return new RequeenError("job_lost", `pod ${last.pod} was lost: ${last.reason}: ${last.text}`.trim(), details);
  return new RequeenError(
    "job_failed",
    `pod ${last.pod} ended with exit code ${last.exitCode} (${last.reason}): ${last.text}`,
    details,
  );
}

interface LastWords {
  readonly pod: string;
  /** Null: the pod failed without its container having ended by itself. */
  readonly exitCode: number | null;
  readonly reason: string;
  readonly text: string;
  /** An error of ours, when the container could still say it. */
  readonly known: { readonly code: ErrorCode; readonly message: string } | null;
}

function lastWords({ metadata, status }: Pod): LastWords[] {
  if (status?.phase !== "Failed") return [];
  const ended = status.containerStatuses?.find(({ state }) => state?.terminated !== undefined)?.state?.terminated;
  const message = ended?.message?.trim() ?? status.message ?? "";
  const lines = message.split("\n");
  return [
    {
      pod: metadata.name,
      // the kubelet's own eviction kills the container (137, or 143 after SIGTERM): the pod's reason tells
      exitCode: ended === undefined || status.reason === "Evicted" || status.reason === "NodeLost" ? null : ended.exitCode,
      reason: status.reason ?? ended?.reason ?? "",
      text: lines.slice(-5).join(" ").slice(-600),
      known: lines.map(problemOf).findLast((problem) => problem !== null) ?? null,
    },
  ];
}

/** A line of `--json`: the problem document of an error. */
function problemOf(line: string): LastWords["known"] {
  if (!line.startsWith("{")) return null;
  try {
    const value = JSON.parse(line) as { code?: unknown; detail?: unknown };
    if (typeof value.code !== "string" || typeof value.detail !== "string" || !Object.hasOwn(ERRORS, value.code)) return null;
    const code = value.code as ErrorCode;
    return { code, message: value.detail.replace(`${code}: `, "") };
  } catch {
    // the kubelet cuts long messages anywhere
    return null;
  }
}
