import { isIP } from "node:net";
import type { AuthConfig } from "./auth-schema.ts";
import type { Problem } from "./explain-issue.ts";
import type { CheckedConfig } from "./schema.ts";

/** Shorter secrets of HS256 can be found by trying (RFC 7518, 3.2). */
const LEAST_SECRET_BYTES = 32;

/** What contradicts itself in the section `auth`, or would leave a door open. */
export function checkAuth({ auth, server }: Pick<CheckedConfig, "auth" | "server">): Problem[] {
  return [...checkTokens(auth), ...checkOidc(auth, server.publicUrl)];
}

function checkTokens(auth: AuthConfig): Problem[] {
  const problems: Problem[] = [];
  const wrong = problemsInto(problems);
  const { jwtSecret, jwtAlgorithms, jwksUrl, jwksFile, sessionSecret } = auth;
  const hasJwks = jwksUrl !== undefined || jwksFile !== undefined;
  for (const [key, value] of [
    ["jwtSecret", jwtSecret],
    ["sessionSecret", sessionSecret],
  ] as const) {
    const bytes = value === undefined ? LEAST_SECRET_BYTES : Buffer.byteLength(value.reveal());
    if (bytes < LEAST_SECRET_BYTES) wrong(key, `must have at least ${LEAST_SECRET_BYTES} bytes`, `${bytes} bytes`);
  }
  if (jwksUrl !== undefined && jwksFile !== undefined) wrong("jwksFile", "must not be set together with auth.jwksUrl");
  if (jwksUrl !== undefined && !isPrivateOrHttps(jwksUrl)) wrong("jwksUrl", HTTPS_RULE, jwksUrl);
  if (hasJwks && auth.jwtIssuer === undefined)
    wrong("jwtIssuer", "must be set with a JWKS: its keys also sign tokens of other issuers' users");
  if (hasJwks && auth.jwtAudience === undefined)
    wrong("jwtAudience", "must be set with a JWKS: its keys also sign tokens that are meant for other services");
  for (const algorithm of jwtAlgorithms) {
    const symmetric = algorithm.startsWith("HS");
    if (symmetric && jwtSecret === undefined) wrong("jwtAlgorithms", `has ${algorithm}, which needs JWT_SECRET_KEY`);
    if (!symmetric && !hasJwks) wrong("jwtAlgorithms", `has ${algorithm}, which needs auth.jwksUrl or auth.jwksFile`);
  }
  if (jwtSecret !== undefined && jwtAlgorithms.length > 0 && !jwtAlgorithms.some((name) => name.startsWith("HS")))
    wrong("jwtAlgorithms", "must have HS256, HS384 or HS512 when JWT_SECRET_KEY is set", jwtAlgorithms.join(", "));
  if (hasJwks && jwtAlgorithms.length > 0 && jwtAlgorithms.every((name) => name.startsWith("HS")))
    wrong("jwtAlgorithms", "must have an algorithm with public keys when a JWKS is set", jwtAlgorithms.join(", "));
  if (auth.adminToken === "off" && jwtSecret === undefined && !hasJwks && auth.oidcIssuer === undefined)
    wrong("adminToken", "must not be off while nobody else could come in: configure JSON Web Tokens or OpenID first");
  return problems;
}

function checkOidc(auth: AuthConfig, publicUrl: string | undefined): Problem[] {
  const problems: Problem[] = [];
  const wrong = problemsInto(problems);
  const { oidcIssuer, oidcClientId, oidcRedirectUri, oidcScope } = auth;
  if (oidcIssuer === undefined) {
    for (const key of ["oidcClientId", "oidcClientSecret", "oidcRedirectUri"] as const)
      if (auth[key] !== undefined) wrong(key, "has no effect without auth.oidcIssuer");
    return problems;
  }
  if (!isPrivateOrHttps(oidcIssuer)) wrong("oidcIssuer", HTTPS_RULE, oidcIssuer);
  if (oidcClientId === undefined) wrong("oidcClientId", "must be set with auth.oidcIssuer");
  if (oidcRedirectUri === undefined && publicUrl === undefined)
    wrong("oidcRedirectUri", "must be set with auth.oidcIssuer, or server.publicUrl, below which it lies then");
  if (oidcRedirectUri !== undefined && new URL(oidcRedirectUri).pathname !== "/auth/callback")
    wrong("oidcRedirectUri", "must end in /auth/callback", oidcRedirectUri);
  if (!oidcScope.split(" ").includes("openid")) wrong("oidcScope", "must have openid in it", oidcScope);
  return problems;
}

const problemsInto =
  (problems: Problem[]) =>
  (key: keyof AuthConfig, rule: string, got: string | null = null): void => {
    problems.push({ key: `auth.${key}`, rule, got, path: ["auth", key] });
  };

const HTTPS_RULE =
  "must begin with https:// (http:// is for this machine and names inside a cluster): who is on the way could hand out keys of their own";

/** Whether an address is one that nobody outside can change on the way: TLS, this machine, or a name of a cluster's own network. */
function isPrivateOrHttps(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  if (protocol === "https:") return true;
  if (isIP(hostname) === 4) return hostname.startsWith("127.");
  return (
    hostname === "localhost" || hostname === "[::1]" || !hostname.includes(".") || /\.(svc|svc\.cluster\.local)$/.test(hostname)
  );
}
