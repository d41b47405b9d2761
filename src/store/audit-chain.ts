import { createHash } from "node:crypto";
import type { AuditEntry, NewAuditEntry } from "../core/audit.ts";
import { canonicalJson } from "../core/canonical-json.ts";
import { toIso } from "../core/time.ts";

/** `previous_hash` of the first entry. */
export const AUDIT_GENESIS = "0".repeat(64);

/** SHA-256, hex, of the canonical JSON of the entry without its own hash; the time as ISO text. */
export function hashAuditEntry(entry: Omit<AuditEntry, "hash">): string {
  const { sequence, at, actor, action, subject, details, previous_hash } = entry;
  return createHash("sha256")
    .update(canonicalJson({ sequence, at: toIso(at), actor, action, subject, details, previous_hash }))
    .digest("hex");
}

/** The entries that follow `last` (null = the chain is empty), numbered and hashed. */
export function chainAuditEntries(last: AuditEntry | null, entries: readonly NewAuditEntry[]): AuditEntry[] {
  const chained: AuditEntry[] = [];
  let sequence = last?.sequence ?? 0;
  let previousHash = last?.hash ?? AUDIT_GENESIS;
  for (const entry of entries) {
    sequence += 1;
    const unsigned = { ...entry, sequence, previous_hash: previousHash };
    previousHash = hashAuditEntry(unsigned);
    chained.push({ ...unsigned, hash: previousHash });
  }
  return chained;
}

export type AuditCheck =
  | { readonly intact: true; readonly entries: number; readonly last_hash: string }
  | { readonly intact: false; readonly entries: number; readonly sequence: number; readonly problem: string };

/**
 * Walks the log from its first entry and stops at the first one that was changed, removed or moved. Removal of the newest entries is found
 * only by who kept `last_hash` elsewhere. Constant memory.
 * @param entries all of the log, oldest first.
 */
export async function verifyAuditChain(entries: AsyncIterable<AuditEntry> | Iterable<AuditEntry>): Promise<AuditCheck> {
  let checked = 0;
  let previousHash = AUDIT_GENESIS;
  for await (const entry of entries) {
    const problem = problemOf(entry, checked + 1, previousHash);
    if (problem !== null) return { intact: false, entries: checked, sequence: entry.sequence, problem };
    previousHash = entry.hash;
    checked += 1;
  }
  return { intact: true, entries: checked, last_hash: previousHash };
}

function problemOf(entry: AuditEntry, expected: number, previousHash: string): string | null {
  if (entry.sequence !== expected) return `entry ${expected} is missing or out of place: entry ${entry.sequence} stands there`;
  if (entry.previous_hash !== previousHash) return `entry ${entry.sequence} does not follow from the entry before it`;
  if (entry.hash !== hashAuditEntry(entry)) return `entry ${entry.sequence} was changed after it was written`;
  return null;
}
