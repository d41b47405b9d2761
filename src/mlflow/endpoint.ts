import { RequeenError } from "../core/errors.ts";
import type { TransportRequest, TransportResponse } from "../registry/transport.ts";
import type { Context } from "./context.ts";
import type { Fields, Message } from "./message-fields.ts";
import { MlflowError } from "./protocol-error.ts";
import { queryObject, readJsonBody, readMessage } from "./read-request.ts";

/** What a token must allow: `promote` moves, renames or deletes what stages and aliases name, so it decides what is in production. */
export type Access = "read" | "write" | "promote";

/** A request whose path matched, with its path parameters decoded once. */
export interface Call extends TransportRequest {
  readonly params: Readonly<Record<string, string>>;
}

export interface Endpoint {
  readonly methods: readonly TransportRequest["method"][];
  /** After the prefix, "{name}" for one segment and "{name...}" for the rest: "runs/create", "logged-models/{model_id}". */
  readonly path: string;
  readonly access: Access;
  /** Where it is mounted; see `MOUNTS` in router.ts. */
  readonly mount: Mount;
  readonly handle: (context: Context, call: Call) => TransportResponse | Promise<TransportResponse>;
}

export type Mount = "tracking" | "ajax" | "ajax-v2-v3" | "tracking-v3" | "artifacts" | "root";

/** The largest JSON body: 1000 datasets with profiles stay below, memory is bounded. */
const JSON_BODY_LIMIT_BYTES = 64 * 1024 * 1024;

interface RpcOptions {
  readonly access?: Access;
  readonly mount?: Mount;
}

/**
 * An endpoint that takes one message and answers one JSON object.
 * @param answer may throw MlflowError; undefined properties of its result are left out, as protobuf does.
 */
export function rpc<M extends Fields>(
  methods: Endpoint["methods"],
  path: string,
  fields: M,
  answer: (context: Context, request: Message<M>, raw: Readonly<Record<string, unknown>>) => object | Promise<object>,
  options: RpcOptions = {},
): Endpoint {
  return {
    methods,
    path,
    access: options.access ?? (methods.includes("GET") ? "read" : "write"),
    mount: options.mount ?? "tracking",
    handle: async (context, call) => {
      const json =
        call.method === "GET" && (call.query?.length ?? 0) > 0
          ? queryObject(fields, call.query ?? [])
          : readJsonBody(call.method, call.headers?.["content-type"], await readBody(call, JSON_BODY_LIMIT_BYTES));
      const merged = Object.keys(call.params).length === 0 ? json : { ...json, ...call.params };
      return jsonResponse(200, await answer(context, readMessage(fields, merged), merged));
    },
  };
}

/** A search: read access although it is a POST. */
export const READ: RpcOptions = { access: "read" };
export const PROMOTE: RpcOptions = { access: "promote" };
export const V3: RpcOptions = { mount: "tracking-v3" };
export const V3_READ: RpcOptions = { mount: "tracking-v3", access: "read" };

export function jsonResponse(status: number, value: object): TransportResponse {
  return { status, headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify(value)) };
}

export const textResponse = (status: number, body: string, contentType = "text/plain; charset=utf-8"): TransportResponse => ({
  status,
  headers: { "content-type": contentType },
  body: new TextEncoder().encode(body),
});

/** @throws MlflowError RESOURCE_LIMIT_EXCEEDED when the body is larger than the limit. */
export async function readBody(call: Pick<TransportRequest, "body">, limitBytes: number): Promise<Uint8Array> {
  const { body } = call;
  if (body === undefined) return new Uint8Array();
  if (body instanceof Uint8Array) {
    if (body.byteLength > limitBytes) throw tooLarge(limitBytes);
    return body;
  }
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > limitBytes) throw tooLarge(limitBytes);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

const tooLarge = (limitBytes: number) =>
  new MlflowError("RESOURCE_LIMIT_EXCEEDED", `The request body is larger than ${limitBytes} bytes.`);

/** Every failure as MLflow's clients read it. A failure of ours that no caller can mend stays a bare 500. */
export function errorResponse(error: unknown): TransportResponse {
  if (error instanceof MlflowError) return jsonResponse(error.httpStatus, error.toJSON());
  if (error instanceof RequeenError) {
    const away = error.code === "store_unavailable" || error.code === "disk_full";
    const known = new MlflowError(away ? "TEMPORARILY_UNAVAILABLE" : "INTERNAL_ERROR", error.message);
    return jsonResponse(known.httpStatus, known.toJSON());
  }
  throw error;
}
