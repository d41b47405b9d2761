import { isIPv6 } from "node:net";
import { matches, type Span } from "./span.ts";

/** Four numbers up to 255. A version (`v1.2.3.4`) and longer dotted numbers are left. */
const IPV4 = /(?<![\p{L}\p{N}]|\d\.)(?:\d{1,3}\.){3}\d{1,3}(?![\p{L}\p{N}]|\.\d)/gu;
const VERSION_BEFORE = /(?:version|vers[aã]o|release|build|ver\.?)\s*[:=]?\s*$/iu;
const IPV6 = /(?<![\p{L}\p{N}:.])[0-9a-f:]{2,39}(?:\.\d{1,3}){0,3}(?![\p{L}\p{N}:])/giu;

export const findIps = (text: string): Span[] => [
  ...matches(text, IPV4, "ip", (found, start) => {
    const parts = found.split(".").map(Number);
    const names = parts[0] !== 0 && parts[0] !== 127 && found !== "255.255.255.255";
    return names && parts.every((part) => part <= 255) && !VERSION_BEFORE.test(text.slice(Math.max(0, start - 16), start));
  }),
  // a digit at least: `bad::face` is code, and so is what has no more than its two colons
  ...matches(
    text,
    IPV6,
    "ip",
    (found) => found.length > 3 && /\d/.test(found) && (found.match(/:/g) ?? []).length >= 2 && isIPv6(found),
  ),
];
