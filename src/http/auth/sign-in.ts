import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Identity } from "../../core/identity.ts";
import type { ApiKeyReader } from "./api-key.ts";
import { type Authenticate, bearerToken } from "./authenticate.ts";
import { readCookie } from "./cookies.ts";
import type { OidcSignIn } from "./oidc.ts";
import { refusal } from "./refusal.ts";
import type { Session, Sessions } from "./sessions.ts";

/** What a server needs besides tokens, so that browsers and programs can be known. */
export interface SignIn {
  readonly sessions: Sessions;
  /** Null: no OpenID provider is configured. */
  readonly oidc: OidcSignIn | null;
  readonly apiKeys: Pick<ApiKeyReader, "forget">;
}

export const SESSION_COOKIE = "requeen-session";
export const CSRF_HEADER = "x-requeen-csrf";
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

declare module "fastify" {
  interface FastifyRequest {
    /** The browser's session, when a cookie and no token came. */
    session: Session | null;
  }
}

/** Who sends a request: a token in its header, or else the session of its cookie. */
export function identifyBy(
  app: FastifyInstance,
  authenticate: Authenticate,
  sessions: Sessions | null,
): (request: FastifyRequest) => Promise<Identity> {
  app.decorateRequest("session", null);
  return async (request) => {
    const cookie = readCookie(request, SESSION_COOKIE);
    if (sessions === null || cookie === undefined || request.headers.authorization !== undefined)
      return authenticate(bearerToken(request));
    const session = await sessions.read(cookie);
    if (!SAFE_METHODS.has(request.method)) demandOwnPage(request, session, sessions);
    request.session = session;
    return session.identity;
  };
}

/**
 * A browser sends cookies also when a page of another site asks it to. A change must come from a page of this server, which the browser says
 * and no page can forge, and must carry what only such a page can read.
 * @throws RequeenError unauthenticated (reason csrf)
 */
export function demandOwnPage(request: FastifyRequest, session: Session, sessions: Sessions): void {
  if (!isFromOwnPage(request)) throw refusal("csrf", "a change with a session must come from a page of this server");
  const given = request.headers[CSRF_HEADER];
  if (typeof given !== "string" || !sessions.isCsrf(session, given))
    throw refusal(
      "csrf",
      `a change with a session must carry the header ${CSRF_HEADER} with the value that GET /api/v1/session gives`,
    );
}

/** Whether the browser says that a page of this server sent the request. Old browsers send Origin only, some requests Sec-Fetch-Site only. */
export function isFromOwnPage(request: FastifyRequest): boolean {
  const site = request.headers["sec-fetch-site"];
  const { origin } = request.headers;
  if (site === undefined && origin === undefined) return false;
  return (site === undefined || site === "same-origin") && (origin === undefined || isOwnOrigin(request));
}

/** Whether the Origin header names the host that the request was sent to. */
export function isOwnOrigin({ headers }: FastifyRequest): boolean {
  const host = /^https?:\/\/([^/]+)$/.exec(headers.origin ?? "")?.[1];
  return host !== undefined && host.toLowerCase() === headers.host?.toLowerCase();
}
