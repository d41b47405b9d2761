import type { FastifyInstance, FastifyRequest } from "fastify";
import { isRequeenError, type RequeenError } from "../../core/errors.ts";
import type { Store } from "../../store/store.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** Records a refusal that the handler answers itself. */
    denied(request: FastifyRequest, error: unknown): Promise<void>;
  }
}

export interface Denial {
  /** Who asked; null: nobody that is known. */
  readonly subject: string | null;
  /** Method and route, or what was asked of the embedded MLflow server. */
  readonly asked: string;
  readonly error: RequeenError;
  readonly requestId: string | null;
}

export interface Denials {
  record(denial: Denial): Promise<void>;
  /** Writes what was only counted so far; when the server stops. */
  close(): Promise<void>;
}

export interface DenialOptions {
  readonly store: Pick<Store, "appendAudit">;
  readonly now: () => number;
  readonly log: (event: string, details: Readonly<Record<string, unknown>>) => void;
}

/** Equal denials of one minute are one entry and a count, so that who tries again and again does not fill the disk. */
const WINDOW_MS = 60_000;
/** Different denials of one minute that have entries of their own; the rest are counted together. */
const MAX_ENTRIES = 100;
const OTHERS = "others";

interface Count {
  readonly first: Denial;
  readonly key: string;
  repeated: number;
}

/** Refused requests in the audit log: the first of its kind at once, the others of the minute as a count. */
export function recordDenials({ store, now, log }: DenialOptions): Denials {
  let counts = new Map<string, Count>();
  let beganMs = Number.NEGATIVE_INFINITY;

  const append = async (denial: Denial, details: Readonly<Record<string, unknown>>): Promise<void> => {
    const { subject, asked, error, requestId } = denial;
    const { reason, permission, specialist, token_id } = error.details;
    const entry = {
      at: now(),
      actor: subject ?? "unknown",
      action: "access.deny",
      subject: asked,
      details: JSON.parse(
        JSON.stringify({ code: error.code, reason, permission, specialist, token_id, request_id: requestId, ...details }),
      ) as Record<string, unknown>,
    };
    // the answer to the caller is the refusal, whether or not it can be written down
    await store.appendAudit([entry]).catch((failure: Error) => log("denial_not_recorded", { ...entry, error: failure.message }));
  };

  const flush = async (): Promise<void> => {
    const over = [...counts.values()].filter(({ repeated }) => repeated > 0);
    counts = new Map();
    for (const { first, key, repeated } of over)
      await append(key === OTHERS ? { ...first, subject: null, asked: OTHERS } : first, {
        repeated,
        since: new Date(beganMs).toISOString(),
      });
  };

  return {
    async record(denial) {
      if (now() - beganMs >= WINDOW_MS) {
        await flush();
        beganMs = now();
      }
      const { code, details } = denial.error;
      const wanted = JSON.stringify([denial.subject, code, details.reason, details.permission, details.specialist]);
      const key = counts.has(wanted) || counts.size < MAX_ENTRIES ? wanted : OTHERS;
      const count = counts.get(key);
      if (count !== undefined) count.repeated += 1;
      else {
        counts.set(key, { first: denial, key, repeated: key === OTHERS ? 1 : 0 });
        if (key !== OTHERS) await append(denial, {});
      }
    },
    close: flush,
  };
}

/** Whether an error is one that the audit log should know: a refusal, unless nothing was presented that could be wrong. */
export const isDenial = (error: unknown): error is RequeenError =>
  isRequeenError(error, "forbidden") || (isRequeenError(error, "unauthenticated") && error.details.reason !== "missing");

/** Records the refusals of all routes of a scope; null: nobody keeps them. */
export function installDenials(scope: FastifyInstance, denials: Denials | null): void {
  const denied = async (request: FastifyRequest, error: unknown): Promise<void> => {
    if (denials === null || !isDenial(error)) return;
    const asked = `${request.method} ${request.routeOptions.url ?? request.url.slice(0, 200)}`;
    const known = request.identity as FastifyRequest["identity"] | undefined;
    await denials.record({ subject: known?.subject ?? null, asked, error, requestId: request.id });
  };
  scope.decorate("denied", denied);
  scope.addHook("onError", async (request, _reply, error) => denied(request, error));
}
