/**
 * Artifacts in an S3 bucket (or anything that speaks S3), for servers that hand out `s3://` roots. The AWS SDK finds credentials and region
 * as every AWS tool does (environment, pod identity, profile); it is an optional peer dependency, loaded here and only when needed.
 */
import type { CompletedPart, S3Client } from "@aws-sdk/client-s3";
import { RequeenError } from "../core/errors.ts";
import { joinArtifactPath } from "./artifact-path.ts";
import type { ArtifactStore, Upload } from "./artifact-store.ts";
import { collectBytes } from "./bytes.ts";
import type { ArtifactEntry } from "./registry.ts";

export interface S3Options {
  /** For MinIO and others: "http://minio:9000"; MLflow calls it MLFLOW_S3_ENDPOINT_URL. Default: AWS. */
  readonly endpoint?: string;
  /** Default: what the SDK finds. */
  readonly region?: string;
  /** "http://host/bucket/key" instead of "http://bucket.host/key". Default: true with an endpoint of your own. */
  readonly pathStyle?: boolean;
  /** Content from this size on, or of unknown size, goes up in parts of this size; at least 5 MiB, S3's least. Default 16 MiB. */
  readonly partBytes?: number;
}

const DEFAULT_PART_BYTES = 16 * 1024 * 1024;
const LEAST_PART_BYTES = 5 * 1024 * 1024;
/** S3 takes this many parts; with them grown as needed, objects up to its limit of 5 TiB fit. */
const MOST_PARTS = 10_000;

export function createS3Artifacts(
  place: { readonly bucket: string; readonly prefix: string },
  options: S3Options,
): ArtifactStore {
  const { bucket: Bucket, prefix } = place;
  const keyOf = (path: string) => joinArtifactPath(prefix, path);
  const uriOf = (path: string) => `s3://${Bucket}/${keyOf(path)}`;
  return {
    async put(path, upload) {
      const partBytes = Math.max(
        options.partBytes ?? DEFAULT_PART_BYTES,
        LEAST_PART_BYTES,
        Math.ceil((upload.sizeBytes ?? 0) / MOST_PARTS),
      );
      await told(uriOf(path), async () => {
        if (upload.sizeBytes === null || upload.sizeBytes > partBytes)
          await putInParts(options, { Bucket, Key: keyOf(path) }, upload, partBytes);
        else {
          const { sdk, client } = await connect(options);
          const Body = await wholeOf(upload);
          await client.send(new sdk.PutObjectCommand({ Bucket, Key: keyOf(path), Body, ContentLength: Body.byteLength }));
        }
      });
    },

    async get(path) {
      return told(uriOf(path), async () => {
        const { sdk, client } = await connect(options);
        const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket, Key: keyOf(path) }));
        if (Body === undefined)
          throw new RequeenError("not_found", `${uriOf(path)} was answered without content`, { uri: uriOf(path) });
        return Body as AsyncIterable<Uint8Array>;
      });
    },

    async list(folder) {
      return told(uriOf(folder), async () => {
        const { sdk, client } = await connect(options);
        const Prefix = keyOf(folder) === "" ? "" : `${keyOf(folder)}/`;
        const entries: ArtifactEntry[] = [];
        const nameOf = (key: string) => joinArtifactPath(folder, key.slice(Prefix.length).replace(/\/$/, ""));
        for (let ContinuationToken: string | undefined, more = true; more; ) {
          const answer = await client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix, Delimiter: "/", ContinuationToken }));
          for (const { Prefix: key = "" } of answer.CommonPrefixes ?? [])
            entries.push({ path: nameOf(key), isDirectory: true, sizeBytes: null });
          for (const { Key: key = "", Size } of answer.Contents ?? []) {
            // a key that ends in "/" is a console's marker of an empty folder
            if (!key.endsWith("/")) entries.push({ path: nameOf(key), isDirectory: false, sizeBytes: Size ?? null });
          }
          ContinuationToken = answer.NextContinuationToken;
          more = answer.IsTruncated === true;
        }
        return entries;
      });
    },
  };
}

type Sdk = typeof import("@aws-sdk/client-s3");
interface Connected {
  readonly sdk: Sdk;
  readonly client: S3Client;
}

