import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { type ClusterRequest, createClusterApi, retryConflicts } from "../../../src/cluster/api.ts";
import { RequeenError } from "../../../src/core/errors.ts";

type Reply = { readonly status: number; readonly body?: object | string; readonly headers?: Record<string, string> } | Error;

/** Answers in order, the last for ever. */
function apiOf(...replies: Reply[]) {
  const asked: ClusterRequest[] = [];
  const pauses: number[] = [];
  const api = createClusterApi({
    address: "https://api.test",
    pauseMs: (attempt) => {
      pauses.push(attempt);
      return 0;
    },
    transport: async (request) => {
      asked.push(request);
      const reply = replies[Math.min(asked.length, replies.length) - 1] ?? new Error("nothing to answer");
      if (reply instanceof Error) throw reply;
      const text = typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body ?? {});
      return { status: reply.status, headers: reply.headers ?? {}, body: Readable.from([Buffer.from(text)]) };
    },
  });
  return { api, asked, pauses };
}
const failure = (reason: string, message: string) => ({ kind: "Status", reason, message });

test("a server that is away, overloaded or restarting is asked again; the first real answer counts", async () => {
  const { api, asked, pauses } = apiOf(
    new Error("ECONNREFUSED"),
    { status: 503, body: "apiserver is shutting down" },
    { status: 429, headers: { "retry-after": "0" } },
    { status: 200, body: { metadata: { name: "j" } } },
  );
  expect(await api.get("jobs", "n", "j")).toMatchObject({ metadata: { name: "j" } });
  expect(asked).toHaveLength(4);
  expect(pauses).toEqual([1, 2, 3]);
});

test("one that stays away is cluster_unavailable, with what it said last", async () => {
  const { api, asked } = apiOf({ status: 500, body: failure("InternalError", "etcdserver: leader changed") });
  const failed = api.list("pods", "n", { labelSelector: "a=b" });
  await expect(failed).rejects.toMatchObject({ code: "cluster_unavailable", message: expect.stringContaining("leader changed") });
  expect(asked).toHaveLength(5);
});

test("refusals are told apart, and none is repeated", async () => {
  const cases: readonly [status: number, body: object, code: string][] = [
    [409, failure("AlreadyExists", 'jobs "j" already exists'), "already_exists"],
    [409, failure("Conflict", "the object has been modified"), "conflict"],
    [403, failure("Forbidden", 'jobs "j" is forbidden: exceeded quota: tight, requested: count/jobs.batch=1'), "no_capacity"],
    [403, failure("Forbidden", 'User "x" cannot create resource "jobs"'), "forbidden"],
    [401, failure("Unauthorized", "Unauthorized"), "unauthenticated"],
    [422, failure("Invalid", "spec.completions: Invalid value"), "bad_request"],
  ];
  for (const [status, body, code] of cases) {
    const { api, asked } = apiOf({ status, body });
    await expect(api.create("jobs", "n", {})).rejects.toMatchObject({ code });
    expect(asked).toHaveLength(1);
  }
});

test("what is not there is null, and deleting it is no failure", async () => {
  const { api } = apiOf({ status: 404, body: failure("NotFound", "not found") });
  expect(await api.get("deployments", "n", "d")).toBeNull();
  expect(await api.remove("jobs", "n", "j")).toBe(false);
});

test("a caller that stops is not kept by a server that is away", async () => {
  const { api } = apiOf(new Error("ECONNREFUSED"));
  const stop = new AbortController();
  stop.abort(new Error("stopped"));
  const wait = { resourceVersion: "1", timeoutMs: 60_000, signal: stop.signal };
  await api.untilChange("jobs", "n", { labelSelector: "a=b", ...wait });
});

test("a change that meets another's is made again from what is there then, and not for ever", async () => {
  let tries = 0;
  const conflict = () => new RequeenError("conflict", "modified");
  const work = async (): Promise<number> => {
    tries += 1;
    if (tries < 3) throw conflict();
    return tries;
  };
  expect(await retryConflicts(3, work)).toBe(3);
  await expect(retryConflicts(2, async () => Promise.reject(conflict()))).rejects.toMatchObject({ code: "conflict" });
});
