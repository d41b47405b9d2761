import { afterAll, beforeAll, expect, test } from "vitest";
import type { Identity } from "../../src/core/identity.ts";
import { digestHeader } from "../../src/http/digest-header.ts";
import type { OpenApi } from "./support/open-api.ts";
import { openApi } from "./support/open-api.ts";
import { addToyLabels } from "./support/open-house.ts";

/** What people do over HTTP about runs, verdicts and what is in production. */
let clockMs = Date.UTC(2026, 1, 1);
let api: OpenApi;
const PEOPLE: Readonly<Record<string, Pick<Identity, "roles" | "specialists">>> = {
  anna: { roles: ["admin"], specialists: null },
  rui: { roles: ["reviewer"], specialists: null },
  eva: { roles: ["ml_engineer"], specialists: ["another"] },
};
const as = (name: string) => ({ authorization: `Bearer ${name}` });

beforeAll(async () => {
  api = await openApi(() => clockMs, {
    authenticate: async (token) => ({
      ...{ subject: token ?? "", channel: "person", via: "jwt", expiresAtMs: null },
      ...(PEOPLE[token ?? ""] ?? { roles: ["admin"], specialists: null }),
    }),
  });
  await addToyLabels(api.opened.house, { from: 0, count: 200, noise: 0.05, startMs: clockMs - 30 * 86_400_000 });
});
afterAll(async () => await api[Symbol.asyncDispose]());

const ended = async (runId: string): Promise<string | undefined> => {
  const { house } = api.opened;
  await expect.poll(async () => (await house.store.getRun(runId))?.state, { timeout: 30_000 }).not.toBe("running");
  return (await house.store.getRun(runId))?.state;
};

test("a run goes on beside the server, under the name of who asked; a second one is refused while it does", async () => {
  const started = await api.send("POST", "/specialists/toy/retrain", { seed: 5 });
  expect([started.statusCode, started.json()]).toMatchObject([202, { state: "running", specialist: "toy" }]);
  expect(started.headers.location).toBe(`/api/v1/runs/${started.json().run_id}`);
  const second = await api.send("POST", "/specialists/toy/retrain", {});
  expect([second.statusCode, second.json().code]).toEqual([409, "run_active"]);
  expect(await ended(started.json().run_id)).toBe("finished");
  const run = (await api.get(`/runs/${started.json().run_id}`)).json();
  expect(run).toMatchObject({ promoted: true, options: { seed: 5 }, trigger: { reason: "person" }, champion_version: "1" });
  const resumed = await api.send("POST", `/runs/${run.run_id}/resume`);
  expect([resumed.statusCode, resumed.json().state]).toEqual([409, "finished"]);
}, 60_000);

test("a run that is under way is stopped and cancelled; what is in production stays", async () => {
  clockMs += 86_400_000;
  await addToyLabels(api.opened.house, { from: 1_000, count: 400, noise: 0.05, startMs: clockMs - 40_000_000 });
  const { run_id } = (await api.send("POST", "/specialists/toy/retrain", {})).json();
  const cancelled = await api.send("POST", `/runs/${run_id}/cancel`);
  expect([cancelled.statusCode, cancelled.json()]).toMatchObject([200, { state: "cancelled", promoted: false }]);
  expect((await api.get("/models/toy/champion")).json().version).toBe("1");
  const { audit } = (await api.get("/audit?subject=toy&limit=1000")).json();
  expect(audit.filter((entry: { details: { run_id?: string } }) => entry.details.run_id === run_id)).toMatchObject([
    { action: "run.ask" },
    { action: "run.cancelled" },
    { action: "run.cancel" },
  ]);
  const again = await api.send("POST", `/runs/${run_id}/cancel`);
  expect([again.statusCode, again.json().code]).toEqual([409, "conflict"]);
}, 60_000);

test("who may not is told so, whatever the address; a scope hides the rest", async () => {
  const paths: [string, object][] = [
    ["/specialists/toy/retrain", {}],
    ["/specialists/toy/promote", { version: "1", reason: "x" }],
    ["/specialists/toy/rollback", { reason: "x" }],
  ];
  for (const [path, body] of paths)
    for (const name of ["rui", "eva"]) {
      const answer = await api.send("POST", path, body, as(name));
      expect([path, name, answer.statusCode, answer.json().code]).toEqual([path, name, 403, "forbidden"]);
    }
  expect((await api.get("/status", as("eva"))).json().specialists).toEqual([]);
  const { runs } = (await api.get("/runs")).json();
  expect((await api.get(`/runs/${runs[0].run_id}`, as("eva"))).statusCode).toBe(403);
  expect((await api.get("/models/toy/1/files/MLmodel", as("eva"))).statusCode).toBe(403);
  expect((await api.get("/audit", as("rui"))).statusCode).toBe(403);
});

test("promote and rollback want a reason; production, history and audit tell it", async () => {
  expect((await api.send("POST", "/specialists/toy/rollback", {})).statusCode).toBe(400);
  const none = await api.send("POST", "/specialists/toy/rollback", { reason: "worse" });
  expect([none.statusCode, none.json().code]).toEqual([409, "no_predecessor"]);
  const unknown = await api.send("POST", "/specialists/toy/promote", { version: "9", reason: "x" });
  expect([unknown.statusCode, unknown.json().code]).toEqual([404, "model_not_found"]);
});

test("files of a model come checked, by safe paths only", async () => {
  const { files, sha256 } = (await api.get("/models/toy/champion")).json();
  for (const { path, size_bytes } of files) {
    const answer = await api.get(`/models/toy/1/files/${path}`);
    expect([path, answer.statusCode, answer.rawPayload.byteLength]).toEqual([path, 200, size_bytes]);
  }
  const native = await api.get("/models/toy/champion/files/model.requeen");
  expect(native.headers["repr-digest"]).toBe(digestHeader(sha256));
  for (const path of ["../1/MLmodel", "..%2F..%2Fadmin-token", "%2e%2e/admin-token", "nothing", "a//b", "/etc/passwd"]) {
    const answer = await api.get(`/models/toy/1/files/${path}`);
    expect([path, [400, 404].includes(answer.statusCode)]).toEqual([path, true]);
  }
  const { datasets } = (await api.get("/datasets")).json();
  const dataset = await api.get(`/datasets/${datasets[0].dataset_id}/file`);
  expect(dataset.headers["repr-digest"]).toBe(digestHeader(datasets[0].dataset_id));
  expect(dataset.rawPayload.byteLength).toBe(datasets[0].size_bytes);
});

test("a verdict that waits for nobody can be neither approved nor declined; what-if asks another policy", async () => {
  const { verdicts } = (await api.get("/verdicts")).json();
  const id = verdicts[0].verdict_id;
  expect((await api.get(`/verdicts/${id}/approval`)).json().state).toBe("not_asked");
  for (const answer of ["approve", "decline"])
    expect((await api.send("POST", `/verdicts/${id}/${answer}`, { reason: "x" })).json().code).toBe("conflict");
  expect((await api.send("POST", `/verdicts/${id}/recompute`, {})).json()).toMatchObject({ same: true, policy_changed: false });
  const strict = (await api.send("POST", `/verdicts/${id}/recompute`, { policy: "strict" })).json();
  expect(strict).toMatchObject({ policy_changed: true, verdict: { policy: { name: "strict" } } });
  const unknown = (await api.send("POST", `/verdicts/${id}/recompute`, { policy: "nosuch" })).json();
  expect(unknown).toMatchObject({ code: "bad_request", field: "policy", allowed: expect.arrayContaining(["strict"]) });
});
