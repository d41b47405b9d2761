import { connect, type Socket } from "node:net";

/** One request of a load: its JSON body, and what came of it. */
export interface LoadRequest<T> {
  readonly item: T;
  readonly body: string;
}

export interface LoadAnswer {
  readonly status: number;
  readonly body: string;
  /** From the write of the request to the last byte of its answer. */
  readonly milliseconds: number;
}

export interface Load<T> {
  readonly url: string;
  readonly path: string;
  readonly token: string;
  readonly connections: number;
  /** The next request, or null when there are no more. */
  next(): LoadRequest<T> | null;
  /** Called once for each answer that came whole. */
  onAnswer(item: T, answer: LoadAnswer): void;
  /** Called for a request whose connection ended before its answer: nobody knows whether it was stored. */
  onLost(item: T): void;
}

/**
 * Posts over keep-alive connections, one request at a time on each, as fast as answers come. Plain sockets: the client shares the machine
 * with the server, and should cost it little. Resolves when there is nothing more to send and every answer came or its connection ended.
 */
export async function runLoad<T>(load: Load<T>): Promise<void> {
  const { hostname, port, host } = new URL(load.url);
  const head = `POST ${load.path} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${load.token}\r\ncontent-type: application/json\r\ncontent-length: `;
  await Promise.all(
    Array.from({ length: load.connections }, () =>
      postOverOneConnection(load, head, connect({ host: hostname, port: Number(port) })),
    ),
  );
}

function postOverOneConnection<T>(load: Load<T>, head: string, socket: Socket): Promise<void> {
  socket.setNoDelay(true).setEncoding("latin1"); // one character a byte: lengths can be compared
  let item: T | null = null;
  let sentAt = 0;
  let received = "";
  const send = (): void => {
    const request = load.next();
    if (request === null) return void socket.end();
    item = request.item;
    sentAt = performance.now();
    socket.write(`${head}${Buffer.byteLength(request.body)}\r\n\r\n${request.body}`);
  };
  socket.on("connect", send);
  socket.on("data", (text) => {
    received += text;
    const whole = readResponse(received);
    if (whole === null || item === null) return;
    const answered = item;
    received = "";
    item = null;
    load.onAnswer(answered, { ...whole, milliseconds: performance.now() - sentAt });
    send();
  });
  return new Promise((resolve) => {
    socket.on("error", () => socket.destroy()); // a server that was killed is what some of these loads are for
    socket.on("close", () => {
      if (item !== null) load.onLost(item);
      resolve();
    });
  });
}

function readResponse(text: string): { status: number; body: string } | null {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const head = text.slice(0, headEnd);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1]);
  if (!Number.isInteger(length)) throw new Error(`an answer without a content-length: ${head}`);
  const body = text.slice(headEnd + 4);
  return body.length < length ? null : { status: Number(head.slice(9, 12)), body };
}

/** The value below which a share of the values lies. @param sorted ascending, not empty */
export const quantile = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
