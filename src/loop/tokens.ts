import { createHash } from "node:crypto";
import { z } from "zod";
import { RequeenError } from "../core/errors.ts";
import type { Role } from "../core/identity.ts";
import { isProgramRole, PROGRAM_ROLES, type Token, type TokenTier, tokenSchema } from "../core/token.ts";
import { type House, specialistOf } from "./house.ts";

export const API_KEY_PREFIX = "rq_";
const KEY_FORM = /^rq_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** What is stored of a secret: SHA-256, hex. */
export const hashOfSecret = (secret: string): string => createHash("sha256").update(secret).digest("hex");

/** Id and secret of an API key, `rq_<id>_<secret>`; null when the text is none. */
export function partsOfKey(key: string): { tokenId: string; secret: string } | null {
  const [, tokenId, secret] = KEY_FORM.exec(key) ?? [];
  return tokenId === undefined || secret === undefined ? null : { tokenId, secret };
}

const DAY_MS = 86_400_000;
const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY_MS };
const MAX_LIFE_MS = 3_660 * DAY_MS;

/** `90d`, `12h`, `15m`, or `never` (null), in milliseconds. @throws RequeenError bad_request */
export function readLifetime(text: string): number | null {
  if (text === "never") return null;
  const [, count = "", unit = ""] = /^([1-9][0-9]{0,5})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit] ?? 0);
  if (ms > 0 && ms <= MAX_LIFE_MS) return ms;
  throw new RequeenError(
    "bad_request",
    `a lifetime must be like 90d, 12h or 15m, at most ten years, or never; got ${JSON.stringify(text)}`,
    {
      field: "expires_in",
    },
  );
}

export interface NewToken {
  readonly name: string;
  readonly roles: readonly Role[];
  /** Null: all. */
  readonly specialists: readonly string[] | null;
  readonly tier: TokenTier;
  /** Who answers for labels of tier `bulk`; null: who makes the key. Not given with `rule`. */
  readonly vouchedBy: string | null;
  readonly expiresIn: string;
}

/** What the outside sees of an API key. */
export type ShownToken = Omit<z.input<typeof tokenSchema>, "secret_sha256"> & {
  readonly state: "active" | "expired" | "revoked";
};
/** The key itself is in the answer of its making and nowhere else. */
export type MadeToken = ShownToken & { readonly token: string };

/**
 * Makes an API key for a program. Only its digest is stored: a key that is lost is revoked and another one made.
 * @param dryRun checks and stores nothing; the answer has no key.
 * @throws RequeenError bad_request, specialist_not_found
 */
export async function createToken(house: House, wanted: NewToken, dryRun = false): Promise<MadeToken> {
  const foreign = wanted.roles.filter((role) => !isProgramRole(role));
  if (foreign.length > 0 || wanted.roles.length === 0)
    throw new RequeenError(
      "bad_request",
      `roles of an API key must be among ${PROGRAM_ROLES.join(", ")}; got ${foreign.join(", ") || "none"}. People come with tokens of their own`,
      { field: "roles", allowed: PROGRAM_ROLES },
    );
  if (wanted.tier === "rule" && wanted.vouchedBy !== null)
    throw new RequeenError("bad_request", "vouched_by is for the tier bulk: nobody answers for labels of tier rule", {
      field: "vouched_by",
    });
  for (const name of wanted.specialists ?? []) specialistOf(house, name);
  const now = house.now();
  const lifeMs = readLifetime(wanted.expiresIn);
  const tokenId = house.newId("").slice(0, 16);
  const secret = Buffer.from(house.newId("") + house.newId(""), "hex").toString("base64url");
  const token: Token = {
    token_id: tokenId,
    name: wanted.name,
    roles: [...new Set(wanted.roles)],
    specialists: wanted.specialists === null ? null : [...new Set(wanted.specialists)],
    tier: wanted.tier,
    vouched_by: wanted.tier === "bulk" ? (wanted.vouchedBy ?? house.actor) : null,
    secret_sha256: hashOfSecret(secret),
    created_by: house.actor,
    created_at: now,
    expires_at: lifeMs === null ? null : now + lifeMs,
    last_used_at: null,
    revoked_at: null,
    revoked_by: null,
  };
  checkFields(token);
  if (dryRun) return { ...showToken(token, now), token: "" };
  await house.store.addToken(token);
  const { name, roles, specialists, tier, vouched_by } = token;
  const expires_at = token.expires_at === null ? null : new Date(token.expires_at).toISOString();
  const details = { name, roles, specialists, tier, vouched_by, expires_at };
  await house.store.appendAudit([{ at: now, actor: house.actor, action: "token.create", subject: tokenId, details }]);
  return { ...showToken(token, now), token: `${API_KEY_PREFIX}${tokenId}_${secret}` };
}

/** Ends an API key for good. @throws RequeenError not_found */
export async function revokeToken(house: House, tokenId: string): Promise<ShownToken> {
  const before = await house.store.getToken(tokenId);
  const token = await house.store.revokeToken(tokenId, house.actor, house.now());
  if (before?.revoked_at === null) {
    const entry = {
      at: house.now(),
      actor: house.actor,
      action: "token.revoke",
      subject: tokenId,
      details: { name: token.name },
    };
    await house.store.appendAudit([entry]);
  }
  return showToken(token, house.now());
}

export function showToken(token: Token, now: number): ShownToken {
  const { secret_sha256: _hidden, ...shown } = z.encode(tokenSchema, token);
  const expired = token.expires_at !== null && now >= token.expires_at;
  return { ...shown, state: token.revoked_at !== null ? "revoked" : expired ? "expired" : "active" };
}

function checkFields(token: Token): void {
  const checked = tokenSchema.safeEncode(token);
  if (checked.success) return;
  const problems = checked.error.issues.map(({ path, message }) => ({ field: path.join("."), reason: message }));
  throw new RequeenError("bad_request", problems.map(({ field, reason }) => `${field}: ${reason}`).join("; "), { problems });
}
