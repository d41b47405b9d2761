import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { isRequeenError } from "../../core/errors.ts";
import { clearCookie, readCookie, setCookie } from "../auth/cookies.ts";
import { LOGIN_MS, type OidcSignIn } from "../auth/oidc.ts";
import type { Sessions } from "../auth/sessions.ts";
import { SESSION_COOKIE } from "../auth/sign-in.ts";

const LOGIN_COOKIE = "requeen-login";

/** Signing a browser in and out at an OpenID provider; present only when one is configured. */
export const signInRoutes =
  (sessions: Sessions, oidc: OidcSignIn, now: () => number): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    // nothing of these answers may be kept: they set cookies and hold codes
    app.addHook(
      "onSend",
      async (_request, reply) => void reply.headers({ "cache-control": "no-store", "referrer-policy": "no-referrer" }),
    );

    // what a page asks to learn whether there is a provider
    app.head("/login", { config: { permission: "public" } }, async (_request, reply) => reply.code(204).send());

    const begin = z.object({ return_to: z.string().max(2_000).default("/") });
    app.get(
      "/login",
      { exposeHeadRoute: false, config: { permission: "public" }, schema: { querystring: begin } },
      async (request, reply) => {
        const { address, cookie } = await oidc.begin(request.query.return_to);
        setCookie(request, reply, LOGIN_COOKIE, cookie, { maxAgeMs: LOGIN_MS, sameSite: "Lax" });
        return reply.redirect(address, 303);
      },
    );

    app.get("/callback", { exposeHeadRoute: false, config: { permission: "public" } }, async (request, reply) => {
      const login = readCookie(request, LOGIN_COOKIE);
      clearCookie(request, reply, LOGIN_COOKIE, "Lax");
      try {
        const { identity, returnTo } = await oidc.finish(queryOf(request.raw.url), login);
        const { session, cookie } = sessions.start(identity, true);
        setCookie(request, reply, SESSION_COOKIE, cookie, { maxAgeMs: session.expiresAtMs - now(), sameSite: "Strict" });
        return reply.redirect(returnTo, 303);
      } catch (error) {
        if (!isRequeenError(error) || !(request.headers.accept ?? "").includes("text/html")) throw error;
        await app.denied(request, error);
        // a person gets the page that says it in words, not a document for programs
        return reply.redirect(`/sign-in?failed=${encodeURIComponent(String(error.details.reason ?? error.code))}`, 303);
      }
    });

    app.get("/logout", { exposeHeadRoute: false, config: { permission: "public" } }, async (request, reply) => {
      // the cookie is SameSite=Strict: a page of another site that links here ends nobody's session
      const cookie = readCookie(request, SESSION_COOKIE);
      const session = cookie === undefined ? null : await sessions.read(cookie).catch(ignoreUnauthenticated);
      clearCookie(request, reply, SESSION_COOKIE, "Strict");
      if (session === null) return reply.redirect("/", 303);
      await sessions.end(session);
      return reply.redirect((session.oidc ? await oidc.signOutAddress("/") : null) ?? "/", 303);
    });
    done();
  };

/** Who was signed out already stays signed out. */
function ignoreUnauthenticated(error: unknown): null {
  if (isRequeenError(error, "unauthenticated")) return null;
  throw error;
}

const queryOf = (url = ""): string => (url.includes("?") ? url.slice(url.indexOf("?")) : "");
