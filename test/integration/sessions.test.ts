import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type GuardedApi, HOST, mint, openGuardedApi } from "./support/open-guarded-api.ts";

/** Browsers: sign-in with a token, the cookie, and what protects it. */
let api: GuardedApi;
let clockMs = Date.UTC(2026, 5, 1);
beforeAll(async () => {
  api = await openGuardedApi({ now: () => clockMs });
});
beforeEach(() => {
  clockMs += 3_600_000;
});
afterAll(() => api[Symbol.asyncDispose]());

type Headers = Record<string, string>;
const OWN_PAGE: Headers = {
  host: HOST,
  origin: `https://${HOST}`,
  "sec-fetch-site": "same-origin",
  "x-forwarded-proto": "https",
};
const ask = (method: "GET" | "POST" | "DELETE", url: string, headers: Headers, payload?: object) =>
  api.app.inject({ method, url: `/api/v1${url}`, headers, ...(payload === undefined ? {} : { payload }) });

const token = (claims: Record<string, unknown> = {}) => mint({ sub: "ann", roles: ["admin"], ...claims }, clockMs);

async function signIn(claims: Record<string, unknown> = {}, headers: Headers = OWN_PAGE) {
  const answer = await ask("POST", "/session", headers, { token: await token(claims) });
  expect(answer.statusCode).toBe(201);
  const [set = ""] = [answer.headers["set-cookie"]].flat();
  const { csrf } = answer.json() as { csrf: string };
  return { set, cookie: set.split(";", 1)[0] ?? "", csrf, expiresAt: answer.json().expires_at as string };
}

