import { isRequeenError } from "../core/errors.ts";
import type { TaskContext } from "../loop/executor.ts";
import type { ClusterApi } from "./api.ts";
import type { Pod } from "./kinds.ts";

export interface PodLogs {
  /** Begins to follow those of the pods that run or ran and are not followed yet; tells of each that failed, once. */
  follow(pods: readonly Pod[]): void;
  /** Ends the following. Gives all lines, `{"pod","line"}` each, of the last MOST_CHARACTERS. */
  close(): Promise<string>;
}

type LogOptions = Pick<TaskContext, "onProgress" | "run" | "signal" | "log">;

const MOST_CHARACTERS = 4_000_000;
const INDEX_LABEL = "batch.kubernetes.io/job-completion-index";

/** Streams the pods' logs into ours: lines of progress move the run's progress, all others are logged with pod and run. */
export function followLogs(cluster: ClusterApi, namespace: string, { log, run, onProgress, signal }: LogOptions): PodLogs {
  const closed = new AbortController();
  const stop = AbortSignal.any([signal, closed.signal]);
  const following = new Map<string, Promise<void>>();
  /** Lines of each pod that were read, so that a log whose stream broke goes on where it stood. */
  const seen = new Map<string, number>();
  const lost = new Set<string>();
  const ended = new Set<string>();
  const kept: string[] = [];
  let size = 0;

  function keep(pod: string, line: string): void {
    const entry = JSON.stringify({ pod, line });
    kept.push(entry);
    for (size += entry.length + 1; size > MOST_CHARACTERS && kept.length > 1; ) size -= (kept.shift()?.length ?? 0) + 1;
  }

  async function read({ metadata }: Pod): Promise<void> {
    const index = Number(metadata.labels?.[INDEX_LABEL] ?? 0);
    let count = 0;
    try {
      for await (const line of cluster.logs(namespace, metadata.name, { follow: true, signal: stop })) {
        count += 1;
        if (count <= (seen.get(metadata.name) ?? 0)) continue;
        seen.set(metadata.name, count);
        const share = shareOf(line);
        if (share !== null) onProgress(index, share);
        else if (line !== "") {
          keep(metadata.name, line);
          log("job.log", { run_id: run.run_id, pod: metadata.name, line });
        }
      }
    } catch (error) {
      // the pod went away with its log, or the server did: the Job's state tells what that means; the next look tries again
      if (stop.aborted) return;
      following.delete(metadata.name);
      const code = isRequeenError(error) ? error.code : "internal";
      if (!lost.has(metadata.name)) log("job.log_lost", { run_id: run.run_id, pod: metadata.name, code });
      lost.add(metadata.name);
    }
  }

  /** `Evicted`, `DeletionByPodGC`, `Error`, ...: the Job makes another, or ends for it. */
  function tellEnd({ metadata, status }: Pod): void {
    if (ended.has(metadata.name)) return;
    ended.add(metadata.name);
    const disrupted = status?.conditions?.find(({ type, status: is }) => type === "DisruptionTarget" && is === "True");
    const container = status?.containerStatuses?.[0]?.state?.terminated;
    const reason = disrupted?.reason ?? status?.reason ?? container?.reason ?? "unknown";
    log(disrupted === undefined ? "job.pod_failed" : "job.pod_lost", {
      run_id: run.run_id,
      pod: metadata.name,
      reason,
      exit_code: container?.exitCode ?? null,
    });
  }

  return {
    follow(pods) {
      for (const pod of pods) {
        const { phase } = pod.status ?? {};
        if (phase === "Failed") tellEnd(pod);
        if (phase === undefined || phase === "Pending" || following.has(pod.metadata.name)) continue;
        following.set(pod.metadata.name, read(pod));
      }
    },
    async close() {
      // what ended pods still have to say comes at once; a log that goes on is cut
      const timer = setTimeout(() => closed.abort(), 2_000);
      await Promise.all(following.values());
      clearTimeout(timer);
      return kept.length === 0 ? "" : `${kept.join("\n")}\n`;
    },
  };
}

/** `{"event":"train.progress","share":0.5}` of `requeen train-job`. */
function shareOf(line: string): number | null {
  if (!line.startsWith('{"event":"train.progress"')) return null;
  try {
    const { share } = JSON.parse(line) as { share?: unknown };
    return typeof share === "number" && share >= 0 && share <= 1 ? share : null;
  } catch {
    // the log was cut in the middle of a line
    return null;
  }
}
