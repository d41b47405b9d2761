import type { FastifyInstance, FastifyRequest } from "fastify";
import { RequeenError } from "../../core/errors.ts";
import { demand, type Identity, type Permission } from "../../core/identity.ts";
import type { House } from "../../loop/house.ts";

/** Who may use a route: holders of a permission, `signed_in` = whoever has a valid token, `public` = everyone, also without one. */
export type RouteAccess = Permission | "signed_in" | "public";

declare module "fastify" {
  interface FastifyRequest {
    /** Who sends the request; set before every handler of a route that is not `public`. */
    identity: Identity;
  }
  interface FastifyInstance {
    /** Every route behind `installAccess`, and who may use it. */
    routeAccess: { readonly method: string; readonly url: string; readonly permission: RouteAccess }[];
  }
  interface FastifyContextConfig {
    /** Demanded before the handler runs; the handler adds the specialist's scope, see `demandSpecialist`. */
    permission?: RouteAccess;
  }
}

/**
 * The one door of the routes of a scope: a route that does not say who may use it does not start, and none is reached without that
 * permission. Call it before routes are registered.
 * @throws RequeenError unauthenticated, forbidden from every route
 */
export function installAccess(scope: FastifyInstance, identify: (request: FastifyRequest) => Promise<Identity>): void {
  scope.addHook("onRoute", ({ method, url, config }) => {
    const { permission } = config ?? {};
    if (permission === undefined)
      throw new Error(`route ${String(method)} ${url} must say who may use it: config: { permission: "read" } or another`);
    for (const name of [method].flat()) scope.routeAccess.push({ method: name, url, permission });
  });
  scope.addHook("onRequest", async (request) => {
    const { permission } = request.routeOptions.config;
    if (permission === "public") return;
    request.identity = await identify(request);
    if (permission === undefined) throw new Error("a route was registered without its permission");
    if (permission !== "signed_in") demand(request.identity, permission);
  });
  scope.addHook("onSend", async (_request, reply) => {
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", CACHING);
  });
}

/** Answers depend on who asks: no cache between may keep them for others. A route that holds secrets says `no-store` itself. */
const CACHING = "private, no-cache";

/** @throws RequeenError forbidden when the specialist is outside the identity's scope */
export function demandSpecialist({ identity }: FastifyRequest, specialist: string): void {
  if (identity.specialists === null || identity.specialists.includes(specialist)) return;
  throw new RequeenError(
    "forbidden",
    `${identity.subject} has no scope for the specialist ${JSON.stringify(specialist)}; it has ${identity.specialists.join(", ") || "none"}`,
    { specialist, scope: identity.specialists },
  );
}

/** The house as an identity sees it: only the specialists of its scope. For use cases over all specialists, such as the status. */
export const houseInScope = <H extends Pick<House, "specialists">>(house: H, { specialists }: Identity): H =>
  specialists === null ? house : { ...house, specialists: house.specialists.filter(({ name }) => specialists.includes(name)) };

/**
 * The specialist that a list is of: what the query names, or the only one of the identity's scope; undefined: all.
 * @throws RequeenError forbidden when the named one is outside the scope, or none is named and the scope has several
 */
export function specialistInScope(request: FastifyRequest, named: string | undefined): string | undefined {
  const { specialists, subject } = request.identity;
  if (named !== undefined) demandSpecialist(request, named);
  if (named !== undefined || specialists === null) return named;
  if (specialists.length === 1) return specialists[0];
  throw new RequeenError(
    "forbidden",
    specialists.length === 0
      ? `${subject} has no specialist in its scope: its token must name some`
      : `${subject} sees only the specialists of its scope: name one of ${specialists.join(", ")} in the query`,
    { scope: specialists },
  );
}
