import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { PassThrough, Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import { FORMATS, type Format, MEDIA_TYPES } from "../loop/documents/format.ts";
import { readChunks, readParquetFile } from "../loop/documents/read-file.ts";
import type { House } from "../loop/house.ts";

/** A Parquet file is kept on disk while it is read, since its index stands at its end. */
const MOST_PARQUET_BYTES = 4 * 1024 ** 3;

/** Bodies of these types reach the handlers of the scope as they come, whatever their length; memory holds one batch. */
export function takeStreams(scope: FastifyInstance, formats: readonly Format[]): void {
  const types = formats.map((format) => MEDIA_TYPES[format]);
  scope.removeContentTypeParser(types);
  scope.addContentTypeParser(types, (_request, payload, done) => done(null, payload));
}

/** @throws RequeenError unsupported_media_type */
export function formatOfBody({ headers }: FastifyRequest, allowed: readonly Format[]): Format {
  const type = (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  const format = FORMATS.find((one) => allowed.includes(one) && MEDIA_TYPES[one] === type);
  if (format !== undefined) return format;
  const types = allowed.map((one) => MEDIA_TYPES[one]);
  throw new RequeenError("unsupported_media_type", `Content-Type must be one of ${types.join(", ")}; got ${type || "none"}`, {
    field: "Content-Type",
    allowed: types,
  });
}

export interface UploadedDocuments extends AsyncDisposable {
  readonly documents: AsyncIterable<unknown>;
  /** Places that were no document at all; filled while `documents` is read. */
  readonly unreadable: { count: number };
}

/** The documents of a request's body. Dispose of it when they are read: a Parquet file is taken away then. */
export async function openUpload(house: House, request: FastifyRequest, format: Format): Promise<UploadedDocuments> {
  const upload = request.body instanceof Readable ? copyOf(request.body) : null;
  const body = upload?.copy ?? Readable.from([]);
  const unreadable = { count: 0 };
  const onUnreadable = (): void => {
    unreadable.count += 1;
  };
  const { specialists } = house;
  if (format !== "parquet") {
    const documents = readChunks(format, body, { name: "the body", specialists, onUnreadable });
    return { documents, unreadable, [Symbol.asyncDispose]: async () => upload?.release() };
  }
  const path = await house.blobs.temporaryPath();
  const drop = async (): Promise<void> => {
    upload?.release();
    await rm(path, { force: true });
  };
  try {
    await pipeline(body, atMost(MOST_PARQUET_BYTES), createWriteStream(path));
  } catch (error) {
    await drop();
    throw error;
  }
  return { documents: withoutPath(readParquetFile(path, specialists), path), unreadable, [Symbol.asyncDispose]: drop };
}

/** Callers know nothing of our folders: what is said of the file is said of the body. */
async function* withoutPath(documents: AsyncIterable<unknown>, path: string): AsyncGenerator<unknown> {
  try {
    yield* documents;
  } catch (cause) {
    if (!isRequeenError(cause)) throw cause;
    const message = cause.message.slice(cause.code.length + 2).replaceAll(path, "the body");
    throw new RequeenError(cause.code, message, {}, { cause });
  }
}

/**
 * What a body says, in a stream that may be left before its end. The body itself must not be destroyed: its connection would end with it,
 * before the answer that says why. What is not wanted of it is read and dropped.
 */
function copyOf(body: Readable): { readonly copy: Readable; release(): void } {
  const copy = body.pipe(new PassThrough());
  const broken = (): void => {
    if (!body.readableEnded) copy.destroy(body.errored ?? new Error("the connection ended before the body did"));
  };
  body.once("close", broken);
  copy.on("error", () => undefined); // told of by whoever reads it
  return {
    copy,
    release() {
      body.off("close", broken);
      body.unpipe();
      copy.destroy();
      body.resume();
    },
  };
}

function atMost(bytes: number): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.byteLength;
      if (seen <= bytes) done(null, chunk);
      else done(new RequeenError("payload_too_large", `a Parquet file must be at most ${bytes} bytes long; this is longer`));
    },
  });
}

/**
 * Lines that are written while a body is read and sent when it is read whole: a client that sends first and reads afterwards is never in
 * its own way, and a failure in the middle is still a proper answer. On disk; memory holds one batch.
 */
export interface LineSpool extends AsyncDisposable {
  write(line: unknown): Promise<void>;
  /** Ends the writing. @returns the path of the file. */
  end(): Promise<string>;
}

export async function openSpool(house: Pick<House, "blobs">): Promise<LineSpool> {
  const path = await house.blobs.temporaryPath();
  const input = new PassThrough();
  const written = pipeline(input, createWriteStream(path));
  // told of by `write` and `end`, which wait for it
  written.catch(() => undefined);
  return {
    async write(line) {
      if (input.write(`${JSON.stringify(line)}\n`)) return;
      await Promise.race([new Promise((go) => input.once("drain", go)), written]);
    },
    async end() {
      input.end();
      await written;
      return path;
    },
    async [Symbol.asyncDispose]() {
      input.destroy();
      await Promise.allSettled([written]);
      await rm(path, { force: true });
    },
  };
}