describe("the cookie", () => {
  test("over TLS: for this host alone, out of scripts' sight, never from other sites", async () => {
    const { set } = await signIn();
    expect(set).toMatch(/^__Host-requeen-session=[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=3600; Secure$/);
  });
  test("over plain HTTP, on this machine: without Secure, or the browser would not keep it", async () => {
    const { set } = await signIn({}, { host: "localhost:8080", origin: "http://localhost:8080" });
    expect(set).toMatch(/^requeen-session=[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=3600$/);
  });
  test("over TLS one that lacks the prefix is not looked at: another host of the domain could have set it", async () => {
    const { cookie } = await signIn();
    expect((await ask("GET", "/me", { ...OWN_PAGE, cookie: cookie.replace("__Host-", "") })).statusCode).toBe(401);
  });
  test("signs in with the identity of the token, and ends with it", async () => {
    const { cookie, expiresAt } = await signIn({ roles: ["viewer"], specialists: ["toy"] });
    const me = await ask("GET", "/me", { ...OWN_PAGE, cookie: `theme=dark; ${cookie}` });
    expect(me.json()).toMatchObject({
      subject: "ann",
      roles: ["viewer"],
      specialists: ["toy"],
      via: "session",
      expires_at: expiresAt,
    });
    clockMs += 3_600_000;
    expect((await ask("GET", "/me", { ...OWN_PAGE, cookie })).json()).toMatchObject({ status: 401, reason: "expired" });
  });
  test("that somebody changed is refused", async () => {
    const { cookie } = await signIn();
    for (const changed of [`${cookie}A`, cookie.slice(0, -4), cookie.replace(/=./, (found) => (found === "=A" ? "=B" : "=A"))])
      expect((await ask("GET", "/me", { ...OWN_PAGE, cookie: changed })).json()).toMatchObject({
        status: 401,
        reason: "malformed",
      });
  });
  test("is not asked when a token comes too", async () => {
    const { cookie } = await signIn();
    const other = `Bearer ${await token({ sub: "bob" })}`;
    expect((await ask("GET", "/me", { ...OWN_PAGE, cookie, authorization: other })).json()).toMatchObject({
      subject: "bob",
      via: "jwt",
    });
    expect((await ask("GET", "/me", { ...OWN_PAGE, cookie, authorization: "Bearer nonsense" })).statusCode).toBe(401);
  });
});

test("signing out ends the session, also for who kept the cookie; a restarted server knows it still", async () => {
  const { cookie, csrf } = await signIn();
  const kept = await signIn();
  const out = await ask("DELETE", "/session", { ...OWN_PAGE, cookie, "x-requeen-csrf": csrf });
  expect(out.statusCode).toBe(204);
  expect(String(out.headers["set-cookie"])).toMatch(/^__Host-requeen-session=; .*Max-Age=0/);
  await using restarted = await openGuardedApi({ now: () => clockMs, folder: api.folder });
  for (const { app } of [api, restarted]) {
    const read = (value: string) => app.inject({ url: "/api/v1/me", headers: { ...OWN_PAGE, cookie: value } });
    expect((await read(cookie)).json()).toMatchObject({ status: 401, reason: "signed_out" });
    expect((await read(kept.cookie)).json()).toMatchObject({ subject: "ann" });
  }
});

test("programs get no session, nor does a token that does not open", async () => {
  for (const [claims, status] of [
    [{ roles: ["program"] }, 403],
    [{ exp: 1 }, 401],
  ] as const) {
    const answer = await ask("POST", "/session", OWN_PAGE, { token: await token(claims) });
    expect(answer.statusCode).toBe(status);
    expect(answer.headers["set-cookie"]).toBeUndefined();
  }
});

describe("a change with a session", () => {
  const change = async (headers: Headers) => {
    const { cookie, csrf } = await signIn();
    const filled = Object.fromEntries(
      Object.entries({ ...headers, cookie }).map(([name, value]) => [name, value === "CSRF" ? csrf : value]),
    );
    return ask("POST", "/tokens", filled, { name: "from-a-page" });
  };
  test("comes from a page of this server and carries its value", async () => {
    expect((await change({ ...OWN_PAGE, "x-requeen-csrf": "CSRF" })).statusCode).toBe(201);
    // browsers without Sec-Fetch-Site, and requests without Origin
    expect(
      (await change({ host: HOST, origin: `https://${HOST}`, "x-forwarded-proto": "https", "x-requeen-csrf": "CSRF" }))
        .statusCode,
    ).toBe(201);
    expect(
      (await change({ host: HOST, "sec-fetch-site": "same-origin", "x-forwarded-proto": "https", "x-requeen-csrf": "CSRF" }))
        .statusCode,
    ).toBe(201);
  });
  test.each<[string, Headers, number]>([
    ["without the value", OWN_PAGE, 401],
    ["with a value of somebody else's session", { ...OWN_PAGE, "x-requeen-csrf": "x".repeat(43) }, 401],
    ["that does not say where it comes from", { host: HOST, "x-forwarded-proto": "https", "x-requeen-csrf": "CSRF" }, 401],
    ["from a page of another site", { ...OWN_PAGE, origin: "https://evil.example", "x-requeen-csrf": "CSRF" }, 403],
    ["from a sandboxed frame", { ...OWN_PAGE, origin: "null", "x-requeen-csrf": "CSRF" }, 403],
    ["from another host of the domain", { ...OWN_PAGE, "sec-fetch-site": "same-site", "x-requeen-csrf": "CSRF" }, 401],
    [
      "from a page of this machine that is not ours",
      { ...OWN_PAGE, origin: "http://localhost:3000", "x-requeen-csrf": "CSRF" },
      401,
    ],
    ["to a host that is not ours", { ...OWN_PAGE, host: "evil.example", "x-requeen-csrf": "CSRF" }, 403],
  ])("%s is refused", async (_title, headers, status) => {
    expect((await change(headers)).statusCode).toBe(status);
  });
  test("with a token needs none of it: no browser adds a token by itself", async () => {
    const answer = await ask(
      "POST",
      "/tokens",
      { host: HOST, authorization: `Bearer ${await token()}` },
      { name: "from-a-script" },
    );
    expect(answer.statusCode).toBe(201);
  });
  test("reading needs none of it, and GET /session says the value again", async () => {
    const { cookie, csrf } = await signIn();
    const answer = await ask("GET", "/session", { host: HOST, "x-forwarded-proto": "https", cookie });
    expect(answer.json()).toMatchObject({ subject: "ann", csrf });
    expect((await ask("GET", "/session", { host: HOST })).json()).toMatchObject({ status: 401, reason: "missing" });
  });
});

test("a page of another site cannot sign the browser in as somebody else", async () => {
  for (const headers of [
    { ...OWN_PAGE, origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    { ...OWN_PAGE, origin: "http://localhost:3000", "sec-fetch-site": "cross-site" },
  ])
    expect((await ask("POST", "/session", headers, { token: await token() })).headers["set-cookie"]).toBeUndefined();
});

test("no answer about tokens or sessions is kept by a cache", async () => {
  const { cookie } = await signIn();
  const answers = [
    await ask("POST", "/session", OWN_PAGE, { token: await token() }),
    await ask("GET", "/session", { ...OWN_PAGE, cookie }),
    await ask("GET", "/me", { ...OWN_PAGE, cookie }),
  ];
  for (const { headers } of answers) expect(headers["cache-control"]).toBe("no-store");
});
