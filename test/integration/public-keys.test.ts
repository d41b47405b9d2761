import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jwtReader } from "../../src/http/auth/jwt.ts";
import { keysOfFile, keysOfUrl } from "../../src/http/auth/public-keys.ts";

/** Public keys at an address: rotation, outage, and what the address may not do to us. */
const MINUTE = 60_000;
const keys = Object.fromEntries(["old", "new"].map((kid) => [kid, generateKeyPairSync("ec", { namedCurve: "P-256" })]));
let clockMs = 0;
let server: Server;
let url = "";
let published: string[] = [];
let fetches = 0;
let respond: "well" | "with 500" | "with a redirect" | "with too much" | "with no keys" | "not at all" = "well";
let events: string[] = [];

beforeEach(async () => {
  clockMs = Date.UTC(2026, 5, 1);
  [published, fetches, respond, events] = [["old"], 0, "well", []];
  server = createServer(async (request, response) => {
    fetches += 1;
    if (respond === "with 500") response.writeHead(500).end();
    else if (respond === "with a redirect") response.writeHead(302, { location: `${url}-elsewhere` }).end();
    else if (respond === "with too much") response.end(`{"keys":[],"more":"${"x".repeat(600_000)}"}`);
    else if (respond === "with no keys") response.end(`{"answer":42}`);
    else if (respond === "not at all") request.socket.destroy();
    else {
      const set = published.map(async (kid) => ({ ...(await exportJWK(publicKeyOf(kid))), kid }));
      response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: await Promise.all(set) }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise<void>((resolve) => void server.close(() => resolve()));
});

const publicKeyOf = (kid: string): KeyObject => (keys[kid] as (typeof keys)[string]).publicKey;
const sign = (kid: string, header: Record<string, unknown> = {}) =>
  new SignJWT({ sub: "ann", iss: "i", aud: "a", exp: Math.floor(clockMs / 1_000) + 3_600 })
    .setProtectedHeader({ alg: "ES256", kid, ...header })
    .sign((keys[kid] ?? keys.old).privateKey);

const reader = () =>
  jwtReader({
    secret: null,
    keyOf: keysOfUrl({ url, now: () => clockMs, log: (event) => void events.push(event) }),
    algorithms: ["ES256"],
    issuer: "i",
    audience: "a",
    clockToleranceSeconds: 0,
    claims: { subjectClaims: ["sub"], rolesClaims: ["roles"], specialistsClaims: ["specialists"], roles: {} },
    now: () => clockMs,
  });

describe("keys at an address", () => {
  test("are fetched at the first token, once, however many come together", async () => {
    const read = reader();
    const token = await sign("old");
    expect(fetches).toBe(0);
    await Promise.all(Array.from({ length: 20 }, () => read(token)));
    expect(fetches).toBe(1);
  });

  test("a new key is fetched when the first token names it, once", async () => {
    const read = reader();
    await read(await sign("old"));
    clockMs += MINUTE;
    published = ["old", "new"];
    const token = await sign("new");
    expect((await Promise.all(Array.from({ length: 20 }, () => read(token)))).map(({ subject }) => subject)).toEqual(
      Array(20).fill("ann"),
    );
    await read(await sign("old"));
    expect(fetches).toBe(2);
  });

  test("names that nobody has cost a fetch in 30 seconds, not one each", async () => {
    const read = reader();
    await read(await sign("old"));
    for (let attempt = 0; attempt < 50; attempt += 1) {
      clockMs += 1_000;
      const token = await sign("old", { kid: `made-up-${attempt}` });
      await expect(read(token)).rejects.toMatchObject({ code: "unauthenticated", details: { reason: "signature" } });
    }
    expect(fetches).toBe(2);
  });

  test.each(["with 500", "with a redirect", "with too much", "with no keys", "not at all"] as const)(
    "while the address answers %s, the keys at hand serve, for a day",
    async (outage) => {
      const read = reader();
      await read(await sign("old"));
      respond = outage;
      for (const hours of [1, 12, 23]) {
        clockMs = Date.UTC(2026, 5, 1) + hours * 60 * MINUTE;
        expect((await read(await sign("old"))).subject).toBe("ann");
      }
      clockMs += 2 * 60 * MINUTE;
      await expect(read(await sign("old"))).rejects.toMatchObject({ code: "identity_unavailable" });
      expect(events).toContain("keys_not_fetched");
      respond = "well";
      clockMs += MINUTE;
      expect((await read(await sign("old"))).subject).toBe("ann");
    },
  );

  test("without any keys yet a token is neither let in nor called wrong", async () => {
    respond = "with 500";
    await expect(reader()(await sign("old"))).rejects.toMatchObject({ code: "identity_unavailable" });
  });

  test("a key that was withdrawn opens nothing after ten minutes", async () => {
    const read = reader();
    await read(await sign("old"));
    published = ["new"];
    clockMs += 11 * MINUTE;
    await read(await sign("new"));
    await expect(read(await sign("old"))).rejects.toMatchObject({ details: { reason: "signature" } });
  });
});

test("a file that holds no keys is refused at the start, by name", async () => {
  await expect(keysOfFile("/nowhere/keys.json")).rejects.toMatchObject({
    code: "bad_config",
    message: expect.stringContaining("/nowhere/keys.json"),
  });
  await expect(keysOfFile("package.json")).rejects.toMatchObject({ code: "bad_config" });
});
