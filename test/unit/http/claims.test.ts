import { expect, test } from "vitest";
import { type ClaimRules, identityOfClaims } from "../../../src/http/auth/claims.ts";

const RULES: ClaimRules = {
  subjectClaims: ["email", "sub"],
  rolesClaims: ["realm_access.roles", "https://hive.example/roles", "role"],
  specialistsClaims: ["specialists"],
  roles: { "ml-team": "ml_engineer" },
};
const read = (claims: Record<string, unknown>) => identityOfClaims(claims, RULES, "jwt", 5);

test("the first claim that is there counts, inside other claims or under a name with dots", () => {
  expect(read({ sub: "u1", email: "ann@hive.example", realm_access: { roles: ["viewer"] }, role: "admin" })).toEqual({
    subject: "ann@hive.example",
    roles: ["viewer"],
    specialists: null,
    channel: "person",
    via: "jwt",
    expiresAtMs: 5,
  });
  expect(read({ sub: "u1", "https://hive.example/roles": ["viewer"], role: "admin" }).roles).toEqual(["viewer"]);
});

test("roles come as a list or as text, mapped or by our own names in any case; unknown ones mean nothing", () => {
  expect(read({ sub: "a", role: "Specialist_Reviewer" }).roles).toEqual(["specialist_reviewer"]);
  expect(read({ sub: "a", role: "ml-team, viewer everyone" }).roles).toEqual(["ml_engineer", "viewer"]);
  expect(read({ sub: "a", role: ["viewer", "viewer", "constructor", "__proto__", "toString"] }).roles).toEqual(["viewer"]);
  expect(read({ sub: "a" }).roles).toEqual([]);
});

test("who has a program's role beside a person's is a program and nothing more: it reviews nothing", () => {
  expect(read({ sub: "a", role: ["reviewer", "program", "admin"] })).toMatchObject({ channel: "program", roles: ["program"] });
  expect(read({ sub: "a", role: ["reviewer"] }).channel).toBe("person");
});

test("a specialist reviewer without the claim has no specialist; everybody else has all; the claim holds for all", () => {
  expect(read({ sub: "a", role: "specialist_reviewer" }).specialists).toEqual([]);
  expect(read({ sub: "a", role: "specialist_reviewer", specialists: "business technical" }).specialists).toEqual([
    "business",
    "technical",
  ]);
  expect(read({ sub: "a", role: "reviewer" }).specialists).toBeNull();
  expect(read({ sub: "a", role: "admin", specialists: [] }).specialists).toEqual([]);
});

test.each<[string, Record<string, unknown>]>([
  ["no subject", { role: "admin" }],
  ["an empty subject", { sub: "" }],
  ["a subject that is no text", { sub: 7 }],
  ["a subject of 257 characters", { sub: "x".repeat(257) }],
  ["a subject with a line break", { sub: "ann\nadmin" }],
  ["a subject that an API key has", { sub: "program:ci" }],
  ["roles that are no names", { sub: "a", role: [{ name: "admin" }] }],
  ["roles as an object", { sub: "a", role: { admin: true } }],
  ["specialists that cannot be read: not all of them then", { sub: "a", role: "reviewer", specialists: { all: true } }],
])("%s is refused", (_title, claims) => {
  expect(() => read(claims)).toThrow(
    expect.objectContaining({ code: "unauthenticated", details: expect.objectContaining({ reason: "claims" }) }),
  );
});

test("claims of an object's prototype are not there", () => {
  expect(() => identityOfClaims({}, { ...RULES, subjectClaims: ["constructor.name"] }, "jwt", null)).toThrow(
    /must name its person/,
  );
});
