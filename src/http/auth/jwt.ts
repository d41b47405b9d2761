import { errors, type JWTPayload, jwtVerify } from "jose";
import { isRequeenError } from "../../core/errors.ts";
import type { Identity } from "../../core/identity.ts";
import { type ClaimRules, identityOfClaims } from "./claims.ts";
import type { KeyOf } from "./public-keys.ts";
import { refusal } from "./refusal.ts";

export interface JwtRules {
  /** Of HS256, HS384, HS512; null: no symmetric signatures. */
  readonly secret: Uint8Array | null;
  /** Of all other algorithms; null: none of them. */
  readonly keyOf: KeyOf | null;
  /** Accepted values of `alg`; the header of a token is never asked which. */
  readonly algorithms: readonly string[];
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly clockToleranceSeconds: number;
  readonly claims: ClaimRules;
  readonly now: () => number;
}

/** Longer ones are not looked at. */
const MAX_LENGTH = 16_384;
/** Later ends have no text in ISO 8601 with four digits of the year. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Checks JSON Web Tokens: signature, issuer, audience, time, then who it is. @throws RequeenError unauthenticated, identity_unavailable */
export function jwtReader(rules: JwtRules): (token: string) => Promise<Identity> {
  const { secret, keyOf, issuer, audience, clockToleranceSeconds, now } = rules;
  const algorithms = rules.algorithms.filter((name) => (isSymmetric(name) ? secret !== null : keyOf !== null));
  return async (token) => {
    if (token.length > MAX_LENGTH) throw refusal("malformed", `the token must have at most ${MAX_LENGTH} characters`);
    try {
      const { payload } = await jwtVerify(
        token,
        (header) => {
          // a key is used with its own family of algorithms only, so a public key never serves as a secret
          const key = isSymmetric(header.alg ?? "") ? secret : keyOf?.(header);
          if (key === null || key === undefined) throw new errors.JOSEAlgNotAllowed("no key of this kind");
          return key;
        },
        {
          algorithms,
          ...(issuer === undefined ? {} : { issuer }),
          ...(audience === undefined ? {} : { audience }),
          requiredClaims: ["exp"],
          clockTolerance: clockToleranceSeconds,
          currentDate: new Date(now()),
        },
      );
      return identityOfPayload(payload, rules);
    } catch (error) {
      throw asRefusal(error, rules);
    }
  };
}

const isSymmetric = (algorithm: string): boolean => algorithm.startsWith("HS");

function identityOfPayload(payload: JWTPayload, { claims }: JwtRules): Identity {
  return identityOfClaims(payload, claims, "jwt", Math.min(Math.floor((payload.exp ?? 0) * 1_000), LAST_MS));
}

function asRefusal(error: unknown, { algorithms, issuer, audience }: JwtRules): unknown {
  if (isRequeenError(error) || !(error instanceof errors.JOSEError)) return error;
  const options = { cause: error };
  if (error instanceof errors.JWTExpired) {
    const expired_at = typeof error.payload.exp === "number" ? secondsAsIso(error.payload.exp) : null;
    return refusal(
      "expired",
      `the token expired${expired_at === null ? "" : ` at ${expired_at}`}: get a new one`,
      { expired_at },
      options,
    );
  }
  if (error instanceof errors.JWTClaimValidationFailed) return claimRefusal(error, issuer, audience);
  if (error instanceof errors.JOSEAlgNotAllowed)
    return refusal("algorithm", `the token must be signed with one of ${algorithms.join(", ")}`, { algorithms }, options);
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return refusal("signature", "the token's signature does not fit", {}, options);
  if (error instanceof errors.JWKSNoMatchingKey)
    return refusal("signature", "the token is signed with a key that is not among the issuer's public keys", {}, options);
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return refusal("signature", "the token must name the key that signed it (kid): the issuer has several", {}, options);
  return refusal("malformed", "the token is no JSON Web Token that can be read", {}, options);
}

function claimRefusal(error: errors.JWTClaimValidationFailed, issuer: string | undefined, audience: string | undefined): unknown {
  const options = { cause: error };
  if (error.claim === "iss") return refusal("issuer", `the token must be issued by ${issuer}`, { issuer }, options);
  if (error.claim === "aud") return refusal("audience", `the token must be meant for ${audience}`, { audience }, options);
  if (error.claim === "nbf" && error.reason === "check_failed")
    return refusal("not_yet_valid", "the token is not valid yet: compare the clocks", {}, options);
  return refusal(
    "claims",
    `the token's claim ${error.claim} is ${error.reason === "missing" ? "missing" : "unreadable"}`,
    {},
    options,
  );
}

/** Null when the number is no time that can be written. */
function secondsAsIso(seconds: number): string | null {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
