import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { ERRORS, type ErrorCode } from "../../core/errors.ts";

/** What was wrong with bytes that are no request, by the parser's code. */
const KNOWN: Readonly<Record<string, { readonly code: ErrorCode; readonly detail: string }>> = {
  HPE_HEADER_OVERFLOW: { code: "headers_too_large", detail: "address and headers are larger than this server reads" },
  ERR_HTTP_REQUEST_TIMEOUT: { code: "request_timeout", detail: "the headers did not come in time" },
};

/** Answers what the parser could not read, in the form of all other problems, and ends the connection. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  // a connection that broke has nobody to tell; one in the middle of an answer must not get a second one
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy(error);
    return;
  }
  const { code, detail } = KNOWN[error.code ?? ""] ?? { code: "bad_request" as const, detail: "this is no HTTP request" };
  const { http, meaning, remedy } = ERRORS[code];
  const problem = {
    type: `https://requeen.dev/errors#${code}`,
    title: meaning,
    status: http,
    code,
    detail,
    remedy,
    request_id: randomUUID(),
  };
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${http} ${STATUS[http] ?? "Bad Request"}`,
    "connection: close",
    "content-type: application/problem+json",
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

const STATUS: Readonly<Record<number, string>> = { 408: "Request Timeout", 431: "Request Header Fields Too Large" };
