import type { Server } from "node:http";
import { RequeenError } from "../core/errors.ts";
import type { DoorOptions } from "./front-door.ts";
import { createHttpServer } from "./http-server.ts";
import { type MlflowOptions, type MlflowService, openMlflow } from "./index.ts";

export interface ServeOptions extends MlflowOptions, DoorOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Is told of failures that callers see as a bare 500. */
  readonly report?: (error: unknown) => void;
}

export interface MlflowServer {
  /** "http://127.0.0.1:5000" */
  readonly url: string;
  /** Set when the file came from an older MLflow and was converted; the caller should tell. */
  readonly upgrade: MlflowService["upgrade"];
  /** Answers what is under way, at most 5 seconds, then closes the file. */
  close(): Promise<void>;
}

const CLOSE_GRACE_MS = 5_000;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/**
 * The embedded server alone: what `requeen mlflow` runs.
 * @throws RequeenError bad_parameter for an open server on an address that others reach, or an artifact destination that is no folder.
 */
export async function serveMlflow(options: ServeOptions): Promise<MlflowServer> {
  if (options.authorize === undefined && !LOOPBACK.test(options.host)) {
    throw new RequeenError(
      "bad_parameter",
      `host of requeen mlflow without authentication must be a loopback address; got ${options.host}. Leave --no-auth out, or bind to 127.0.0.1`,
    );
  }
  const service = await openMlflow(options);
  const server = createHttpServer(service, options, options.report ?? (() => undefined));
  try {
    const url = await listen(server, options);
    return {
      url,
      upgrade: service.upgrade,
      close: async () => {
        const force = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
        await new Promise<void>((resolve) => server.close(() => resolve()));
        clearTimeout(force);
        service.close();
      },
    };
  } catch (error) {
    service.close();
    throw error;
  }
}

/** @returns the address that the server answers at. */
function listen(server: Server, { host, port }: ServeOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? new RequeenError("conflict", `port ${port} of ${host} is taken; give another with --port, or 0 for a free one`, {
              host,
              port,
            })
          : error,
      ),
    );
    server.listen({ host, port }, () => {
      server.removeAllListeners("error");
      const address = server.address();
      const taken = typeof address === "object" && address !== null ? address.port : port;
      const shown = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host;
      resolve(`http://${shown}:${taken}`);
    });
  });
}
