/** A server of the tests' own, on a free port of this machine: answers what each test tells it and remembers what it was asked. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";

export interface Asked {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export type Answerer = (asked: Asked, response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

export interface HttpDouble extends AsyncDisposable {
  readonly port: number;
  readonly baseUrl: string;
  readonly asked: Asked[];
}

/** @param early answers before the body was read, for servers that hang up or refuse in the middle of an upload. */
export async function startHttpDouble(
  answer: Answerer,
  options: { early?: boolean; tls?: ServerOptions } = {},
): Promise<HttpDouble> {
  const asked: Asked[] = [];
  const onRequest = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    if (options.early !== true) for await (const chunk of request) chunks.push(chunk as Buffer);
    const seen = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks) };
    asked.push(seen);
    await answer(seen, response, request);
  };
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    onRequest(request, response).catch((error: unknown) => response.destroy(error as Error));
  };
  const server = options.tls === undefined ? createHttpServer(listener) : createHttpsServer(options.tls, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    baseUrl: `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const sendJson = (response: ServerResponse, status: number, value: object, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
};

export const mlflowError = (errorCode: string, message: string) => ({ error_code: errorCode, message });

/** A port on which nobody listens: one that was just free. */
export async function freePort(): Promise<number> {
  await using double = await startHttpDouble(() => undefined);
  return double.port;
}
