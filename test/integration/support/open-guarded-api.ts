import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { SignJWT } from "jose";
import { type OpenedAuth, openAuth } from "../../../src/cli/auth.ts";
import type { OpenedHouse } from "../../../src/cli/house.ts";
import { readConfig } from "../../../src/config/read-config.ts";
import { buildApp } from "../../../src/http/app.ts";
import { DEFAULT_LIMITS } from "../../../src/http/limits/http-limits.ts";
import { openToyHouse } from "./open-house.ts";

export const JWT_SECRET = "a secret of thirty-two bytes ...";
export const HOST = "requeen.example";

/** The API with all its doors, as `requeen serve` opens them, over a toy house. */
export interface GuardedApi extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly opened: OpenedHouse;
  readonly auth: OpenedAuth;
  readonly folder: string;
}

export interface GuardedOptions {
  readonly now?: () => number;
  /** Further lines of the configuration file. */
  readonly yaml?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Address that the server is said to listen on. */
  readonly host?: string;
  /** A data folder that is there already; it is not removed. */
  readonly folder?: string;
}

/** Tokens that fail by the thousand are what these tests send. */
const LIMITS = {
  ...DEFAULT_LIMITS,
  rateLimit: { requestsPerSecond: 1e6, burst: 1e6, failedSignInsPerMinute: 1e6 },
};

export async function openGuardedApi(options: GuardedOptions = {}): Promise<GuardedApi> {
  const { now = Date.now, yaml = "", environment = { JWT_SECRET_KEY: JWT_SECRET }, host = "127.0.0.1" } = options;
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "requeen-guarded-"));
  const opened = await openToyHouse(folder, now);
  appendFileSync(join(folder, "requeen.config.yaml"), `\nserver: { publicUrl: "https://${HOST}" }\n${yaml}`);
  const { config } = await readConfig({
    workingDirectory: folder,
    environment: { REQUEEN_DATA_DIR: folder, ...environment },
  });
  const auth = await openAuth(config, opened.house, host);
  const { authenticate, signIn, denials, guard } = auth;
  const app = await buildApp({
    house: opened.house,
    authenticate,
    signIn,
    denials,
    ...guard,
    mlflow: opened.embeddedMlflow,
    logger: false,
    limits: LIMITS,
  });
  return {
    app,
    opened,
    auth,
    folder,
    async [Symbol.asyncDispose]() {
      await app.close();
      await opened.close();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A token signed with the secret of the test. @param nowMs ends an hour later */
export const mint = (claims: Readonly<Record<string, unknown>>, nowMs = Date.now()): Promise<string> =>
  new SignJWT({ exp: Math.floor(nowMs / 1_000) + 3_600, ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(JWT_SECRET));
