/**
 * Request messages as data: each field's protobuf type and whether it is required. The types of the parsed requests derive from here.
 * Source: reference/mlflow/protos.txt.
 */

/** A 64-bit integer: a bigint only where a number would lose digits. */
export type Int64 = number | bigint;

export interface Field {
  readonly kind:
    | "string"
    | "int64"
    | "int32"
    | "double"
    | "bool"
    | "enum"
    | "message"
    | "map"
    | "timestamp"
    | "duration"
    | "json";
  readonly many?: true;
  readonly required?: true;
  /** Names of an enum's values. */
  readonly names?: readonly string[];
  /** Number of the first name. */
  readonly firstNumber?: number;
  readonly fields?: Fields;
  /** The largest value that the endpoint takes. */
  readonly atMost?: number;
}
export type Fields = { readonly [name: string]: Field };

type One<F extends Field> = F extends { kind: "string" }
  ? string
  : F extends { kind: "int64" }
    ? Int64
    : F extends { kind: "int32" | "double" | "timestamp" | "duration" }
      ? number
      : F extends { kind: "bool" }
        ? boolean
        : F extends { kind: "enum"; names: readonly (infer Name)[] }
          ? Name
          : F extends { kind: "message"; fields: infer Inner extends Fields }
            ? Message<Inner>
            : F extends { kind: "map" }
              ? Readonly<Record<string, string>>
              : F extends { kind: "json" }
                ? unknown
                : never;

/** A parsed message: repeated fields are lists (maybe empty), required ones are there, others may be undefined. */
export type Message<M extends Fields> = {
  readonly [Name in keyof M]: M[Name] extends { many: true }
    ? readonly One<M[Name]>[]
    : M[Name] extends { required: true }
      ? One<M[Name]>
      : One<M[Name]> | undefined;
};

export const text = { kind: "string" } as const;
export const int64 = { kind: "int64" } as const;
export const int32 = { kind: "int32" } as const;
export const double = { kind: "double" } as const;
export const bool = { kind: "bool" } as const;
/** Texts by name. */
export const map = { kind: "map" } as const;
/** RFC 3339 on the wire, milliseconds since the epoch here. */
export const timestamp = { kind: "timestamp" } as const;
/** "1.5s" on the wire, whole milliseconds here. */
export const duration = { kind: "duration" } as const;
/** Any JSON value but null, which is absent. */
export const json = { kind: "json" } as const;
export const oneOf = <const Names extends readonly string[]>(names: Names, firstNumber: number) =>
  ({ kind: "enum", names, firstNumber }) as const;
export const message = <M extends Fields>(fields: M) => ({ kind: "message", fields }) as const;
export const many = <F extends Field>(field: F) => ({ ...field, many: true }) as const;
export const required = <F extends Field>(field: F) => ({ ...field, required: true }) as const;
export const atMost = <F extends Field>(limit: number, field: F) => ({ ...field, atMost: limit }) as const;

export const keyValue = message({ key: text, value: text });

export const VIEW_TYPES = ["ACTIVE_ONLY", "DELETED_ONLY", "ALL"] as const;
export type ViewType = (typeof VIEW_TYPES)[number];
export const viewType = oneOf(VIEW_TYPES, 1);
export const RUN_STATUSES = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"] as const;
export const runStatus = oneOf(RUN_STATUSES, 1);
export const MODEL_STATUSES = [
  "LOGGED_MODEL_STATUS_UNSPECIFIED",
  "LOGGED_MODEL_PENDING",
  "LOGGED_MODEL_READY",
  "LOGGED_MODEL_UPLOAD_FAILED",
] as const;
export const modelStatus = oneOf(MODEL_STATUSES, 0);

export const metric = message({
  key: text,
  value: double,
  timestamp: int64,
  step: int64,
  model_id: text,
  dataset_name: text,
  dataset_digest: text,
});
