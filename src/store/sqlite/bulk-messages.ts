import type { SQLInputValue } from "node:sqlite";
import { ERRORS, type ErrorCode, RequeenError } from "../../core/errors.ts";
import type { Feedback } from "../../core/feedback.ts";
import type { Opinion } from "../../core/opinion.ts";

/** What crosses the border between an import and the thread that writes for it: see bulk-writer.ts. */

/** What the thread opens. */
export interface BulkPlace {
  readonly path: string;
  readonly busyTimeoutMs: number;
  readonly maxSizeBytes: number | undefined;
}

export type BulkWork =
  /** Rows of INSERT_OPINION one after another; vectors stand together in `vectors`, and in the row their length in bytes. */
  | { readonly kind: "opinionRows"; readonly values: readonly SQLInputValue[]; readonly vectors: Uint8Array }
  /** Each judgement: its opinion's id, then the row of INSERT_FEEDBACK; the thread fills in what the opinion and the order give. */
  | { readonly kind: "feedbackRows"; readonly values: readonly SQLInputValue[]; readonly recordedAt: number }
  /** What was not plainly new: by the methods of the store. */
  | { readonly kind: "opinions"; readonly opinions: readonly Opinion[] }
  | { readonly kind: "feedback"; readonly feedback: readonly Feedback[]; readonly recordedAt: number }
  /** Closes the connection. */
  | { readonly kind: "end" };

export interface BulkAsk {
  readonly id: number;
  readonly work: BulkWork;
}

/** `answer` of rows: one byte a row, 1 = new and stored, 0 = untouched; of documents: what the store's method answers. */
export type BulkAnswer =
  | { readonly id: number; readonly answer: unknown }
  | {
      readonly id: number;
      readonly error: { readonly code: ErrorCode | null; readonly message: string; readonly details: object };
    };

export const bulkError = (thrown: unknown): Extract<BulkAnswer, { error: unknown }>["error"] =>
  thrown instanceof RequeenError
    ? { code: thrown.code, message: thrown.message.replace(`${thrown.code}: `, ""), details: thrown.details }
    : { code: null, message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown), details: {} };

export const errorOf = ({ code, message, details }: ReturnType<typeof bulkError>): Error =>
  code !== null && code in ERRORS ? new RequeenError(code, message, { ...details }) : new Error(message);
