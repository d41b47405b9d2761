import { RequeenError } from "../../core/errors.ts";

/** Forms in which documents are read and written. */
export const FORMATS = ["ndjson", "json", "csv", "parquet"] as const;
export type Format = (typeof FORMATS)[number];

const FORMAT_OF_ENDING: Readonly<Record<string, Format>> = {
  ndjson: "ndjson",
  jsonl: "ndjson",
  json: "json",
  csv: "csv",
  parquet: "parquet",
  pq: "parquet",
};

/** The name of standard input or output on a command line. */
export const STANDARD_STREAM = "-";

/** @throws RequeenError bad_parameter when neither option nor ending says which form it is. */
export function formatOf(path: string, given: Format | undefined): Format {
  if (given !== undefined) return given;
  if (path === STANDARD_STREAM) return "ndjson";
  const ending = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? "";
  const format = FORMAT_OF_ENDING[ending];
  if (format !== undefined) return format;
  const endings = Object.keys(FORMAT_OF_ENDING).map((name) => `.${name}`);
  throw new RequeenError(
    "bad_parameter",
    `the form of ${path} must be told by --format (${FORMATS.join(", ")}) or by an ending ${endings.join(", ")}; got ${ending === "" ? "none" : `.${ending}`}`,
    { path },
  );
}

/** Media types of the forms, as a request's content type and an answer's. */
export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  ndjson: "application/x-ndjson",
  json: "application/json",
  csv: "text/csv",
  parquet: "application/vnd.apache.parquet",
};
