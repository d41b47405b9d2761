/** What the server says of a failure (RFC 9457, with Requeen's code), or what the browser knows of it. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly remedy: string;
  readonly requestId: string | null;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(status: number, facts: Readonly<Record<string, unknown>>) {
    const text = (name: string): string => (typeof facts[name] === "string" ? facts[name] : "");
    super(text("detail") || text("title") || `HTTP ${status}`);
    this.name = "Problem";
    this.status = status;
    this.code = text("code") || "internal";
    this.remedy = text("remedy");
    this.requestId = text("request_id") || null;
    this.facts = facts;
  }
}

/** The server did not answer: no network, or nothing listens. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super("the server does not answer", { cause });
    this.name = "Unreachable";
  }
}

/** Whether the same request may succeed later without anyone changing anything. */
export const isPassing = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof Problem && [429, 502, 503, 504].includes(error.status));

export const isSignedOut = (error: unknown): boolean => error instanceof Problem && error.status === 401;
export const isForbidden = (error: unknown): boolean => error instanceof Problem && error.status === 403;
