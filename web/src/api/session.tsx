import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo } from "react";
import type { Permission } from "../../../src/core/identity.ts";
import { ask, setCsrf } from "./http.ts";
import { isSignedOut } from "./problem.ts";

/** GET /api/v1/me */
export interface Me {
  readonly subject: string;
  readonly roles: readonly string[];
  readonly permissions: readonly Permission[];
  /** Null: all. */
  readonly specialists: readonly string[] | null;
  readonly via: string;
  readonly expires_at: string | null;
}

/** What GET and POST /api/v1/session say that the pages need. */
interface SessionAnswer {
  readonly csrf: string;
}

export type Session =
  | { readonly state: "loading" }
  | { readonly state: "out"; readonly expired: boolean }
  | { readonly state: "failed"; readonly error: unknown }
  | { readonly state: "in"; readonly me: Me; may(permission: Permission): boolean };

const SESSION_KEY = ["session"];
const SessionContext = createContext<Session>({ state: "loading" });

async function readSession(): Promise<Me | null> {
  try {
    const [{ csrf }, me] = await Promise.all([ask<SessionAnswer>("/session"), ask<Me>("/me")]);
    setCsrf(csrf);
    return me;
  } catch (error) {
    if (isSignedOut(error)) return null;
    throw error;
  }
}

export function SessionProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const { data, error, isPending } = useQuery({ queryKey: SESSION_KEY, queryFn: readSession, staleTime: 60_000 });
  useEffect(() => {
    if (data) wasIn = true;
  }, [data]);
  const session = useMemo((): Session => {
    if (data) return { state: "in", me: data, may: (permission) => data.permissions.includes(permission) };
    if (data === null) return { state: "out", expired: wasIn };
    if (isPending) return { state: "loading" };
    return { state: "failed", error };
  }, [data, error, isPending]);
  return <SessionContext value={session}>{children}</SessionContext>;
}

/** Somebody was signed in since this page was loaded: a sign-in that is asked for again has its reason. */
let wasIn = false;

export const useSession = (): Session => useContext(SessionContext);

/** The signed-in person; only for what is drawn when somebody is. */
export function useMe(): Extract<Session, { state: "in" }> {
  const session = useSession();
  if (session.state !== "in") throw new Error("useMe without a session");
  return session;
}

/** The server does not know the session any more. What the person was doing stays in its view's address and in the outbox. */
export function endSession(client: QueryClient): void {
  setCsrf(null);
  client.setQueryData(SESSION_KEY, null);
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_KEY[0] });
}

export function useSignIn(): { signIn(token: string): Promise<void>; signOut(): Promise<void>; lost(): void } {
  const client = useQueryClient();
  return useMemo(
    () => ({
      async signIn(token) {
        const { csrf } = await ask<SessionAnswer>("/session", { method: "POST", body: { token } });
        setCsrf(csrf);
        await client.invalidateQueries({ queryKey: SESSION_KEY });
      },
      async signOut() {
        await ask("/session", { method: "DELETE" });
        wasIn = false;
        endSession(client);
      },
      lost: () => endSession(client),
    }),
    [client],
  );
}
