import { z } from "zod";
import { RequeenError } from "./errors.ts";
import type { Channel } from "./evidence.ts";

/** What a request may ask for. One list for the API, the pages, the embedded MLflow server and the audit log. */
export const PERMISSIONS = {
  read: "see status, opinions, feedback, runs, verdicts, models, history",
  judge: "judge plans and store opinions",
  feedback: "send judgements; the identity's channel decides their tier",
  review: "claim opinions of the review queue and judge them",
  import: "import feedback and vouch for it, export, replay the quarantine",
  operate: "retrain, approve, decline, promote, roll back, pause",
  administer: "make and revoke tokens, read the audit log, see settings",
  registry_read: "read the embedded MLflow server",
  registry_write: "write runs, models and artifacts to the embedded MLflow server",
  registry_promote: "move aliases and stages in the embedded MLflow server",
} as const satisfies Record<string, string>;

export type Permission = keyof typeof PERMISSIONS;
export const PERMISSION_NAMES = Object.keys(PERMISSIONS) as Permission[];

/** The roles of people (from their token) and of programs (from their API key). */
export const ROLES = {
  viewer: { of: "person", may: ["read", "registry_read"], meaning: "sees everything, changes nothing" },
  reviewer: { of: "person", may: ["read", "feedback", "review"], meaning: "judges opinions" },
  specialist_reviewer: {
    of: "person",
    may: ["read", "feedback", "review"],
    meaning: "judges opinions of the specialists in its scope",
  },
  human_expert: { of: "person", may: ["read", "feedback", "review"], meaning: "judges opinions; the original system's word" },
  ml_engineer: {
    of: "person",
    may: ["read", "judge", "feedback", "review", "import", "operate", "registry_read", "registry_write", "registry_promote"],
    meaning: "runs retraining, vouches for imports, approves and rolls back",
  },
  admin: { of: "person", may: Object.keys(PERMISSIONS) as Permission[], meaning: "may do everything" },
  program: { of: "program", may: ["read", "judge", "feedback"], meaning: "sends opinions and machine labels" },
  registry_reader: { of: "program", may: ["registry_read"], meaning: "reads models and runs of the embedded MLflow server" },
  registry_writer: {
    of: "program",
    may: ["registry_read", "registry_write"],
    meaning: "also writes runs and registers versions",
  },
  registry_promoter: {
    of: "program",
    may: ["registry_read", "registry_write", "registry_promote"],
    meaning: "also moves aliases and stages",
  },
} as const satisfies Record<string, { of: "person" | "program"; may: readonly Permission[]; meaning: string }>;

export type Role = keyof typeof ROLES;
export const ROLE_NAMES = Object.keys(ROLES) as Role[];
export const roleSchema = z.enum(ROLE_NAMES);

/** Who sends a request: from the token, never from the body. */
export interface Identity {
  /** The reviewer of a judgement and the actor of an audit entry. */
  readonly subject: string;
  readonly roles: readonly Role[];
  /** Specialists that it may touch; null: all. */
  readonly specialists: readonly string[] | null;
  /** The channel of feedback that it posts directly: `person` for people, `program` or `import_vouched` for API keys. */
  readonly channel: Extract<Channel, "person" | "program" | "import_vouched">;
  readonly via: "admin_token" | "jwt" | "api_key" | "session";
  /** When it ends by itself; null: it does not. */
  readonly expiresAtMs: number | null;
}

export const mayDo = (identity: Pick<Identity, "roles">, permission: Permission): boolean =>
  identity.roles.some((role) => (ROLES[role].may as readonly Permission[]).includes(permission));

export const mayTouch = (identity: Identity, specialist: string): boolean =>
  identity.specialists === null || identity.specialists.includes(specialist);

/**
 * Lets the identity pass, or names what is missing.
 * @param specialist checked against the identity's scope; null: the request concerns no single specialist.
 * @throws RequeenError forbidden
 */
export function demand(identity: Identity, permission: Permission, specialist: string | null = null): void {
  if (!mayDo(identity, permission)) {
    const roles = ROLE_NAMES.filter((role) => (ROLES[role].may as readonly Permission[]).includes(permission));
    throw new RequeenError(
      "forbidden",
      `${identity.subject} (${identity.roles.join(", ") || "no role"}) may not ${PERMISSIONS[permission]}; roles that may: ${roles.join(", ")}`,
      { permission, roles },
    );
  }
  if (specialist !== null && !mayTouch(identity, specialist))
    throw new RequeenError("forbidden", `${identity.subject} has no scope for the specialist ${JSON.stringify(specialist)}`, {
      specialist,
      scope: identity.specialists,
    });
}
