import { timingSafeEqual } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { type Identity, roleSchema } from "../../core/identity.ts";
import type { Store } from "../../store/store.ts";
import { refusal } from "./refusal.ts";
import { remembering } from "./remember.ts";
import type { Sealer } from "./sealer.ts";

/** A browser that is signed in. */
export interface Session {
  readonly id: string;
  readonly identity: Identity & { readonly via: "session" };
  readonly expiresAtMs: number;
  /** For the sign-out at the OpenID provider; absent when the session began with a token. */
  readonly oidc: boolean;
}

export interface SessionOptions {
  readonly store: Pick<Store, "getSetting" | "putSetting" | "acquireLease" | "releaseLease">;
  readonly sealer: Sealer;
  readonly longestMs: number;
  readonly now: () => number;
  readonly newId: (prefix: string) => string;
  /** Names this process in leases. */
  readonly owner: string;
  /** The machine's clock, by which leases are compared. */
  readonly leaseNow: () => number;
}

export interface Sessions {
  /** @throws RequeenError forbidden for programs: they send their key with each request */
  start(identity: Identity, oidc: boolean): { readonly session: Session; readonly cookie: string };
  /** @throws RequeenError unauthenticated when the cookie is not ours, its time is over, or the browser signed out */
  read(cookie: string): Promise<Session>;
  /** Ends it for every server that shares the store, whoever kept a copy of the cookie. */
  end(session: Session): Promise<void>;
  csrfOf(session: Session): string;
  isCsrf(session: Session, text: string): boolean;
}

const PURPOSE = "session";
/** Belongs to this store and is not moved to another. */
const ENDED = "requeen:ended-sessions";
/** Another process sees a sign-out at the latest after this. */
const REMEMBERED_MS = 2_000;

const cookieSchema = z.object({
  version: z.literal(1),
  id: z.string(),
  subject: z.string(),
  roles: z.array(roleSchema),
  specialists: z.array(z.string()).nullable(),
  oidc: z.boolean(),
  expiresAtMs: z.number(),
});
const endedSchema = z.record(z.string(), z.number());

/**
 * Sessions live in the browser's cookie, sealed: any server with the same key reads them, also after a restart. The store keeps only which
 * ones were ended before their time.
 */
export function openSessions({ store, sealer, longestMs, now, newId, owner, leaseNow }: SessionOptions): Sessions {
  let ended: { readonly ids: Readonly<Record<string, number>>; readonly atMs: number } | null = null;

  const readEnded = async (): Promise<Record<string, number>> => {
    const ids = endedSchema.parse((await store.getSetting(ENDED)) ?? {});
    return Object.fromEntries(Object.entries(ids).filter(([, expiresAtMs]) => expiresAtMs > now()));
  };

  const openCookie = remembering<Session>(
    async (cookie) => {
      const parsed = cookieSchema.safeParse(sealer.open(PURPOSE, cookie));
      if (!parsed.success) throw refusal("malformed", "the session cookie is not one of this server: sign in again");
      const { id, subject, roles, specialists, oidc, expiresAtMs } = parsed.data;
      if (now() >= expiresAtMs)
        throw refusal("expired", "the session is over: sign in again", { expired_at: new Date(expiresAtMs).toISOString() });
      return { id, identity: { subject, roles, specialists, channel: "person", via: "session", expiresAtMs }, expiresAtMs, oidc };
    },
    ({ expiresAtMs }) => expiresAtMs,
    now,
  );

  return {
    start(identity, oidc) {
      if (identity.channel !== "person")
        throw new RequeenError(
          "forbidden",
          `${identity.subject} is a program: it sends its key with each request and has no session`,
        );
      const expiresAtMs = Math.min(now() + longestMs, identity.expiresAtMs ?? Number.POSITIVE_INFINITY);
      const { subject, roles, specialists } = identity;
      const id = newId("session-");
      const cookie = sealer.seal(PURPOSE, { version: 1, id, subject, roles, specialists, oidc, expiresAtMs });
      return { session: { id, identity: { ...identity, via: "session", expiresAtMs }, expiresAtMs, oidc }, cookie };
    },

    async read(cookie) {
      const session = await openCookie(cookie);
      if (ended === null || now() - ended.atMs >= REMEMBERED_MS) ended = { ids: await readEnded(), atMs: now() };
      if (Object.hasOwn(ended.ids, session.id))
        throw refusal("signed_out", "the browser signed out of this session: sign in again");
      return session;
    },

    async end({ id, expiresAtMs }) {
      const mine = `${owner}:${id}`; // so that two sign-outs in this process also wait for each other
      const lease = await takeLease(store, ENDED, mine, leaseNow);
      try {
        const ids = { ...(await readEnded()), [id]: expiresAtMs };
        await store.putSetting(ENDED, ids);
        ended = { ids, atMs: now() };
      } finally {
        await store.releaseLease(ENDED, mine, lease.fence);
      }
    },

    csrfOf: ({ id }) => sealer.sign("csrf", id),
    isCsrf: ({ id }, text) => {
      const wanted = Buffer.from(sealer.sign("csrf", id));
      const given = Buffer.from(text);
      return given.length === wanted.length && timingSafeEqual(given, wanted);
    },
  };
}

const LEASE_MS = 5_000;
const ATTEMPTS = 40;
const BETWEEN_MS = 50;

/** Waits for its turn: the list of ended sessions is read and written as a whole. @throws RequeenError conflict */
async function takeLease(
  store: SessionOptions["store"],
  name: string,
  owner: string,
  leaseNow: () => number,
): Promise<{ fence: number }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const lease = await store.acquireLease(name, owner, LEASE_MS, leaseNow());
    if (lease !== null) return lease;
    await pause(BETWEEN_MS);
  }
  throw new RequeenError("conflict", "another server is writing the list of ended sessions; sign out again");
}
