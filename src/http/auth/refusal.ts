import { RequeenError } from "../../core/errors.ts";

/** Why a credential does not open: `details.reason` of `unauthenticated`. */
export const REFUSALS = {
  missing: "the request has no credential",
  malformed: "it is not of the form of any token",
  unknown: "no such token or key",
  algorithm: "its signature algorithm is not accepted here",
  signature: "its signature is not that of a key that is trusted here",
  issuer: "another issuer made it",
  audience: "it is meant for another service",
  expired: "its time is over",
  not_yet_valid: "its time has not begun",
  claims: "a claim that is needed is missing or unreadable",
  revoked: "it was revoked",
  signed_out: "the browser signed out",
  csrf: "the request does not prove that a page of this server sent it",
  provider: "the OpenID provider did not confirm the sign-in",
} as const satisfies Record<string, string>;
export type Refusal = keyof typeof REFUSALS;

/** @param message says what is wrong with it, never what it was or what would be right. */
export const refusal = (
  reason: Refusal,
  message: string,
  details: Record<string, unknown> = {},
  options?: ErrorOptions,
): RequeenError => new RequeenError("unauthenticated", message, { reason, ...details }, options);
