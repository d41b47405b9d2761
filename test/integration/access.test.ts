import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Identity, mayDo, ROLE_NAMES, type Role } from "../../src/core/identity.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { createToken } from "../../src/loop/tokens.ts";
import { ACCESS } from "./support/access-table.ts";
import { type GuardedApi, HOST, mint, openGuardedApi } from "./support/open-guarded-api.ts";
import { addToyLabels } from "./support/open-house.ts";

let api: GuardedApi;
beforeAll(async () => {
  api = await openGuardedApi();
  await api.app.ready();
});
afterAll(() => api[Symbol.asyncDispose]());

interface Sent {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function send(method: string, url: string, token: string | null, payload?: object): Promise<Sent> {
  const answer = await api.app.inject({
    method: method as "GET",
    url,
    headers: { host: HOST, ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
    ...(payload === undefined ? {} : { payload }),
    payloadAsStream: true, // the event stream never ends
  });
  if (!String(answer.headers["content-type"]).includes("json")) {
    answer.stream().destroy();
    return { status: answer.statusCode, body: {} };
  }
  const parts: Buffer[] = [];
  for await (const part of answer.stream()) parts.push(Buffer.from(part as Uint8Array));
  return { status: answer.statusCode, body: JSON.parse(Buffer.concat(parts).toString() || "{}") as Record<string, unknown> };
}

/** With something in the place of each parameter: a specialist of the token's scope, ids that nobody has. */
const example = (url: string): string => url.replace(":specialist", "toy").replaceAll(/:[a-z_]+/gi, "nothing");
const tokenOf = (role: Role): Promise<string> => mint({ sub: `a-${role}`, roles: [role], specialists: ["toy"] });

describe("who may use which route", () => {
  const key = ({ method, url }: { method: string; url: string }): string => `${method} ${url}`;

  test("every route below /api/ stands in the table with its permission, and the table has no other", () => {
    const routes = api.app.routeAccess.filter(({ method }) => method !== "HEAD");
    expect(Object.fromEntries(routes.map((route) => [key(route), route.permission]).sort())).toEqual(
      Object.fromEntries(Object.entries(ACCESS).sort()),
    );
  });

  test("without a token nothing but what is public answers", async () => {
    for (const [route, permission] of Object.entries(ACCESS)) {
      const [method = "", url = ""] = route.split(" ");
      const { status } = await send(method, example(url), null, method === "POST" ? {} : undefined);
      if (permission !== "public") expect([route, status]).toEqual([route, 401]);
    }
  });

  test.each(ROLE_NAMES)("%s: exactly the routes whose permission it has", async (role) => {
    const token = await tokenOf(role);
    for (const [route, permission] of Object.entries(ACCESS)) {
      if (permission === "public") continue;
      const [method = "", url = ""] = route.split(" ");
      const { status, body } = await send(method, example(url), token, method === "GET" ? undefined : {});
      const may = permission === "signed_in" || mayDo({ roles: [role] }, permission);
      if (may) {
        expect([route, [401, 403, 500].includes(status) ? body : "answered"]).toEqual([route, "answered"]);
      } else expect([route, status, body.permission]).toEqual([route, 403, permission]);
    }
  });
});

describe("the embedded MLflow server asks for the same tokens", () => {
  const create = (authorization: string) =>
    api.app.inject({
      method: "POST",
      url: "/api/2.0/mlflow/registered-models/create",
      headers: { host: HOST, authorization },
      payload: { name: `model-${authorization.length}-${Math.abs(hash(authorization))}` },
    });
  const hash = (text: string): number => [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 7);

  test.each<[Role, number]>([
    ["registry_writer", 200],
    ["ml_engineer", 200],
    ["registry_reader", 403],
    ["reviewer", 403],
  ])("%s writes a model: %i", async (role, status) => {
    expect((await create(`Bearer ${await tokenOf(role)}`)).statusCode).toBe(status);
  });
  test("as the password of basic authentication, whatever the user", async () => {
    const token = await tokenOf("registry_promoter");
    expect((await create(`Basic ${Buffer.from(`anyone:${token}`).toString("base64")}`)).statusCode).toBe(200);
    expect((await create(`Basic ${Buffer.from("admin:password").toString("base64")}`)).statusCode).toBe(401);
  });
});

describe("the scope of a token", () => {
  /** One thing of each kind that belongs to the specialist `toy`. */
  const things = async (): Promise<Readonly<Record<string, string>>> => {
    const { house } = api.opened;
    await addToyLabels(house, { from: 0, count: 120, noise: 0.1, startMs: Date.now() - 90 * 86_400_000 });
    const run = await retrain(house, { specialist: "toy", by: "ann", reason: "person", promoteIfBetter: true });
    const { items: feedback } = await house.store.listFeedback({ specialist: "toy" }, { limit: 1 });
    return {
      opinion: "opinion-0",
      feedback: String(feedback[0]?.feedback_id),
      run: run.run_id,
      dataset: String(run.dataset_id),
      verdict: String(run.verdict_id),
    };
  };
  /** Which thing the parameter of a route names, by how the route begins; null: nothing of a single specialist. */
  const KINDS: readonly (readonly [string, string | null])[] = [
    ["/api/v1/feedback/opinion/", "opinion"],
    ["/api/v1/feedback/", "feedback"],
    ["/api/v1/opinions/", "opinion"],
    ["/api/v1/runs/", "run"],
    ["/api/v1/datasets/", "dataset"],
    ["/api/v1/verdicts/", "verdict"],
    ["/api/v1/specialists/", "specialist"],
    ["/api/v1/models/", "specialist"],
    ["/api/v1/imports/", null], // each person has imports of its own
    ["/api/v1/quarantine/", null], // documents that could not be read; those of a scope are filtered
    ["/api/v1/review/claims/", null], // each reviewer has claims of its own
    ["/api/v1/tokens/", null],
  ];
  const BODIES: Readonly<Record<string, object>> = {
    "PATCH /api/v1/feedback/:id": { human_recommendation: "no" },
    "POST /api/v1/specialists/:specialist/judge": { columns: { a: 1, b: 1, noise: 0 } },
    "POST /api/v1/specialists/:specialist/promote": { version: "1", reason: "a try" },
    "POST /api/v1/specialists/:specialist/rollback": { reason: "a try" },
    "POST /api/v1/verdicts/:id/approve": { reason: "a try" },
    "POST /api/v1/verdicts/:id/decline": { reason: "a try" },
  };

  test("closes every route that names a thing of another specialist, and opens it to the specialist's own", async () => {
    const found = await things();
    const other = await mint({ sub: "bob", roles: ["ml_engineer"], specialists: ["business"] });
    const own = await mint({ sub: "ann", roles: ["ml_engineer"], specialists: ["toy"] });
    for (const route of Object.keys(ACCESS).filter((name) => name.includes("/:"))) {
      const [method = "", path = ""] = route.split(" ");
      const kind = KINDS.find(([beginning]) => path.startsWith(beginning))?.[1];
      expect([route, kind]).not.toEqual([route, undefined]);
      if (kind === null || kind === undefined) continue;
      const url = path
        .replace(/:(id|opinion_id|specialist)/, kind === "specialist" ? "toy" : (found[kind] ?? ""))
        .replace(":version", "1")
        .replace("*", "model.onnx");
      const body = method === "GET" || method === "DELETE" ? undefined : (BODIES[route] ?? {});
      const refused = await send(method, url, other, body);
      expect([route, refused.status, refused.body.specialist]).toEqual([route, 403, "toy"]);
      if (method === "GET")
        expect([route, (await send(method, url, own)).status]).toEqual([route, expect.not.toBeOneOf([401, 403])]);
    }
  });

  test("holds for what is sent and for lists", async () => {
    const all = await mint({ sub: "eve", roles: ["ml_engineer"] });
    const other = await mint({ sub: "bob", roles: ["ml_engineer"], specialists: ["business", "technical"] });
    const own = await mint({ sub: "ann", roles: ["specialist_reviewer"], specialists: ["toy"] });
    const { body } = await send("POST", "/api/v1/specialists/toy/judge", all, { columns: { a: 0.1, b: 0.2, noise: 0.3 } });
    const feedback = { opinion_id: body.opinion_id, human_recommendation: "yes", human_rating: 1 };
    expect((await send("POST", "/api/v1/feedback", other, feedback)).status).toBe(403);
    expect((await send("POST", "/api/v1/feedback", own, feedback)).status).toBe(201);
    expect((await send("GET", "/api/v1/opinions/pending?specialist=toy", other)).status).toBe(403);
    // several specialists and none named: it must be said which
    expect(await send("GET", "/api/v1/opinions", other)).toMatchObject({
      status: 403,
      body: { scope: ["business", "technical"] },
    });
    expect((await send("GET", "/api/v1/status", other)).body.specialists).toEqual([]);
    const { opinions } = (await send("GET", "/api/v1/opinions?limit=1000", own)).body as {
      opinions: { specialist_type: string }[];
    };
    expect(new Set(opinions.map(({ specialist_type }) => specialist_type))).toEqual(new Set(["toy"]));
  });
});

describe("API keys over HTTP", () => {
  test("an admin makes, lists and revokes one; its labels are a program's, whatever the body says; it never comes back", async () => {
    const admin = await tokenOf("admin");
    const made = await send("POST", "/api/v1/tokens", admin, { name: "ci", specialists: ["toy"], expires_in: "12h" });
    expect(made).toMatchObject({ status: 201, body: { name: "ci", roles: ["program"], state: "active", created_by: "a-admin" } });
    const key = String(made.body.token);
    expect(key).toMatch(/^rq_[0-9a-f]{16}_[\w-]{43}$/);
    expect((await send("GET", "/api/v1/me", key)).body).toMatchObject({
      subject: "program:ci",
      permissions: ["read", "judge", "feedback"],
      specialists: ["toy"],
      channel: "program",
      via: "api_key",
    });

    const { body: opinion } = await send("POST", "/api/v1/specialists/toy/judge", key, { columns: { a: 1, b: 2, noise: 0 } });
    const feedback = { opinion_id: opinion.opinion_id, human_recommendation: "yes", human_rating: 1, manual_review: true };
    expect((await send("POST", "/api/v1/feedback", key, feedback)).status).toBe(201);
    const { items } = await api.opened.house.store.listFeedback({ opinionId: String(opinion.opinion_id) }, { limit: 10 });
    expect(items).toMatchObject([{ submitted_by: "program:ci", evidence: { tier: "rule", channel: "program" } }]);

    const listed = await send("GET", "/api/v1/tokens", admin);
    expect(JSON.stringify(listed.body)).not.toContain(key.slice(20));
    expect(JSON.stringify(listed.body)).not.toMatch(/sha256|secret/);
    const id = String(made.body.token_id);
    expect(await send("DELETE", `/api/v1/tokens/${id}`, admin)).toMatchObject({ status: 200, body: { state: "revoked" } });
    expect(await send("GET", "/api/v1/me", key)).toMatchObject({ status: 401, body: { reason: "revoked" } });
    expect((await send("DELETE", `/api/v1/tokens/${id}`, admin)).body.revoked_by).toBe("a-admin");
  });

  test.each<[string, object, RegExp]>([
    ["a person's role", { name: "x", roles: ["reviewer"] }, /roles\.0 must be one of program, registry_reader, .*got "reviewer"/],
    ["a name that could be a person's", { name: "Ann Smith" }, /name/],
    ["somebody who answers for rule labels", { name: "x", vouched_by: "ann" }, /vouched_by/],
    ["a life of a century", { name: "x", expires_in: "36500d" }, /at most ten years/],
    ["a tier of people", { name: "x", tier: "blind" }, /tier/],
    ["a field that there is not", { name: "x", admin: true }, /admin/],
  ])("%s is refused", async (_title, body, detail) => {
    const answer = await send("POST", "/api/v1/tokens", await tokenOf("admin"), body);
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toMatch(detail);
  });

  test("labels of a key that somebody answers for are bulk, and the key says who that is", async () => {
    const house = { ...api.opened.house, actor: "eve" };
    const wanted = {
      name: "old",
      roles: ["program"],
      specialists: null,
      tier: "bulk",
      vouchedBy: null,
      expiresIn: "1h",
    } as const;
    const { token, vouched_by } = await createToken(house, wanted);
    expect(vouched_by).toBe("eve");
    const { body: opinion } = await send("POST", "/api/v1/specialists/toy/judge", token, { columns: { a: 1, b: 1, noise: 0 } });
    await send("POST", "/api/v1/feedback", token, { opinion_id: opinion.opinion_id, human_recommendation: "no" });
    const { items } = await house.store.listFeedback({ opinionId: String(opinion.opinion_id) }, { limit: 10 });
    expect(items).toMatchObject([{ evidence: { tier: "bulk", channel: "import_vouched", reviewer: "program:old" } }]);
  });
});

test("refusals stand in the audit log with who, what and which request; a request without credentials does not", async () => {
  await using guarded = await openGuardedApi();
  const ask = async (method: "GET" | "POST", url: string, headers: Record<string, string>) =>
    guarded.app.inject({ method, url, headers: { host: HOST, ...headers } });
  const viewer = await mint({ sub: "vic", roles: ["viewer"] });
  const expired = await mint({ sub: "vic", roles: ["viewer"], exp: 1_000 });
  const refused = await ask("POST", "/api/v1/tokens", { authorization: `Bearer ${viewer}` });
  await ask("POST", "/api/v1/tokens", { authorization: `Bearer ${viewer}` });
  await ask("GET", "/api/v1/status", { authorization: `Bearer ${expired}` });
  await ask("GET", "/api/v1/status", {});
  await ask("POST", "/api/2.0/mlflow/runs/create", { authorization: `Bearer ${viewer}` });
  await guarded.app.close();
  const { items } = await guarded.opened.house.store.listAudit({}, { limit: 100 });
  expect(items.map(({ actor, action, subject, details }) => [actor, action, subject, details])).toEqual([
    [
      "vic",
      "access.deny",
      "POST /api/v1/tokens",
      { code: "forbidden", permission: "administer", request_id: refused.headers["x-request-id"] },
    ],
    ["unknown", "access.deny", "GET /api/v1/status", expect.objectContaining({ code: "unauthenticated", reason: "expired" })],
    ["vic", "access.deny", "mlflow write", { code: "forbidden", permission: "registry_write", request_id: null }],
    ["vic", "access.deny", "POST /api/v1/tokens", expect.objectContaining({ repeated: 1 })],
  ]);
  expect(JSON.stringify(items)).not.toContain(viewer);
});

describe("the admin token", () => {
  const withToken = async (host: string, environment: Record<string, string>, yaml = "") => {
    await using guarded = await openGuardedApi({ host, environment, yaml });
    const token = guarded.auth.admin?.token ?? "a token that nobody gave";
    const { statusCode } = await guarded.app.inject({
      url: "/api/v1/me",
      headers: { host: HOST, authorization: `Bearer ${token}` },
    });
    return statusCode;
  };
  const secret = { JWT_SECRET_KEY: "a secret of thirty-two bytes ..." };
  test.each<[string, number, string, Record<string, string>, string]>([
    ["on the loopback address, also beside others", 200, "127.0.0.1", secret, ""],
    ["where others reach the server and no other tokens are configured", 200, "0.0.0.0", {}, ""],
    ["not where others reach the server and have tokens of their own", 401, "0.0.0.0", secret, ""],
    ["where the configuration says so", 200, "0.0.0.0", secret, "auth: { adminToken: on }\n"],
    ["not where the configuration says no", 401, "127.0.0.1", secret, "auth: { adminToken: off }\n"],
  ])("opens %s: %i", async (_title, status, host, environment, yaml) => {
    expect(await withToken(host, environment, yaml)).toBe(status);
  });
});

test("who I am: the identity as the server sees it", async () => {
  const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
  const token = await mint({ sub: "ann", roles: ["specialist_reviewer"], specialists: ["toy"] }, nowMs);
  const expected = {
    subject: "ann",
    roles: ["specialist_reviewer"],
    permissions: ["read", "feedback", "review"],
    specialists: ["toy"],
    channel: "person",
    via: "jwt",
    expires_at: new Date(nowMs + 3_600_000).toISOString(),
  } satisfies Omit<Identity, "expiresAtMs"> & Record<string, unknown>;
  expect((await send("GET", "/api/v1/me", token)).body).toEqual(expected);
});
