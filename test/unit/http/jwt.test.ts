import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { createLocalJWKSet, exportJWK, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { isRequeenError } from "../../../src/core/errors.ts";
import { type JwtRules, jwtReader } from "../../../src/http/auth/jwt.ts";
import type { KeyOf } from "../../../src/http/auth/public-keys.ts";

const NOW = Date.UTC(2026, 5, 1);
const seconds = (ms: number) => Math.floor(ms / 1_000);
const SECRET = new TextEncoder().encode("a secret of thirty-two bytes ...");
const CLAIMS = { subjectClaims: ["sub"], rolesClaims: ["roles"], specialistsClaims: ["specialists"], roles: {} };

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 });
let keyOf: KeyOf;
beforeAll(async () => {
  const keys = await Promise.all(
    [rsa, ec, ed].map(async ({ publicKey }, index) => ({ ...(await exportJWK(publicKey)), kid: ["rsa", "ec", "ed"][index] })),
  );
  const set = createLocalJWKSet({ keys });
  keyOf = (header) => set(header);
});

const rules = (change: Partial<JwtRules> = {}): JwtRules => ({
  secret: SECRET,
  keyOf,
  algorithms: ["HS256", "RS256", "ES256", "EdDSA"],
  issuer: "neural-hive",
  audience: "specialists",
  clockToleranceSeconds: 30,
  claims: CLAIMS,
  now: () => NOW,
  ...change,
});
const read = (token: string, change: Partial<JwtRules> = {}) => jwtReader(rules(change))(token);

interface Wanted {
  readonly payload?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
}
const claims = (change: Record<string, unknown> = {}) => ({
  sub: "ann",
  roles: ["reviewer"],
  iss: "neural-hive",
  aud: "specialists",
  exp: seconds(NOW) + 60,
  ...change,
});
const hs = ({ payload = {}, header = {} }: Wanted = {}, key: Uint8Array = SECRET) =>
  new SignJWT(claims(payload)).setProtectedHeader({ alg: "HS256", ...header }).sign(key);
const text = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("a token that opens", () => {
  test("HS256, and its end goes with the identity", async () => {
    expect(await read(await hs())).toEqual({
      subject: "ann",
      roles: ["reviewer"],
      specialists: null,
      channel: "person",
      via: "jwt",
      expiresAtMs: (seconds(NOW) + 60) * 1_000,
    });
  });
  test.each([
    ["RS256", "rsa", rsa.privateKey],
    ["ES256", "ec", ec.privateKey],
    ["EdDSA", "ed", ed.privateKey],
  ])("%s with a key of the set", async (alg, kid, key) => {
    const token = await new SignJWT(claims()).setProtectedHeader({ alg, kid }).sign(key);
    expect((await read(token)).subject).toBe("ann");
  });
  test("one of several audiences, and a clock that is a little off", async () => {
    expect((await read(await hs({ payload: { aud: ["other", "specialists"], exp: seconds(NOW) - 20 } }))).subject).toBe("ann");
    expect((await read(await hs({ payload: { nbf: seconds(NOW) + 20 } }))).subject).toBe("ann");
  });
});

const refusals: [string, () => Promise<string> | string, string][] = [
  ["an expired one", () => hs({ payload: { exp: seconds(NOW) - 31 } }), "expired"],
  ["one without end", () => hs({ payload: { exp: undefined } }), "claims"],
  ["one whose end is no number", () => hs({ payload: { exp: "tomorrow" as unknown as number } }), "claims"],
  ["one that is not valid yet", () => hs({ payload: { nbf: seconds(NOW) + 31 } }), "not_yet_valid"],
  ["one of another issuer", () => hs({ payload: { iss: "elsewhere" } }), "issuer"],
  ["one without issuer", () => hs({ payload: { iss: undefined } }), "issuer"],
  ["one for another service", () => hs({ payload: { aud: ["billing"] } }), "audience"],
  ["one without audience", () => hs({ payload: { aud: undefined } }), "audience"],
  ["one signed with another secret", () => hs({}, new TextEncoder().encode("another secret of 32 bytes ......")), "signature"],
  ["one without subject", () => hs({ payload: { sub: undefined } }), "claims"],
  ["an unsigned one", () => new UnsecuredJWT(claims()).encode(), "algorithm"],
  ["one that says `none` in capitals", () => `${text({ alg: "NONE" })}.${text(claims())}.`, "algorithm"],
  [
    "an algorithm that is not accepted",
    () => new SignJWT(claims()).setProtectedHeader({ alg: "HS512" }).sign(SECRET),
    "algorithm",
  ],
  [
    "a public key used as a secret",
    () =>
      new SignJWT(claims())
        .setProtectedHeader({ alg: "HS256", kid: "rsa" })
        .sign(new TextEncoder().encode(String(createPublicKey(rsa.privateKey).export({ type: "spki", format: "pem" })))),
    "signature",
  ],
  [
    "a stranger's key under a known name",
    () => new SignJWT(claims()).setProtectedHeader({ alg: "RS256", kid: "rsa" }).sign(stranger.privateKey),
    "signature",
  ],
  [
    "a key that it brings along",
    async () =>
      new SignJWT(claims())
        .setProtectedHeader({ alg: "RS256", jwk: await exportJWK(stranger.publicKey), kid: "mine" })
        .sign(stranger.privateKey),
    "signature",
  ],
  [
    "an extension that must be understood",
    () => `${text({ alg: "HS256", crit: ["x"], x: 1 })}.${text(claims())}.AA`,
    "malformed",
  ],
  ["a changed body", async () => (await hs()).replace(/\.[^.]+\./, `.${text(claims({ roles: ["admin"] }))}.`), "signature"],
  ["a body that is no JSON", async () => `${text({ alg: "HS256" })}.bm8ganNvbg.AAAA`, "signature"],
  ["no token at all", () => "not-a-token", "malformed"],
  ["five parts", () => "a.b.c.d.e", "malformed"],
  ["a novel", () => `${"a".repeat(20_000)}.b.c`, "malformed"],
];
test.each(refusals)("%s is refused by name", async (_title, make, reason) => {
  await expect(read(await make())).rejects.toMatchObject({ code: "unauthenticated", details: { reason } });
});

test("without public keys their algorithms are refused, also where they are accepted by name; the same without a secret", async () => {
  const token = await new SignJWT(claims()).setProtectedHeader({ alg: "RS256", kid: "rsa" }).sign(rsa.privateKey);
  await expect(read(token, { keyOf: null })).rejects.toMatchObject({ details: { reason: "algorithm" } });
  await expect(read(await hs(), { secret: null })).rejects.toMatchObject({ details: { reason: "algorithm" } });
});

test("no refusal says what the token was", async () => {
  for (const [, make] of refusals) {
    const token = await make();
    const error: unknown = await read(token).catch((thrown: unknown) => thrown);
    if (!isRequeenError(error)) throw new Error("it was let in");
    expect(JSON.stringify([error.message, error.details])).not.toContain(token.slice(0, 40));
  }
});
