import type { Span } from "./span.ts";

const LOCAL = /[\p{L}\p{N}._%+'-]/u;
const DOMAIN = /[\p{L}\p{N}.-]/u;
/** RFC 5321. */
const MOST_LOCAL = 64;
const MOST_DOMAIN = 255;
/** Ends of names that only a cluster or a house knows. */
const NOT_PUBLIC = new Set(["local", "internal", "svc", "lan", "localdomain", "localhost", "cluster"]);

/** `name@host.tld`, also with letters beyond ASCII. What a shell writes for a machine (`git@`, `.svc`, `.local`) is left. */
export function findEmails(text: string): Span[] {
  const spans: Span[] = [];
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    let start = at;
    while (start > 0 && at - start < MOST_LOCAL && LOCAL.test(text.charAt(start - 1))) start -= 1;
    while (start < at && /[.'-]/.test(text.charAt(start))) start += 1;
    let end = at + 1;
    while (end < text.length && end - at <= MOST_DOMAIN && DOMAIN.test(text.charAt(end))) end += 1;
    while (end > at + 1 && /[.-]/.test(text.charAt(end - 1))) end -= 1;
    if (start < at && text.slice(start, at) !== "git" && isDomain(text.slice(at + 1, end)))
      spans.push({ kind: "email", start, end });
  }
  return spans;
}

function isDomain(domain: string): boolean {
  const labels = domain.split(".");
  const last = labels.at(-1) ?? "";
  return labels.length >= 2 && labels.every((label) => label !== "") && /^\p{L}{2,24}$/u.test(last) && !NOT_PUBLIC.has(last);
}