/** One client per set of options: a client holds its connections and found credentials. */
const clients = new WeakMap<S3Options, Promise<Connected>>();

function connect(options: S3Options): Promise<Connected> {
  let connected = clients.get(options);
  if (connected === undefined) {
    connected = load().then((sdk) => ({ sdk, client: new sdk.S3Client(settingsOf(options)) }));
    clients.set(options, connected);
  }
  return connected;
}

async function load(): Promise<Sdk> {
  try {
    return await import("@aws-sdk/client-s3");
  } catch (cause) {
    const remedy = "install it beside Requeen (`npm install @aws-sdk/client-s3`), or let the MLflow server proxy its artifacts";
    throw new RequeenError("not_implemented", `artifacts on s3:// need the package @aws-sdk/client-s3; ${remedy}`, {}, { cause });
  }
}

function settingsOf({ endpoint, region, pathStyle }: S3Options) {
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: pathStyle ?? true, region: region ?? "us-east-1" }),
    // older S3 look-alikes refuse the checksums that newer SDKs add by themselves
    requestChecksumCalculation: "WHEN_REQUIRED" as const,
    responseChecksumValidation: "WHEN_REQUIRED" as const,
  };
}

async function wholeOf(upload: Upload): Promise<Uint8Array> {
  return collectBytes(upload.open(), Number.POSITIVE_INFINITY);
}

/** Sends `partBytes` at a time: constant memory, and content whose size nobody knows can go up. An upload that fails leaves no parts. */
async function putInParts(
  options: S3Options,
  at: { readonly Bucket: string; readonly Key: string },
  upload: Upload,
  partBytes: number,
): Promise<void> {
  const { sdk, client } = await connect(options);
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(at));
  try {
    const Parts: CompletedPart[] = [];
    for await (const Body of chunksOf(upload, partBytes)) {
      const PartNumber = Parts.length + 1;
      const { ETag } = await client.send(
        new sdk.UploadPartCommand({ ...at, UploadId, PartNumber, Body, ContentLength: Body.byteLength }),
      );
      Parts.push({ ETag, PartNumber });
    }
    await client.send(new sdk.CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } }));
  } catch (error) {
    // a bucket's own rule for unfinished uploads cleans up when this fails too; the first error is the one to tell
    await Promise.allSettled([client.send(new sdk.AbortMultipartUploadCommand({ ...at, UploadId }))]);
    throw error;
  }
}

/** The content in pieces of exactly `sizeBytes`, the last one shorter; one empty piece for empty content. */
async function* chunksOf(upload: Upload, sizeBytes: number): AsyncGenerator<Uint8Array> {
  const content = upload.open();
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let sent = 0;
  for await (const chunk of content instanceof Uint8Array ? [content] : content) {
    let rest = chunk;
    while (waitingBytes + rest.byteLength >= sizeBytes) {
      const taken = sizeBytes - waitingBytes;
      yield Buffer.concat([...waiting, rest.subarray(0, taken)]);
      sent++;
      rest = rest.subarray(taken);
      waiting = [];
      waitingBytes = 0;
    }
    if (rest.byteLength > 0) waiting.push(rest);
    waitingBytes += rest.byteLength;
  }
  if (waitingBytes > 0 || sent === 0) yield Buffer.concat(waiting);
}

/** S3's failures in our words. */
async function told<T>(uri: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RequeenError || !(error instanceof Error)) throw error;
    const status = "$metadata" in error ? (error.$metadata as { httpStatusCode?: number }).httpStatusCode : undefined;
    const details = { uri, reason: error.name, ...(status === undefined ? {} : { status }) };
    const options = { cause: error };
    if (error.name === "NoSuchKey" || error.name === "NotFound")
      throw new RequeenError("not_found", `no artifact lies at ${uri}`, details, options);
    if (error.name === "CredentialsProviderError" || status === 401) {
      throw new RequeenError(
        "unauthenticated",
        `S3 wants credentials for ${uri}, and none were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
        details,
        options,
      );
    }
    if (status === 403) throw new RequeenError("forbidden", `S3 does not allow this at ${uri} (${error.name})`, details, options);
    throw new RequeenError(
      "registry_unavailable",
      `S3 did not do what was asked at ${uri} (${error.name}: ${error.message})`,
      details,
      options,
    );
  }
}
