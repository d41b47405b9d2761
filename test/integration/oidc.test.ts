import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type GuardedApi, HOST, openGuardedApi } from "./support/open-guarded-api.ts";
import { CLIENT, type OpenIdProvider, openIdProvider } from "./support/open-id-provider.ts";

/** Sign-in at an OpenID provider: the flow as a browser goes through it, and what an attacker would send instead. */
let provider: OpenIdProvider;
let api: GuardedApi;
let lateMs = 0;
const yaml = () => `auth:
  oidcIssuer: ${provider.issuer}
  oidcClientId: ${CLIENT.id}
  rolesClaims: [groups]
  roles: { hive-operators: ml_engineer }
`;

beforeAll(async () => {
  provider = await openIdProvider();
  api = await openGuardedApi({
    yaml: yaml(),
    environment: { REQUEEN_OIDC_CLIENT_SECRET: CLIENT.secret },
    now: () => Date.now() + lateMs,
  });
});
beforeEach(() => {
  provider.wrong = {};
  lateMs = 0;
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

const HEADERS = { host: HOST, "x-forwarded-proto": "https" };
const ANN = { sub: "ann", groups: ["hive-operators"] };
const get = (url: string, headers: Record<string, string> = {}) => api.app.inject({ url, headers: { ...HEADERS, ...headers } });
const cookieOf = (answer: Awaited<ReturnType<typeof get>>, name: string): string =>
  [answer.headers["set-cookie"]]
    .flat()
    .map((set) => String(set).split(";", 1)[0] ?? "")
    .find((set) => set.startsWith(`__Host-${name}=`) && !set.endsWith("=")) ?? "";

async function begin(returnTo = "/runs?state=running") {
  const answer = await get(`/auth/login?return_to=${encodeURIComponent(returnTo)}`);
  expect(answer.statusCode).toBe(303);
  return {
    address: String(answer.headers.location),
    cookie: cookieOf(answer, "requeen-login"),
    set: String(answer.headers["set-cookie"]),
  };
}
/** The browser comes back; only path and query reach the server. */
const comeBack = (address: string, cookie: string, headers: Record<string, string> = {}) => {
  const { pathname, search } = new URL(address);
  return get(pathname + search, { ...(cookie === "" ? {} : { cookie }), ...headers });
};

describe("a person signs in", () => {
  test("at the provider, with PKCE, state and nonce, and comes back signed in to where she was", async () => {
    const { address, cookie, set } = await begin();
    const asked = new URL(address);
    expect(asked.origin).toBe(provider.issuer);
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      client_id: CLIENT.id,
      response_type: "code",
      code_challenge_method: "S256",
      redirect_uri: `https://${HOST}/auth/callback`,
      scope: "openid profile",
    });
    for (const name of ["state", "nonce", "code_challenge"])
      expect(asked.searchParams.get(name)?.length).toBeGreaterThanOrEqual(43);
    expect(set).toMatch(/^__Host-requeen-login=[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600; Secure$/);
    expect(Buffer.from(cookie.split("=")[1] ?? "", "base64url").toString("latin1")).not.toContain(
      asked.searchParams.get("state"),
    );

    const back = await comeBack(provider.login(address, ANN), cookie);
    expect([back.statusCode, back.headers.location]).toEqual([303, "/runs?state=running"]);
    expect(back.headers["cache-control"]).toBe("no-store");
    const session = cookieOf(back, "requeen-session");
    expect(String(back.headers["set-cookie"])).toMatch(/requeen-login=; .*Max-Age=0.*requeen-session=[\w-]+; .*SameSite=Strict/);
    const me = (await get("/api/v1/me", { cookie: session })).json();
    expect(me).toMatchObject({ subject: "ann", roles: ["ml_engineer"], via: "session", channel: "person" });
  });

  test("and out: here at once, then at the provider", async () => {
    const { address, cookie } = await begin();
    const session = cookieOf(await comeBack(provider.login(address, ANN), cookie), "requeen-session");
    const out = await get("/auth/logout", { cookie: session });
    expect(out.statusCode).toBe(303);
    const where = new URL(String(out.headers.location));
    expect(where.href).toMatch(new RegExp(`^${provider.issuer}/logout\\?`));
    expect(where.searchParams.get("post_logout_redirect_uri")).toBe(`https://${HOST}/`);
    expect((await get("/api/v1/me", { cookie: session })).json()).toMatchObject({ status: 401, reason: "signed_out" });
    expect((await get("/auth/logout", { cookie: session })).headers.location).toBe("/");
  });

  test("without a role that means something here: known, and may do nothing", async () => {
    const { address, cookie } = await begin();
    const session = cookieOf(
      await comeBack(provider.login(address, { sub: "eve", groups: ["cafeteria"] }), cookie),
      "requeen-session",
    );
    expect((await get("/api/v1/me", { cookie: session })).json()).toMatchObject({ subject: "eve", roles: [], permissions: [] });
    expect((await get("/api/v1/status", { cookie: session })).statusCode).toBe(403);
  });

  test("a page asks whether there is a provider, without beginning anything", async () => {
    const answer = await api.app.inject({ method: "HEAD", url: "/auth/login", headers: HEADERS });
    expect([answer.statusCode, answer.headers["set-cookie"]]).toEqual([204, undefined]);
    await using without = await openGuardedApi();
    expect((await without.app.inject({ method: "HEAD", url: "/auth/login", headers: HEADERS })).statusCode).toBe(404);
  });
});

describe("nobody is signed in by", () => {
  const refusedBy = async (back: Awaited<ReturnType<typeof get>>, status: number, reason: string) => {
    expect([back.statusCode, back.json().reason]).toEqual([status, reason]);
    expect(cookieOf(back, "requeen-session")).toBe("");
  };

  test("an answer with another state: the attacker's code in the victim's browser", async () => {
    const [mine, theirs] = [await begin(), await begin()];
    await refusedBy(await comeBack(provider.login(theirs.address, ANN), mine.cookie), 401, "provider");
  });
  test("an answer without state", async () => {
    const { address, cookie } = await begin();
    const url = new URL(provider.login(address, ANN));
    url.searchParams.delete("state");
    await refusedBy(await comeBack(url.href, cookie), 401, "provider");
  });
  test("an answer in a browser that has not begun", async () => {
    const { address } = await begin();
    await refusedBy(await comeBack(provider.login(address, ANN), ""), 401, "provider");
    await refusedBy(await comeBack(provider.login(address, ANN), "__Host-requeen-login=bm9uc2Vuc2U"), 401, "provider");
  });
  test("a session cookie in the place of the login's", async () => {
    const { address, cookie } = await begin();
    const session = cookieOf(await comeBack(provider.login(address, ANN), cookie), "requeen-session");
    const again = await begin();
    const forged = session.replace("requeen-session", "requeen-login");
    await refusedBy(await comeBack(provider.login(again.address, ANN), forged), 401, "provider");
  });
  test("a code that was used before", async () => {
    const { address, cookie } = await begin();
    const back = provider.login(address, ANN);
    expect((await comeBack(back, cookie)).statusCode).toBe(303);
    await refusedBy(await comeBack(back, cookie), 401, "provider");
  });
  test("a code of another browser's sign-in: its verifier is not ours", async () => {
    const [mine, theirs] = [await begin(), await begin()];
    const stolen = new URL(provider.login(theirs.address, ANN));
    stolen.searchParams.set("state", new URL(mine.address).searchParams.get("state") ?? "");
    await refusedBy(await comeBack(stolen.href, mine.cookie), 401, "provider");
  });
  test.each<[string, OpenIdProvider["wrong"]]>([
    ["another nonce", { idToken: { nonce: "replayed" } }],
    ["no nonce", { idToken: { nonce: undefined } }],
    ["another issuer", { idToken: { iss: "https://evil.example" } }],
    ["another client's token", { idToken: { aud: "other-client" } }],
    ["a token that is over", { idToken: { exp: 1_000 } }],
    ["a key that the provider does not publish", { strangeKey: true }],
  ])("%s", async (_title, wrong) => {
    const { address, cookie } = await begin();
    provider.wrong = wrong;
    await refusedBy(await comeBack(provider.login(address, ANN), cookie), 401, "provider");
  });
  test("a person who may not be named so", async () => {
    const { address, cookie } = await begin();
    await refusedBy(await comeBack(provider.login(address, { sub: "program:ci" }), cookie), 401, "claims");
  });
  test("a sign-in that took longer than ten minutes", async () => {
    const { address, cookie } = await begin();
    lateMs = 10 * 60_000;
    await refusedBy(await comeBack(provider.login(address, ANN), cookie), 401, "expired");
  });
  test("a provider that says no", async () => {
    const { address, cookie } = await begin();
    const state = new URL(address).searchParams.get("state") ?? "";
    const denied = `https://${HOST}/auth/callback?error=access_denied&error_description=%3Cscript%3E&state=${state}`;
    const back = await comeBack(denied, cookie);
    expect(back.json()).toMatchObject({ status: 401, reason: "provider", provider_error: "access_denied" });
    expect(back.body).not.toContain("<script>");
  });
});

test("a failed sign-in leads a person to the page that says so, and stands in the audit log", async () => {
  const { address } = await begin();
  const back = await comeBack(provider.login(address, ANN), "", { accept: "text/html,application/xhtml+xml" });
  expect([back.statusCode, back.headers.location]).toEqual([303, "/sign-in?failed=provider"]);
  const { items } = await api.opened.house.store.listAudit({ subject: "GET /auth/callback" }, { limit: 1_000 });
  expect(items.at(-1)).toMatchObject({ action: "access.deny", details: { code: "unauthenticated", reason: "provider" } });
});

test.each(["https://evil.example/", "//evil.example", "/\\evil.example", "/auth/logout", "javascript:alert(1)", "/a\nb", ""])(
  "a sign-in never leads to %j",
  async (returnTo) => {
    const { address, cookie } = await begin(returnTo);
    expect((await comeBack(provider.login(address, ANN), cookie)).headers.location).toBe("/");
  },
);

test("while the provider is away the sign-in says so with 503, tokens go on working, and it recovers by itself", async () => {
  await using fresh = await openGuardedApi({ yaml: yaml(), environment: { REQUEEN_OIDC_CLIENT_SECRET: CLIENT.secret } });
  provider.wrong = { away: true };
  const login = () => fresh.app.inject({ url: "/auth/login", headers: HEADERS });
  expect((await login()).json()).toMatchObject({ status: 503, code: "identity_unavailable" });
  const admin = { ...HEADERS, authorization: `Bearer ${fresh.auth.admin?.token}` };
  expect((await fresh.app.inject({ url: "/api/v1/me", headers: admin })).statusCode).toBe(200);
  provider.wrong = {};
  const { address, cookie } = await begin();
  provider.wrong = { away: true };
  expect((await comeBack(provider.login(address, ANN), cookie)).statusCode).toBe(503);
  provider.wrong = {};
  expect((await login()).statusCode).toBe(303);
});
