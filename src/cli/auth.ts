import type { Config } from "../config/read-config.ts";
import type { Identity } from "../core/identity.ts";
import { adminToken, readAdminToken, readSecretFile, SESSION_KEY_FILE } from "../http/auth/admin-token.ts";
import { type ApiKeyReader, apiKeyReader } from "../http/auth/api-key.ts";
import { type Authenticate, authenticateBy } from "../http/auth/authenticate.ts";
import { type Denials, recordDenials } from "../http/auth/denials.ts";
import { remembering } from "../http/auth/remember.ts";
import { createSealer, type Sealer } from "../http/auth/sealer.ts";
import { openSessions } from "../http/auth/sessions.ts";
import { readSharedKey } from "../http/auth/shared-key.ts";
import type { SignIn } from "../http/auth/sign-in.ts";
import type { House } from "../loop/house.ts";
import type { GuardOptions } from "../mlflow/request-guard.ts";
import type { Store } from "../store/store.ts";
import { LOOPBACK } from "./loopback.ts";

export interface DoorOptions {
  readonly config: Pick<Config, "auth" | "dataDir">;
  /** Address that the server listens on: the admin token opens a server of this machine whatever else is configured. */
  readonly host: string;
  /** Who comes with the admin token. */
  readonly subject: string;
  readonly store: Pick<Store, "getToken" | "touchToken">;
  readonly now: () => number;
  readonly log: House["log"];
}

export interface OpenedDoors {
  readonly authenticate: Authenticate;
  readonly apiKeys: ApiKeyReader;
  /** Null: the admin token does not open this server. */
  readonly admin: { readonly token: string; readonly file: string } | null;
}

/** Every kind of token that the configuration lets in. @throws RequeenError bad_config, store_read_only, forbidden */
export async function openDoors({ config, host, subject, store, now, log }: DoorOptions): Promise<OpenedDoors> {
  const { auth, dataDir } = config;
  const others =
    auth.jwtSecret !== undefined || auth.jwksUrl !== undefined || auth.jwksFile !== undefined || auth.oidcIssuer !== undefined;
  const withAdmin = auth.adminToken === "on" || (auth.adminToken === "auto" && (!others || LOOPBACK.test(host)));
  const admin = withAdmin ? await readAdminToken(dataDir) : null;
  const apiKeys = apiKeyReader(store, now, log);
  const authenticate = authenticateBy({
    adminToken: admin === null ? null : adminToken(admin.token, subject),
    jwt: await openJwt(config, now, log),
    apiKey: apiKeys,
  });
  return { authenticate, apiKeys, admin };
}

async function openJwt(
  { auth }: DoorOptions["config"],
  now: () => number,
  log: House["log"],
): Promise<((token: string) => Promise<Identity>) | null> {
  const { jwtSecret, jwksUrl, jwksFile } = auth;
  if (jwtSecret === undefined && jwksUrl === undefined && jwksFile === undefined) return null;
  const [{ jwtReader }, { keysOfFile, keysOfUrl }] = await Promise.all([
    import("../http/auth/jwt.ts"),
    import("../http/auth/public-keys.ts"),
  ]);
  const keyOf =
    jwksFile !== undefined ? await keysOfFile(jwksFile) : jwksUrl !== undefined ? keysOfUrl({ url: jwksUrl, now, log }) : null;
  const byKeys = [...(jwtSecret === undefined ? [] : ["HS256"]), ...(keyOf === null ? [] : ["RS256", "ES256", "EdDSA"])];
  const read = jwtReader({
    secret: jwtSecret === undefined ? null : new TextEncoder().encode(jwtSecret.reveal()),
    keyOf,
    algorithms: auth.jwtAlgorithms.length > 0 ? auth.jwtAlgorithms : byKeys,
    issuer: auth.jwtIssuer,
    audience: auth.jwtAudience,
    clockToleranceSeconds: auth.clockToleranceSeconds,
    claims: auth,
    now,
  });
  return remembering(read, ({ expiresAtMs }) => expiresAtMs, now);
}

export interface OpenedAuth extends OpenedDoors {
  readonly signIn: SignIn;
  readonly denials: Denials;
  readonly sealer: Sealer;
  /** Host names and origins that the configuration lets in. */
  readonly guard: GuardOptions;
}

/** Tokens, sessions, OpenID and the record of refusals: all that `requeen serve` needs to know who is there. */
export async function openAuth(config: Config, house: House, host: string): Promise<OpenedAuth> {
  const { store, now, log, newId, owner, leaseNow } = house;
  const doors = await openDoors({ config, host, subject: house.actor, store, now, log });
  const sealer = createSealer(Buffer.from(await sessionKey(config, house)));
  const { auth, server } = config;
  const sessions = openSessions({ store, sealer, longestMs: auth.sessionHours * 3_600_000, now, newId, owner, leaseNow });
  const oidc = await openOidc(config, sealer, now);
  return {
    ...doors,
    signIn: { sessions, oidc, apiKeys: doors.apiKeys },
    denials: recordDenials({ store, now, log }),
    sealer,
    guard: {
      allowedHosts: [...server.allowedHosts, ...(server.publicUrl === undefined ? [] : [new URL(server.publicUrl).host])],
      allowedOrigins: server.publicUrl === undefined ? [] : [new URL(server.publicUrl).origin],
    },
  };
}

/** With MongoDB several servers may run: they share the key there. A data folder is one server's own. */
async function sessionKey({ auth, dataDir, mongodbUri }: Config, { store, owner, leaseNow }: House): Promise<string> {
  if (auth.sessionSecret !== undefined) return auth.sessionSecret.reveal();
  if (mongodbUri !== undefined) return readSharedKey(store, owner, leaseNow);
  return (await readSecretFile(dataDir, SESSION_KEY_FILE)).secret;
}

/** Sign-in at the configured provider; null: there is none. */
export async function openOidc(
  { auth, server }: Pick<Config, "auth" | "server">,
  sealer: Sealer,
  now: () => number,
): Promise<SignIn["oidc"]> {
  const { oidcIssuer, oidcClientId, oidcClientSecret, oidcRedirectUri, oidcScope, clockToleranceSeconds } = auth;
  if (oidcIssuer === undefined || oidcClientId === undefined) return null;
  const { oidcSignIn } = await import("../http/auth/oidc.ts");
  return oidcSignIn({
    issuer: oidcIssuer,
    clientId: oidcClientId,
    clientSecret: oidcClientSecret?.reveal() ?? null,
    redirectUri: oidcRedirectUri ?? `${server.publicUrl}/auth/callback`,
    scope: oidcScope,
    clockToleranceSeconds,
    claims: auth,
    sealer,
    now,
  });
}
