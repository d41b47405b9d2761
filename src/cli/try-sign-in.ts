import { randomBytes } from "node:crypto";
import type { Config } from "../config/read-config.ts";
import { RequeenError } from "../core/errors.ts";
import { LOOPBACK } from "./loopback.ts";

/**
 * Tries what people come in by, as far as it lies elsewhere, and says what is open.
 * @throws RequeenError identity_unavailable, bad_config
 */
export async function trySignIn(config: Pick<Config, "auth" | "server" | "dataDir">, now: () => number): Promise<string> {
  const { auth, server } = config;
  const open: string[] = [];
  if (auth.jwtSecret !== undefined) open.push("JSON Web Tokens by secret");
  if (auth.jwksFile !== undefined || auth.jwksUrl !== undefined) {
    const { fetchKeys, keysOfFile } = await import("../http/auth/public-keys.ts");
    if (auth.jwksFile !== undefined) await keysOfFile(auth.jwksFile);
    if (auth.jwksUrl !== undefined) open.push(`${await countKeys(fetchKeys, auth.jwksUrl)} public keys of ${auth.jwksUrl}`);
    else open.push(`public keys of ${auth.jwksFile}`);
  }
  if (auth.oidcIssuer !== undefined) {
    const [{ openOidc }, { createSealer }] = await Promise.all([import("./auth.ts"), import("../http/auth/sealer.ts")]);
    await (await openOidc(config, createSealer(randomBytes(32)), now))?.begin("/");
    open.push(`OpenID at ${auth.oidcIssuer}`);
  }
  const hasOthers = open.length > 0;
  if (auth.adminToken === "on" || (auth.adminToken === "auto" && (!hasOthers || LOOPBACK.test(server.host))))
    open.unshift("admin token");
  return `${open.join(", ")}, API keys`;
}

async function countKeys(fetchKeys: (url: string) => Promise<{ jwks(): { keys: unknown[] } }>, url: string): Promise<number> {
  try {
    return (await fetchKeys(url)).jwks().keys.length;
  } catch (cause) {
    throw new RequeenError("identity_unavailable", `auth.jwksUrl ${url}: ${(cause as Error).message}`, { url }, { cause });
  }
}
