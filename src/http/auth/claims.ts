import { type Identity, ROLE_NAMES, type Role } from "../../core/identity.ts";
import { isProgramRole, PROGRAM_PREFIX } from "../../core/token.ts";
import { refusal } from "./refusal.ts";

/** Which claims of a signed token say what. Each list: the first claim that is there counts; dots lead into claims inside claims. */
export interface ClaimRules {
  readonly subjectClaims: readonly string[];
  readonly rolesClaims: readonly string[];
  readonly specialistsClaims: readonly string[];
  /** Names in tokens and the role that each gives; our own names, in any case, need no entry. */
  readonly roles: Readonly<Record<string, Role>>;
}

type Claims = Readonly<Record<string, unknown>>;

const MAX_NAMES = 1_000;

/**
 * Who a token with these claims belongs to. The signature has been checked. Names of roles that mean nothing here are passed over: a
 * directory has many. Without any role the person is known and may do nothing.
 * @throws RequeenError unauthenticated (reason claims)
 */
export function identityOfClaims(claims: Claims, rules: ClaimRules, via: Identity["via"], expiresAtMs: number | null): Identity {
  const named = rolesOf(claims, rules);
  // who has a program's role is a program, whatever else the token says: its labels must not count as those of a person who looked
  const isProgram = named.some(isProgramRole);
  const roles = isProgram ? named.filter(isProgramRole) : named;
  return {
    subject: subjectOf(claims, rules),
    roles,
    specialists: specialistsOf(claims, rules, roles),
    channel: isProgram ? "program" : "person",
    via,
    expiresAtMs,
  };
}

function subjectOf(claims: Claims, { subjectClaims }: ClaimRules): string {
  const found = firstOf(claims, subjectClaims);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would forge lines in logs
  if (typeof found?.value !== "string" || !/^[^\u0000-\u001f\u007f]{1,256}$/u.test(found.value))
    throw refusal("claims", `the token must name its person in ${subjectClaims.join(" or ")}, 1 to 256 characters`);
  if (found.value.startsWith(PROGRAM_PREFIX))
    throw refusal("claims", `the token's ${found.name} begins with "${PROGRAM_PREFIX}", which is kept for API keys`);
  return found.value;
}

function rolesOf(claims: Claims, rules: ClaimRules): Role[] {
  const names = namesIn(claims, rules.rolesClaims) ?? [];
  const roles = names.map((name) => {
    if (Object.hasOwn(rules.roles, name)) return rules.roles[name];
    return ROLE_NAMES.find((role) => role === name.toLowerCase());
  });
  return [...new Set(roles.filter((role) => role !== undefined))];
}

/** A `specialist_reviewer` and nothing more is one only where the token says so; for others no claim means all. */
function specialistsOf(claims: Claims, { specialistsClaims }: ClaimRules, roles: readonly Role[]): readonly string[] | null {
  const names = namesIn(claims, specialistsClaims);
  if (names !== null) return [...new Set(names)];
  return roles.length > 0 && roles.every((role) => role === "specialist_reviewer") ? [] : null;
}

/** A list of texts, or one text with commas or spaces between; null when none of the claims is there. */
function namesIn(claims: Claims, claimNames: readonly string[]): string[] | null {
  const found = firstOf(claims, claimNames);
  if (found === null) return null;
  const { name, value } = found;
  const names = typeof value === "string" ? value.split(/[\s,]+/).filter((part) => part !== "") : value;
  if (!Array.isArray(names) || names.length > MAX_NAMES || !names.every((part): part is string => typeof part === "string"))
    throw refusal("claims", `the token's claim ${name} must be a list of names, or names with spaces between`);
  return names;
}

function firstOf(claims: Claims, names: readonly string[]): { name: string; value: unknown } | null {
  for (const name of names) {
    // a name with dots may also be one claim, such as https://example.com/roles
    const value = Object.hasOwn(claims, name) ? claims[name] : inside(claims, name.split("."));
    if (value !== undefined && value !== null) return { name, value };
  }
  return null;
}

function inside(value: unknown, [step, ...rest]: readonly string[]): unknown {
  if (step === undefined) return value;
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
  return inside((value as Claims)[step], rest);
}
