import type { FastifyInstance } from "fastify";
import { RequeenError } from "../../core/errors.ts";
import { type GuardOptions, isAllowedHost, isBlockedOrigin } from "../../mlflow/request-guard.ts";
import { isOwnOrigin } from "./sign-in.ts";

/** Refuses what a browser may have been tricked into sending: another Host than ours, a change from a page of another site. */
export function installBrowserGuard(scope: FastifyInstance, options: GuardOptions): void {
  scope.addHook("onRequest", async (request) => {
    const { host, origin } = request.headers;
    if (!isAllowedHost(host, options))
      throw new RequeenError(
        "forbidden",
        `the Host header ${JSON.stringify((host ?? "").slice(0, 200))} names another server: a page may be using your browser to reach this one. ` +
          "`server.publicUrl` and `server.allowedHosts` let further names in",
      );
    // the Host is ours, so a page of this very host is ours too
    if (isBlockedOrigin(origin, request.method, options) && !isOwnOrigin(request))
      throw new RequeenError("forbidden", `pages of ${String(origin).slice(0, 200)} may not change anything here`);
  });
}
