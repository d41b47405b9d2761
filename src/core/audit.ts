import { z } from "zod";
import { timestamp } from "./time.ts";

/** One line of the append-only log; `hash` covers the line and the hash before it. Collection `audit_log`. */
export const auditEntrySchema = z.strictObject({
  sequence: z.int().positive(),
  at: timestamp,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  details: z.record(z.string(), z.unknown()),
  previous_hash: z.string(),
  hash: z.string(),
});
export type AuditEntry = z.output<typeof auditEntrySchema>;
export type NewAuditEntry = Omit<AuditEntry, "sequence" | "previous_hash" | "hash">;

/** A document that could not be read: kept whole, with the reason, until it is replayed. Collection `quarantine`. */
export const quarantineEntrySchema = z.strictObject({
  quarantine_id: z.string(),
  kind: z.enum(["opinion", "feedback"]),
  document: z.unknown(),
  problems: z.array(z.strictObject({ field: z.string(), value: z.string(), reason: z.string() })),
  source: z.string(),
  at: timestamp,
  state: z.enum(["waiting", "replayed", "discarded"]),
});
export type QuarantineEntry = z.output<typeof quarantineEntrySchema>;
