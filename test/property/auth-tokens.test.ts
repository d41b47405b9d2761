import fc from "fast-check";
import { SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROLE_NAMES } from "../../src/core/identity.ts";
import { type GuardedApi, HOST, JWT_SECRET, mint, openGuardedApi } from "../integration/support/open-guarded-api.ts";

/** Whatever is sent as a credential: it opens only what it was made for, and is never more than a refusal. */
let api: GuardedApi;
let right: string[];
beforeAll(async () => {
  api = await openGuardedApi({ host: "0.0.0.0" });
  const { json } = await api.app.inject({
    method: "POST",
    url: "/api/v1/tokens",
    headers: { host: HOST, authorization: `Bearer ${await mint({ sub: "eve", roles: ["admin"] })}` },
    payload: { name: "ci" },
  });
  right = [(json() as { token: string }).token, await mint({ sub: "ann", roles: ["viewer"] })];
});
afterAll(() => api[Symbol.asyncDispose]());

const ask = (headers: Record<string, string>, url = "/api/v1/me") => api.app.inject({ url, headers: { host: HOST, ...headers } });
const base64url = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("base64url"));
const json64 = fc.jsonValue({ depthSize: "small" }).map((value) => Buffer.from(JSON.stringify(value)).toString("base64url"));
const header64 = fc
  .record({
    alg: fc.constantFrom("none", "None", "HS256", "RS256", "ES256", "dir", "", "hs256"),
    typ: fc.constantFrom("JWT", "at+jwt", ""),
    kid: fc.option(fc.string({ maxLength: 8 }), { nil: undefined }),
    b64: fc.option(fc.boolean(), { nil: undefined }),
    crit: fc.option(fc.array(fc.constantFrom("b64", "exp", "x")), { nil: undefined }),
    zip: fc.option(fc.constant("DEF"), { nil: undefined }),
  })
  .map((value) => Buffer.from(JSON.stringify(value)).toString("base64url"));

const printable = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 200,
});
const token = fc.oneof(
  printable,
  fc.tuple(fc.constantFrom("rq_", "RQ_", "rq_0123456789abcdef_"), printable).map((parts) => parts.join("")),
  fc.tuple(fc.oneof(header64, json64, base64url), fc.oneof(json64, base64url), base64url).map((parts) => parts.join(".")),
);

test("garbage never authenticates and never breaks anything: as bearer, basic password or cookie, to the API and to MLflow", async () => {
  await fc.assert(
    fc.asyncProperty(token, fc.nat(3), async (text, way) => {
      const headers: Record<string, string>[] = [
        { authorization: `Bearer ${text}` },
        { authorization: text },
        { cookie: `requeen-session=${text}; __Host-requeen-session=${text}` },
        { authorization: `Basic ${Buffer.from(`x:${text}`).toString("base64")}` },
      ];
      const url = way === 3 ? "/api/2.0/mlflow/experiments/get?experiment_id=0" : "/api/v1/me";
      const { statusCode } = await ask(headers[way] ?? {}, url);
      expect(statusCode).toBe(401);
    }),
    { numRuns: 600 },
  );
});

test("a right credential with one character changed, added or left out is none", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1),
      fc.nat(),
      printable.filter((text) => text.length > 0),
      fc.nat(2),
      async (which, at, text, how) => {
        const whole = right[which] ?? "";
        const place = at % whole.length;
        const letter = text.charAt(0);
        const changed = whole.slice(0, place) + (how === 2 ? "" : letter) + whole.slice(how === 1 ? place : place + 1);
        fc.pre(changed !== whole);
        const { statusCode } = await ask({ authorization: `Bearer ${changed}` });
        expect(statusCode).toBe(401);
      },
    ),
    { numRuns: 400 },
  );
});

test("whatever a signed token claims, nobody gets a role that is not named, and nothing breaks", async () => {
  const key = new TextEncoder().encode(JWT_SECRET);
  const claim = fc.oneof(fc.jsonValue({ depthSize: "small" }), fc.constantFrom("admin", ["admin"], "viewer,admin"));
  await fc.assert(
    fc.asyncProperty(
      claim,
      claim,
      claim,
      fc.oneof(fc.integer(), fc.double(), fc.constant(4e9)),
      async (sub, roles, specialists, exp) => {
        const payload = JSON.parse(JSON.stringify({ sub, roles, specialists, exp })) as Record<string, unknown>;
        const signed = await new SignJWT(payload).setProtectedHeader({ alg: "HS256" }).sign(key);
        const answer = await ask({ authorization: `Bearer ${signed}` });
        expect([200, 401]).toContain(answer.statusCode);
        if (answer.statusCode !== 200) return;
        const me = answer.json() as { subject: unknown; roles: string[] };
        expect(me.subject).toBe(sub);
        const named = (Array.isArray(roles) ? roles : String(roles).split(/[\s,]+/)).map((name) => String(name).toLowerCase());
        for (const role of me.roles)
          expect([ROLE_NAMES, named]).toEqual([expect.arrayContaining([role]), expect.arrayContaining([role])]);
      },
    ),
    { numRuns: 300 },
  );
});
