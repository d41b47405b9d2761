/** As much of S3 as the artifact store uses, in memory, for the real AWS SDK to talk to. */
import { type Asked, type HttpDouble, startHttpDouble } from "./http-double.ts";

export interface S3Double extends AsyncDisposable {
  readonly endpoint: string;
  /** "bucket/key" -> content. */
  readonly objects: Map<string, Buffer>;
  /** Uploads in parts that nobody ended. */
  readonly openUploads: Map<string, Buffer[]>;
  readonly asked: HttpDouble["asked"];
  /** Answered before anything else when it returns a status. */
  refuse: (asked: Asked) => { status: number; code: string } | null;
}

const xml = (text: string): string => `<?xml version="1.0" encoding="UTF-8"?>${text}`;
const tag = (name: string, text: string): string => `<${name}>${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</${name}>`;

export async function startS3Double(): Promise<S3Double> {
  const objects = new Map<string, Buffer>();
  const openUploads = new Map<string, Buffer[]>();
  const double = await startHttpDouble((asked, response) => {
    const send = (status: number, text: string) =>
      void response.writeHead(status, { "content-type": "application/xml" }).end(xml(text));
    const refused = state.refuse(asked);
    if (refused !== null) return send(refused.status, `<Error>${tag("Code", refused.code)}${tag("Message", "refused")}</Error>`);
    const url = new URL(asked.path, "http://s3");
    const query = url.searchParams;
    const key = decodeURIComponent(url.pathname.slice(1));
    const uploadId = query.get("uploadId") ?? "";
    if (asked.method === "GET" && query.get("list-type") === "2")
      return send(200, listing(key.replace(/\/$/, ""), query.get("prefix") ?? "", objects));
    if (asked.method === "POST" && query.has("uploads")) {
      const id = `upload-${openUploads.size + 1}`;
      openUploads.set(id, []);
      return send(200, `<InitiateMultipartUploadResult>${tag("UploadId", id)}</InitiateMultipartUploadResult>`);
    }
    const parts = openUploads.get(uploadId);
    if (asked.method === "PUT" && parts !== undefined) {
      parts[Number(query.get("partNumber")) - 1] = asked.body;
      return void response.writeHead(200, { etag: `"part-${query.get("partNumber")}"` }).end();
    }
    if (asked.method === "POST" && parts !== undefined) {
      openUploads.delete(uploadId);
      objects.set(key, Buffer.concat(parts));
      return send(200, `<CompleteMultipartUploadResult>${tag("Key", key)}</CompleteMultipartUploadResult>`);
    }
    if (asked.method === "DELETE" && parts !== undefined) {
      openUploads.delete(uploadId);
      return void response.writeHead(204).end();
    }
    if (asked.method === "PUT") {
      objects.set(key, asked.body);
      return void response.writeHead(200, { etag: '"whole"' }).end();
    }
    const content = objects.get(key);
    if (content === undefined) return send(404, `<Error>${tag("Code", "NoSuchKey")}${tag("Message", "no such key")}</Error>`);
    response.writeHead(200, { "content-length": content.byteLength, etag: '"whole"' }).end(content);
  });
  const state: S3Double = {
    endpoint: double.baseUrl,
    objects,
    openUploads,
    asked: double.asked,
    refuse: () => null,
    [Symbol.asyncDispose]: () => double[Symbol.asyncDispose](),
  };
  return state;
}

function listing(bucket: string, prefix: string, objects: ReadonlyMap<string, Buffer>): string {
  const below = [...objects]
    .filter(([key]) => key.startsWith(`${bucket}/${prefix}`))
    .map(([key, content]) => [key.slice(bucket.length + 1), content.byteLength] as const);
  const files = below.filter(([key]) => !key.slice(prefix.length).includes("/"));
  const folders = new Set(
    below
      .filter(([key]) => key.slice(prefix.length).includes("/"))
      .map(([key]) => `${prefix}${key.slice(prefix.length).split("/")[0]}/`),
  );
  const contents = files.map(([key, size]) => `<Contents>${tag("Key", key)}${tag("Size", String(size))}</Contents>`);
  const common = [...folders].map((folder) => `<CommonPrefixes>${tag("Prefix", folder)}</CommonPrefixes>`);
  return `<ListBucketResult>${tag("IsTruncated", "false")}${contents.join("")}${common.join("")}</ListBucketResult>`;
}
