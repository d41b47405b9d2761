import type { ArtifactStore } from "./artifact-store.ts";
import type { Database } from "./database.ts";
import { LIMITS } from "./names.ts";
import { invalid } from "./protocol-error.ts";
import { pythonBytes, pythonRepr } from "./python-text.ts";

/** What every endpoint works with. */
export interface Context {
  readonly db: Database;
  readonly artifacts: ArtifactStore;
  /** Where new experiments keep their artifacts, without trailing slash: "mlflow-artifacts:". */
  readonly artifactRoot: string;
  /** Whether an experiment may name a local folder of this machine; off, because it lets clients read and write the server's disk. */
  readonly allowLocalArtifactRoots: boolean;
  /** Whether the server may list and serve artifacts from a local folder that a run names. */
  readonly mayReadLocal: (path: string) => boolean;
  /** What every model version's source must match, when set. */
  readonly modelSourcePattern: RegExp | undefined;
  /** Relative artifact locations are taken from here. */
  readonly workingDirectory: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** 32 random lower-case hexadecimal digits. */
  readonly newId: () => string;
}

/** A tag or a parameter, as the wire carries it. */
export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

/** Tags of a request; a missing key or value is the empty string, as protobuf reads it. */
export const readKeyValues = (items: readonly { key: string | undefined; value: string | undefined }[]): KeyValue[] =>
  items.map((item) => ({ key: item.key ?? "", value: item.value ?? "" }));

/** The last of several equal keys wins. */
export const lastByKey = (items: readonly KeyValue[]): KeyValue[] => [...new Map(items.map((item) => [item.key, item])).values()];

/** Offset tokens, as MLflow writes them: base64 of {"offset": n}. */
export const pageToken = (offset: number): string => Buffer.from(`{"offset": ${offset}}`).toString("base64");

export function readPageToken(token: string | undefined): number {
  if (token === undefined || token === "") return 0;
  // As Python's decoder does: other characters are passed over, and what is left must be whole.
  const letters = token.replace(/[^A-Za-z0-9+/=]/g, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(letters) || letters.length % 4 !== 0)
    throw invalid("Invalid page token, could not base64-decode");
  const bytes = Buffer.from(letters, "base64");
  const decoded = bytes.toString("utf8");
  let parsed: unknown;
  try {
    parsed = JSON.parse(decoded);
  } catch {
    throw invalid(`Invalid page token, decoded value=${pythonBytes(bytes)}`);
  }
  const offset = typeof parsed === "object" && parsed !== null && "offset" in parsed ? parsed.offset : undefined;
  if (!offset) throw invalid(`Invalid page token, parsed value=${pythonRepr(parsed)}`);
  const number = Number(offset);
  if (!Number.isSafeInteger(number) || number < 0) throw invalid(`Invalid page token, not stringable ${String(offset)}`);
  return number;
}

/** Rows of one page and the token of the next, from a query that was asked for one row more than the page holds. */
export function cutPage<Row>(rows: Row[], pageSize: number, offset: number): { rows: Row[]; next: string | undefined } {
  if (rows.length <= pageSize) return { rows, next: undefined };
  return { rows: rows.slice(0, pageSize), next: pageToken(offset + pageSize) };
}

/** Appends path segments to an artifact location, before a query if it has one. */
export function joinUri(uri: string, ...segments: readonly string[]): string {
  const [, base = uri, query = ""] = /^([^?]*)(\?.*)?$/s.exec(uri) ?? [];
  if (query.includes("..")) throw invalid("Invalid query string");
  const trimmed = base.replace(/\/+$/, "");
  // "mlflow-artifacts:/" + "1" keeps its single slash.
  return `${trimmed}/${segments.join("/")}${query}`;
}

export function checkArtifactLocationLength(location: string): void {
  if (location.length > LIMITS.artifactLocation) {
    throw invalid(
      `Invalid artifact path length. The length of the artifact path cannot be greater than ${LIMITS.artifactLocation} characters. To ` +
        "configure this limit, please set the MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.",
    );
  }
}
