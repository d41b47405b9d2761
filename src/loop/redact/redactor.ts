import { createHmac } from "node:crypto";
import { RequeenError } from "../../core/errors.ts";
import { findPii } from "./find.ts";
import type { PiiKind } from "./span.ts";

/**
 * What takes the place of personal data: `replace`: its kind, `[email]`; `mask`: asterisks in its form; `hash`: its kind and a keyed digest,
 * so that the same address is the same word; `redact`: `[redacted]`; `off`: it stays.
 */
export const PII_STRATEGIES = ["replace", "mask", "hash", "redact", "off"] as const;
export type PiiStrategy = (typeof PII_STRATEGIES)[number];

export interface Redacted {
  readonly text: string;
  /** What was found, each kind as often as it stood there. */
  readonly found: readonly PiiKind[];
}

/** @throws whatever a detector throws; the caller keeps the text out then */
export type Redact = (text: string) => Redacted;

/** Longer texts are not looked through: they are withheld. */
const MOST_CHARACTERS = 1_000_000;
const DIGEST_DIGITS = 16;

/** @param hashKey for `hash`. @throws bad_config when it is missing */
export function createRedactor(strategy: PiiStrategy, hashKey: string | null): Redact {
  if (strategy === "off") return (text) => ({ text, found: [] });
  if (strategy === "hash" && (hashKey === null || hashKey === ""))
    throw new RequeenError("bad_config", "pii.strategy `hash` needs a key: set REQUEEN_PII_HASH_KEY in the environment");
  const standIn = standIns(hashKey ?? "")[strategy];
  return (text) => {
    if (text.length > MOST_CHARACTERS)
      throw new RangeError(`a text of ${text.length} characters is longer than the ${MOST_CHARACTERS} that are looked through`);
    const spans = findPii(text);
    if (spans.length === 0) return { text, found: [] };
    let clean = "";
    let from = 0;
    for (const { kind, start, end } of spans) {
      clean += text.slice(from, start) + standIn(kind, text.slice(start, end));
      from = end;
    }
    return { text: clean + text.slice(from), found: spans.map(({ kind }) => kind) };
  };
}

const standIns = (hashKey: string): Readonly<Record<Exclude<PiiStrategy, "off">, (kind: PiiKind, found: string) => string>> => ({
  replace: (kind) => `[${kind}]`,
  mask: (_kind, found) => found.replace(/[\p{L}\p{N}]/gu, "*"),
  hash: (kind, found) => `[${kind}:${digest(hashKey, `${kind}:${normal(kind, found)}`)}]`,
  redact: () => "[redacted]",
});

const digest = (key: string, text: string): string =>
  createHmac("sha256", key).update(text).digest("hex").slice(0, DIGEST_DIGITS);

/** Two ways to write one number or address are one. */
const normal = (kind: PiiKind, found: string): string =>
  kind === "email" || kind === "ip" ? found.toLowerCase() : found.replace(/[^\p{L}\p{N}]/gu, "").toUpperCase();
