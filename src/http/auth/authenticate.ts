import type { FastifyRequest } from "fastify";
import type { Identity } from "../../core/identity.ts";
import { API_KEY_PREFIX } from "../../loop/tokens.ts";
import { refusal } from "./refusal.ts";

/** Says who a token belongs to. @throws RequeenError unauthenticated, identity_unavailable, store_unavailable */
export type Authenticate = (token: string | undefined) => Promise<Identity>;

/** The kinds of tokens that a server takes; null: not this one. */
export interface Doors {
  readonly adminToken: Authenticate | null;
  readonly jwt: ((token: string) => Promise<Identity>) | null;
  readonly apiKey: ((key: string) => Promise<Identity>) | null;
}

/** Header, payload and signature, each base64url, with dots between; an unsigned token has nothing after the last dot. */
const JWT_FORM = /^[\w-]+\.[\w-]*\.[\w-]*$/;

/** One way in for every kind of token: its form says which kind it is, and only that kind's check is made. */
export function authenticateBy({ adminToken, jwt, apiKey }: Doors): Authenticate {
  return async (token) => {
    if (token === undefined || token === "")
      throw refusal("missing", "the request has no Authorization header with a bearer token");
    if (token.startsWith(API_KEY_PREFIX) && apiKey !== null) return apiKey(token);
    if (JWT_FORM.test(token)) {
      if (jwt !== null) return jwt(token);
      throw refusal("unknown", "this server takes no JSON Web Tokens; `auth` in its configuration would say which");
    }
    if (adminToken !== null) return adminToken(token);
    throw refusal("malformed", `the bearer token must be ${jwt === null ? "" : "a JSON Web Token or "}an API key (rq_...)`);
  };
}

/** The token of `Authorization: Bearer ...`. */
export const bearerToken = (request: FastifyRequest): string | undefined =>
  /^bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? "")?.[1];
