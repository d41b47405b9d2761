import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type MlflowOptions, type MlflowService, openMlflow } from "../../../src/mlflow/index.ts";
import type { TransportRequest } from "../../../src/registry/transport.ts";

/** An answer as a test reads it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The parsed body; an empty object for text. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reaches into answers of many shapes
  readonly json: any;
}

export interface TestServer {
  readonly service: MlflowService;
  readonly dataDir: string;
  /** A call of `/api/2.0/mlflow/<path>`: GET sends `values` as a query, the rest as JSON. */
  call(method: TransportRequest["method"], path: string, values?: object): Promise<Answer>;
  /** Any request, path and all. */
  send(request: TransportRequest): Promise<Answer>;
}

/** A server over a folder of its own that goes when the test ends. Its clock ticks a millisecond with each reading. */
export async function openServer(options: Partial<MlflowOptions> = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "requeen-mlflow-")));
  let time = 1_700_000_000_000;
  const service = await openMlflow({ dataDir, now: () => ++time, ...options });
  onTestFinished(async () => {
    service.close();
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  });
  const send = async (request: TransportRequest): Promise<Answer> => {
    const response = await service.transport(request);
    const text = await readText(response.body);
    const isJson = response.headers["content-type"]?.startsWith("application/json") ?? false;
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} };
  };
  return {
    service,
    dataDir,
    send,
    call: (method, path, values = {}) => {
      const full = `/api/2.0/mlflow/${path}`;
      if (method === "GET") return send({ method, path: full, query: queryOf(values) });
      return send({
        method,
        path: full,
        headers: { "content-type": "application/json" },
        body: Buffer.from(JSON.stringify(values)),
      });
    },
  };
}

export async function readText(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<string> {
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const queryOf = (values: object): [string, string][] =>
  Object.entries(values).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((item): [string, string] => [name, String(item)]),
  );

/** A new experiment and a run in it. */
export async function newRun(server: TestServer, experiment = "e"): Promise<{ experimentId: string; runId: string }> {
  const made = await server.call("POST", "experiments/create", { name: experiment });
  const experimentId: string = made.json.experiment_id;
  const run = await server.call("POST", "runs/create", { experiment_id: experimentId, start_time: 5 });
  return { experimentId, runId: run.json.run.info.run_id };
}
