import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { execute } from "../../../src/cli/execute.ts";
import type { OpenedHouse } from "../../../src/cli/house.ts";
import { type AppOptions, buildApp } from "../../../src/http/app.ts";
import { adminToken } from "../../../src/http/auth/admin-token.ts";
import { openToyHouse } from "./open-house.ts";

const TOKEN = "a-token-of-the-test";
export const AUTHORIZED = { authorization: `Bearer ${TOKEN}`, host: "127.0.0.1:8080" };

/** The API over a toy house, and the command line over the very same one. */
export interface OpenApi extends AsyncDisposable {
  readonly folder: string;
  readonly opened: OpenedHouse;
  readonly app: FastifyInstance;
  get(path: string, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
  /** `path` below /api/v1. */
  send(
    method: "POST" | "PATCH" | "DELETE",
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<LightMyRequestResponse>;
  /** What `requeen ... --json` prints. */
  cli(...words: string[]): Promise<unknown>;
}

export async function openApi(now: () => number = Date.now, options: Partial<AppOptions> = {}): Promise<OpenApi> {
  const folder = mkdtempSync(join(tmpdir(), "requeen-api-"));
  const opened = await openToyHouse(folder, now);
  const app = await buildApp({
    house: opened.house,
    authenticate: adminToken(TOKEN, "anna"),
    mlflow: opened.embeddedMlflow,
    logger: false,
    ...options,
  });
  const inject = (request: InjectOptions) => app.inject({ ...request, url: `/api/v1${String(request.url)}` });
  return {
    folder,
    opened,
    app,
    get: (url, headers = {}) => inject({ method: "GET", url, headers: { ...AUTHORIZED, ...headers } }),
    send: (method, url, body, headers = {}) =>
      inject({
        method,
        url,
        headers: { ...AUTHORIZED, ...headers },
        ...(body === undefined ? {} : { payload: body as NonNullable<InjectOptions["payload"]> }),
      }),
    async cli(...words) {
      const out: string[] = [];
      const notes: string[] = [];
      await execute({
        line: [...words, "--json"],
        commands: COMMANDS,
        version: "0.0.0",
        workingDirectory: folder,
        env: { REQUEEN_DATA_DIR: folder },
        stdout: { write: (written: string) => out.push(written) },
        stderr: { write: (written: string) => notes.push(written) },
        now,
        signal: new AbortController().signal,
        openHouse: async () => ({ ...opened, close: async () => undefined }),
      });
      if (out.length === 0) throw new Error(`requeen ${words.join(" ")} printed nothing: ${notes.join("")}`);
      return JSON.parse(out.join("")) as unknown;
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await opened.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
