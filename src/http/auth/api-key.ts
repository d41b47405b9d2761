import { timingSafeEqual } from "node:crypto";
import type { Identity } from "../../core/identity.ts";
import { toIso } from "../../core/time.ts";
import { PROGRAM_PREFIX, TOKEN_TIERS, type Token } from "../../core/token.ts";
import { hashOfSecret, partsOfKey } from "../../loop/tokens.ts";
import type { Store } from "../../store/store.ts";
import { refusal } from "./refusal.ts";

/** Another process sees a revocation at the latest after this. */
const REMEMBERED_MS = 2_000;
const MAX_REMEMBERED = 1_000;
/** How coarse `last_used_at` is: a write for every request would be more work than the request. */
const TOUCH_EVERY_MS = 3_600_000;

export interface ApiKeyReader {
  /** @throws RequeenError unauthenticated, store_unavailable */
  (key: string): Promise<Identity>;
  /** Forgets what was read of a key, so that its revocation holds here at once. */
  forget(tokenId: string): void;
}

/** Checks API keys against the store. */
export function apiKeyReader(
  store: Pick<Store, "getToken" | "touchToken">,
  now: () => number,
  log: (event: string, details: Readonly<Record<string, unknown>>) => void,
): ApiKeyReader {
  const remembered = new Map<string, { readonly token: Token; readonly atMs: number }>();

  const read = async (tokenId: string): Promise<Token | null> => {
    const known = remembered.get(tokenId);
    if (known !== undefined && now() - known.atMs < REMEMBERED_MS) return known.token;
    remembered.delete(tokenId);
    const token = await store.getToken(tokenId);
    if (token === null) return null;
    const [oldest] = remembered.keys();
    if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    remembered.set(tokenId, { token, atMs: now() });
    return token;
  };

  const touch = async (token: Token): Promise<void> => {
    const at = now();
    if (at - (token.last_used_at ?? 0) < TOUCH_EVERY_MS) return;
    const known = remembered.get(token.token_id);
    if (known !== undefined) remembered.set(token.token_id, { ...known, token: { ...token, last_used_at: at } });
    // the request does not depend on this note of when
    await store
      .touchToken(token.token_id, at)
      .catch((error: Error) => log("token_use_not_recorded", { token_id: token.token_id, error: error.message }));
  };

  const reader = async (key: string): Promise<Identity> => {
    const parts = partsOfKey(key);
    if (parts === null)
      throw refusal("malformed", "the API key must have the form rq_<id>_<secret>; part of it may have been lost in copying");
    const { tokenId, secret } = parts;
    const token = await read(tokenId);
    // the same message and the same work, whether the id or the secret is wrong
    const wanted = Buffer.from(token?.secret_sha256 ?? hashOfSecret(""), "hex");
    const fits = timingSafeEqual(Buffer.from(hashOfSecret(secret), "hex"), wanted);
    if (token === null || !fits) throw refusal("unknown", "there is no such API key", { token_id: tokenId });
    if (token.revoked_at !== null)
      throw refusal("revoked", `the API key ${token.name} was revoked at ${toIso(token.revoked_at)}`, { token_id: tokenId });
    if (token.expires_at !== null && now() >= token.expires_at)
      throw refusal("expired", `the API key ${token.name} expired at ${toIso(token.expires_at)}`, { token_id: tokenId });
    await touch(token);
    return {
      subject: PROGRAM_PREFIX + token.name,
      roles: token.roles,
      specialists: token.specialists,
      channel: TOKEN_TIERS[token.tier],
      via: "api_key",
      expiresAtMs: token.expires_at,
    };
  };
  return Object.assign(reader, { forget: (tokenId: string) => void remembered.delete(tokenId) });
}
