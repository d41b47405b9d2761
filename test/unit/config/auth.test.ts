import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readConfig } from "../../../src/config/read-config.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "requeen-auth-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const SECRET = "a secret of thirty-two bytes ...";
const read = async (auth: string, environment: Record<string, string> = {}) => {
  writeFileSync(join(folder, "requeen.config.yaml"), `server: { publicUrl: "https://requeen.example" }\nauth: ${auth}\n`);
  return (await readConfig({ workingDirectory: folder, environment })).config;
};

test("the original names set what they say, and the secret shows nowhere", async () => {
  const config = await read("{}", {
    JWT_SECRET_KEY: SECRET,
    JWT_ALGORITHM: "HS256",
    JWT_ISSUER: "neural-hive",
    JWT_AUDIENCE: "specialists",
  });
  expect(config.auth).toMatchObject({ jwtAlgorithms: ["HS256"], jwtIssuer: "neural-hive", jwtAudience: "specialists" });
  expect(config.auth.jwtSecret?.reveal()).toBe(SECRET);
  expect(inspect(config) + JSON.stringify(config)).not.toContain(SECRET);
});

test("lists come from the environment with commas or spaces between", async () => {
  const { auth, server } = await read("{ jwksFile: keys.json, jwtIssuer: i, jwtAudience: a }", {
    REQUEEN_AUTH_JWT_ALGORITHMS: "RS256, EdDSA",
    REQUEEN_AUTH_ROLES_CLAIMS: "realm_access.roles groups",
    REQUEEN_SERVER_ALLOWED_HOSTS: "requeen,requeen.hive.svc",
  });
  expect(auth.jwtAlgorithms).toEqual(["RS256", "EdDSA"]);
  expect(auth.rolesClaims).toEqual(["realm_access.roles", "groups"]);
  expect(server.allowedHosts).toEqual(["requeen", "requeen.hive.svc"]);
});

const JWKS = "jwksUrl: https://id.example/keys, jwtIssuer: https://id.example, jwtAudience: requeen";
test.each<[string, string, Record<string, string>, RegExp]>([
  ["a secret that can be guessed", "{}", { JWT_SECRET_KEY: "x".repeat(31) }, /auth\.jwtSecret.*at least 32 bytes; got 31 bytes/],
  ["a session key that can be guessed", "{}", { REQUEEN_SESSION_SECRET: "short" }, /auth\.sessionSecret.*at least 32 bytes/],
  ["a JWKS without issuer", "{ jwksFile: k, jwtAudience: a }", {}, /auth\.jwtIssuer must be set with a JWKS/],
  ["a JWKS without audience", "{ jwksFile: k, jwtIssuer: i }", {}, /auth\.jwtAudience must be set with a JWKS/],
  [
    "keys that somebody on the way could change",
    `{ ${JWKS.replace("https", "http")} }`,
    {},
    /auth\.jwksUrl.*must begin with https/,
  ],
  ["unsigned tokens", `{ ${JWKS}, jwtAlgorithms: [none] }`, {}, /auth\.jwtAlgorithms\[0\]/],
  [
    "a symmetric algorithm with public keys alone",
    `{ ${JWKS}, jwtAlgorithms: [HS256] }`,
    {},
    /HS256, which needs JWT_SECRET_KEY/,
  ],
  ["an algorithm without keys", "{}", { JWT_SECRET_KEY: SECRET, JWT_ALGORITHM: "RS256" }, /RS256, which needs auth\.jwksUrl/],
  ["a secret in the file", "{ jwtSecret: abc }", {}, /auth\.jwtSecret.*is a secret: set JWT_SECRET_KEY/],
  ["a role that there is not", "{ roles: { team: superuser } }", {}, /auth\.roles\.team.*one of viewer/],
  ["OpenID without client", "{ oidcIssuer: https://id.example }", {}, /auth\.oidcClientId must be set/],
  ["OpenID over plain HTTP", "{ oidcIssuer: http://id.example, oidcClientId: r }", {}, /auth\.oidcIssuer.*must begin with https/],
  [
    "a redirect to elsewhere",
    "{ oidcIssuer: https://id.example, oidcClientId: r, oidcRedirectUri: https://requeen.example/other }",
    {},
    /must end in \/auth\/callback/,
  ],
  ["a door that nobody could open", "{ adminToken: off }", {}, /auth\.adminToken.*nobody else could come in/],
])("%s is refused by name", async (_title, auth, environment, message) => {
  await expect(read(auth, environment)).rejects.toMatchObject({ code: "bad_config", message: expect.stringMatching(message) });
});
