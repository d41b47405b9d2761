import { z } from "zod";
import { roleSchema } from "../core/identity.ts";
import { secret } from "./secret-setting.ts";

/** Signatures that a token may have. `none` is not among them, and a family of algorithms is only tried with keys of that family. */
export const JWT_ALGORITHMS = [
  "HS256",
  "HS384",
  "HS512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;

const claim = z.string().regex(/^[^\s.]+(\.[^\s.]+)*$/, "the name of a claim, with dots for claims inside claims");
const claims = (names: string[], description: string, env: string) =>
  z
    .array(claim)
    .min(1)
    .default(names)
    .meta({ description, env: [env] });
const url = z.string().regex(/^https?:\/\/[^/]+/, "an address, https://...");

/** The section `auth`: how people and programs are known. Fields that contradict each other are found by check-auth.ts. */
export const authSchema = z.strictObject({
  adminToken: z.enum(["auto", "on", "off"]).default("auto").meta({
    description:
      "whether the data folder's admin token opens the server; auto: when no other tokens are configured, or on the loopback address",
  }),
  jwtSecret: secret("secret of JSON Web Tokens signed with HS256, HS384 or HS512; at least 32 bytes", "JWT_SECRET_KEY"),
  jwtAlgorithms: z
    .array(z.enum(JWT_ALGORITHMS))
    .default([])
    .meta({
      description: "signatures accepted; without it, HS256 with a secret, and RS256, ES256, EdDSA with a JWKS",
      env: ["REQUEEN_AUTH_JWT_ALGORITHMS", "JWT_ALGORITHM"],
    }),
  jwtIssuer: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "the `iss` that tokens must have; needed with a JWKS", env: ["JWT_ISSUER"] }),
  jwtAudience: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "the `aud` that tokens must have; needed with a JWKS", env: ["JWT_AUDIENCE"] }),
  jwksUrl: url.optional().meta({ description: "address of the public keys (JWKS) that tokens are signed with" }),
  jwksFile: z.string().min(1).optional().meta({ description: "file with these public keys, instead of an address" }),
  clockToleranceSeconds: z
    .number()
    .min(0)
    .max(300)
    .default(30)
    .meta({ description: "by how much the clock of who signs may differ, seconds" }),
  subjectClaims: claims(["sub"], "claims that name the person; the first that is there counts", "REQUEEN_AUTH_SUBJECT_CLAIMS"),
  rolesClaims: claims(
    ["roles", "role"],
    "claims that hold the roles, a list or text with spaces or commas between; the first that is there counts",
    "REQUEEN_AUTH_ROLES_CLAIMS",
  ),
  specialistsClaims: claims(
    ["specialists"],
    "claims that hold the specialists that the person may touch; without one, all",
    "REQUEEN_AUTH_SPECIALISTS_CLAIMS",
  ),
  roles: z
    .record(z.string().min(1), roleSchema)
    .default({})
    .meta({ description: "names of roles in your tokens and the role that each gives, besides our own names" }),
  sessionHours: z
    .number()
    .positive()
    .max(24 * 7)
    .default(12)
    .meta({ description: "how long a browser stays signed in at most, hours; never longer than its token" }),
  sessionSecret: secret(
    "key of the browsers' session cookies, at least 32 bytes; without it, one is made and kept with the data",
    "REQUEEN_SESSION_SECRET",
  ),
  oidcIssuer: url.optional().meta({ description: "OpenID provider that browsers sign in at" }),
  oidcClientId: z.string().min(1).optional().meta({ description: "our client id there" }),
  oidcClientSecret: secret("our client secret there; none for a public client", "REQUEEN_OIDC_CLIENT_SECRET"),
  oidcRedirectUri: url
    .optional()
    .meta({ description: "address to come back to; by default /auth/callback below `server.publicUrl`" }),
  oidcScope: z.string().min(1).default("openid profile").meta({ description: "scope asked for, with `openid` in it" }),
});
export type AuthConfig = Readonly<z.output<typeof authSchema>>;
