import { isIP } from "node:net";

/**
 * Which requests a browser may have been tricked into sending. DNS rebinding shows in the Host header (CVE-2025-14279), a page of another
 * site in the Origin header of a request that changes something (CVE-2023-43472).
 */
export interface GuardOptions {
  /** Host names besides this machine and private addresses; "*" inside a name stands for anything, alone it allows every host. */
  readonly allowedHosts?: readonly string[];
  /** Origins of pages on other hosts that may change something; the same wildcards. */
  readonly allowedOrigins?: readonly string[];
}

const CHANGING_METHODS = new Set(["POST", "PUT", "DELETE", "PATCH"]);
export const BAD_HOST = "Invalid Host header - possible DNS rebinding attack detected";
export const BAD_ORIGIN = "Cross-origin request blocked";

/** Whether a Host header names this machine, an address of a private network, or an allowed host. */
export function isAllowedHost(host: string | undefined, options: GuardOptions): boolean {
  if (host === undefined || host === "") return false;
  if (matchesAny(host, options.allowedHosts)) return true;
  const name = withoutPort(host);
  // Only whole addresses count: "10.evil.example" begins like one, and MLflow lets it in.
  return name !== undefined && (name === "localhost" || isPrivateAddress(name));
}

/** Whether a request of this method from a page of this origin is refused. */
export function isBlockedOrigin(origin: string | undefined, method: string, options: GuardOptions): boolean {
  if (origin === undefined || origin === "" || !CHANGING_METHODS.has(method)) return false;
  return !isAllowedOrigin(origin, options);
}

export function isAllowedOrigin(origin: string, options: GuardOptions): boolean {
  if (matchesAny(origin, options.allowedOrigins)) return true;
  const host = /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
  const name = host === undefined ? undefined : withoutPort(host);
  return name === "localhost" || name === "127.0.0.1" || name === "::1";
}

function withoutPort(host: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function isPrivateAddress(name: string): boolean {
  if (isIP(name) === 4) {
    const [a = 0, b = 0] = name.split(".").map(Number);
    return a === 127 || a === 10 || (a === 192 && b === 168) || (a === 172 && b >= 16 && b < 32) || name === "0.0.0.0";
  }
  return isIP(name) === 6 && (name === "::1" || /^f[cd]/.test(name));
}

function matchesAny(value: string, patterns: readonly string[] = []): boolean {
  return patterns.some((pattern) => {
    const source = pattern
      .split("*")
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*");
    return new RegExp(`^${source}$`, "i").test(value);
  });
}
