import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { type Identity, mayDo, PERMISSION_NAMES, type Permission, type Role, roleSchema } from "../../core/identity.ts";
import { toIso } from "../../core/time.ts";
import { type Authenticate, bearerToken } from "../auth/authenticate.ts";
import { clearCookie, setCookie } from "../auth/cookies.ts";
import { refusal } from "../auth/refusal.ts";
import type { Session, Sessions } from "../auth/sessions.ts";
import { CSRF_HEADER, isFromOwnPage, SESSION_COOKIE, type SignIn } from "../auth/sign-in.ts";
import { shape, time } from "../schemas/shared.ts";

/** Who a request comes from. */
export interface Me {
  readonly subject: string;
  readonly roles: readonly Role[];
  readonly permissions: readonly Permission[];
  readonly specialists: readonly string[] | null;
  readonly channel: Identity["channel"];
  readonly via: Identity["via"];
  readonly expires_at: string | null;
}

const me = shape<Me>(
  "Me",
  z.strictObject({
    subject: z.string(),
    roles: z.array(roleSchema),
    permissions: z.array(z.enum(PERMISSION_NAMES)),
    specialists: z.array(z.string()).nullable().describe("that it may touch; null: all"),
    channel: z.enum(["person", "program", "import_vouched"]).describe("how its feedback arrives, which decides its tier"),
    via: z.enum(["admin_token", "jwt", "api_key", "session"]),
    expires_at: time.nullable(),
  }),
);

export interface ShownSession {
  readonly subject: string;
  readonly csrf: string;
  readonly expires_at: string;
}

const sessionAnswer = shape<ShownSession>(
  "Session",
  z.strictObject({
    subject: z.string(),
    csrf: z.string().describe(`what a change must carry in the header ${CSRF_HEADER}`),
    expires_at: time,
  }),
);

/** Who I am, and signing a browser in and out. */
export const sessionRoutes =
  (authenticate: Authenticate, signIn: SignIn | null, now: () => number): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store"));
    app.get(
      "/me",
      { config: { permission: "signed_in" }, schema: { summary: "Who I am and what I may do", response: { 200: me } } },
      async ({ identity }) => showMe(identity),
    );
    if (signIn === null) {
      done();
      return;
    }
    const { sessions } = signIn;

    app.post(
      "/session",
      {
        config: { permission: "public", problems: ["unauthenticated", "identity_unavailable"] },
        schema: {
          summary: "Sign a browser in with a token: sets a cookie",
          body: z.strictObject({ token: z.string().min(1).max(16_384) }).nullish(),
          response: { 201: sessionAnswer },
        },
      },
      async (request, reply) => {
        // without this, a page of another site could sign the browser in as somebody else, and see what the person then enters
        if ((request.headers.origin ?? request.headers["sec-fetch-site"]) !== undefined && !isFromOwnPage(request))
          throw refusal("csrf", "a sign-in must come from a page of this server");
        const identity = await authenticate(request.body?.token ?? bearerToken(request));
        const { session, cookie } = sessions.start(identity, false);
        setCookie(request, reply, SESSION_COOKIE, cookie, { maxAgeMs: session.expiresAtMs - now(), sameSite: "Strict" });
        return reply.code(201).send(showSession(session, sessions));
      },
    );

    app.get(
      "/session",
      {
        config: { permission: "signed_in", problems: ["not_found"] },
        schema: { summary: "The session of the cookie", response: { 200: sessionAnswer } },
      },
      async ({ session }) => {
        if (session === null) throw new RequeenError("not_found", "the request came with a token, which needs no session");
        return showSession(session, sessions);
      },
    );

    app.delete(
      "/session",
      { config: { permission: "signed_in" }, schema: { summary: "Sign the browser out", response: { 204: z.null() } } },
      async (request, reply) => {
        if (request.session !== null) await sessions.end(request.session);
        clearCookie(request, reply, SESSION_COOKIE, "Strict");
        return reply.code(204).send(null);
      },
    );
    done();
  };

const showSession = (session: Session, sessions: Sessions): ShownSession => ({
  subject: session.identity.subject,
  csrf: sessions.csrfOf(session),
  expires_at: toIso(session.expiresAtMs),
});

const showMe = ({ subject, roles, specialists, channel, via, expiresAtMs }: Identity): Me => ({
  subject,
  roles,
  permissions: PERMISSION_NAMES.filter((permission) => mayDo({ roles }, permission)),
  specialists,
  channel,
  via,
  expires_at: expiresAtMs === null ? null : toIso(expiresAtMs),
});
