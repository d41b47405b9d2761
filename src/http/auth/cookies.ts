import type { FastifyReply, FastifyRequest } from "fastify";

export interface CookieOptions {
  readonly maxAgeMs: number;
  /** `Lax` only where a page of another site must lead back with the cookie: the end of a sign-in. */
  readonly sameSite: "Strict" | "Lax";
}

/** Whether the browser came by TLS; a proxy in front says so in `X-Forwarded-Proto`. */
const isSecure = (request: FastifyRequest): boolean => {
  const [forwarded] = String(request.headers["x-forwarded-proto"] ?? "").split(",");
  return request.protocol === "https" || forwarded?.trim().toLowerCase() === "https";
};

/** Over TLS the prefix `__Host-` makes browsers refuse the cookie from any other host or without Secure. */
const fullName = (request: FastifyRequest, name: string): string => (isSecure(request) ? `__Host-${name}` : name);

export function readCookie(request: FastifyRequest, name: string): string | undefined {
  const wanted = `${fullName(request, name)}=`;
  const found = (request.headers.cookie ?? "").split(";").find((part) => part.trim().startsWith(wanted));
  return found?.trim().slice(wanted.length) || undefined;
}

/** @param value of characters that need no quoting in a cookie: base64url */
export function setCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  value: string,
  options: CookieOptions,
): void {
  const parts = [
    `${fullName(request, name)}=${value}`,
    "Path=/",
    "HttpOnly",
    `SameSite=${options.sameSite}`,
    `Max-Age=${Math.max(0, Math.floor(options.maxAgeMs / 1_000))}`,
    ...(isSecure(request) ? ["Secure"] : []),
  ];
  const before = reply.getHeader("set-cookie");
  reply
    .removeHeader("set-cookie")
    .header("set-cookie", [...(before === undefined ? [] : [before].flat().map(String)), parts.join("; ")]);
}

export const clearCookie = (
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  sameSite: CookieOptions["sameSite"],
): void => setCookie(request, reply, name, "", { maxAgeMs: 0, sameSite });
