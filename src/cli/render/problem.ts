import { ERRORS, type ErrorCode, isRequeenError, RequeenError } from "../../core/errors.ts";
import type { Styles } from "../terminal.ts";

/** A failure in the form of application/problem+json (RFC 9457), as the HTTP API answers it, with the remedy. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly remedy: string;
  /** The facts of the error, beside the fields above. */
  readonly [fact: string]: unknown;
}

/** Anything thrown, as a failure of the table: what we did not throw ourselves is a bug of ours. */
export function toRequeenError(error: unknown): RequeenError {
  if (isRequeenError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RequeenError("internal", message, {}, { cause: error });
}

export function toProblem(error: RequeenError): ProblemDocument {
  const { http, meaning, remedy } = ERRORS[error.code];
  const type = `https://requeen.dev/errors#${error.code}`;
  return { ...error.details, type, title: meaning, status: http, code: error.code, detail: error.message, remedy };
}

/** What happened, what it means, what to do next. The stack is added for bugs and when `withStack` asks for it. */
export function renderProblem(error: RequeenError, style: Styles, withStack: boolean): string {
  const { meaning, remedy } = ERRORS[error.code];
  const lines = [`${style.red("requeen:")} ${error.message}`, `  ${meaning}`, `  ${style.bold("Next:")} ${remedy}`];
  if (error.code === "internal" || withStack) lines.push(...stacks(error));
  return lines.join("\n");
}

function* stacks(error: unknown): Generator<string> {
  for (let current = error; current instanceof Error; current = current.cause) yield current.stack ?? current.message;
}
