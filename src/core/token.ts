import { z } from "zod";
import { ROLES, type Role, roleSchema } from "./identity.ts";
import { timestamp } from "./time.ts";

/** The tiers that a program's labels may have; never one of a person who looked. */
export const TOKEN_TIERS = { rule: "program", bulk: "import_vouched" } as const;
export type TokenTier = keyof typeof TOKEN_TIERS;

/**
 * An API key: what a program sends to be known. The secret itself is never stored, only its SHA-256; it is 32 random bytes, so that a slow
 * hash would protect nothing more. Collection `tokens`.
 */
export const tokenSchema = z.strictObject({
  token_id: z.string().regex(/^[0-9a-f]{16}$/),
  /** Names the program: its labels are those of the reviewer `program:<name>`. */
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, "must be lower-case letters, digits, dots, hyphens or underscores"),
  roles: z.array(roleSchema).min(1),
  /** Specialists that it may touch; null: all. */
  specialists: z.array(z.string().min(1)).min(1).nullable(),
  tier: z.enum(Object.keys(TOKEN_TIERS) as TokenTier[]),
  /** The person who answers for labels of tier `bulk`; null with `rule`. */
  vouched_by: z.string().min(1).max(256).nullable(),
  secret_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  created_by: z.string(),
  created_at: timestamp,
  /** Null: it does not end by itself. */
  expires_at: timestamp.nullable(),
  /** Coarse: within the hour. Null: never used. */
  last_used_at: timestamp.nullable(),
  revoked_at: timestamp.nullable(),
  revoked_by: z.string().nullable(),
});
export type Token = z.output<typeof tokenSchema>;

/** Subjects of programs begin so; a person's token with such a subject is refused, so that nobody is taken for a program or the reverse. */
export const PROGRAM_PREFIX = "program:";

export const isProgramRole = (role: Role): boolean => ROLES[role].of === "program";
export const PROGRAM_ROLES = roleSchema.options.filter(isProgramRole);
