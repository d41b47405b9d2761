import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { ClusterRequest, ClusterResponse, ClusterTransport } from "../../../src/cluster/api.ts";

/** Between Requeen and a real API server: does to a call what a bad day does. Each rule is asked before the call is passed on. */
export interface Faults {
  /** An answer of our own instead of the server's: null passes the call on. */
  answer?: (request: ClusterRequest) => { status: number; body: object } | null;
  /** Watch events come late, milliseconds, and this many times each. */
  watchDelayMs?: number;
  watchCopies?: number;
}

export const faulty =
  (transport: ClusterTransport, faults: Faults): ClusterTransport =>
  async (request) => {
    const own = faults.answer?.(request) ?? null;
    if (own !== null) return { status: own.status, headers: {}, body: Readable.from([Buffer.from(JSON.stringify(own.body))]) };
    const response = await transport(request);
    if (!request.path.includes("watch=1") || response.status !== 200) return response;
    return { ...response, body: repeated(response.body, faults) };
  };

function repeated(body: ClusterResponse["body"], { watchDelayMs = 0, watchCopies = 1 }: Faults): ClusterResponse["body"] {
  const events = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      await pause(watchDelayMs);
      for (let copy = 0; copy < watchCopies; copy += 1) yield chunk;
    }
  };
  const stream = Readable.from(events());
  stream.once("close", () => body.destroy());
  return stream;
}

export const status = (code: number, reason: string, message = reason): { status: number; body: object } => ({
  status: code,
  body: { kind: "Status", apiVersion: "v1", status: "Failure", reason, message, code },
});
