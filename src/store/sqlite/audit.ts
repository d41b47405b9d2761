import type { AuditEntry } from "../../core/audit.ts";
import { chainAuditEntries } from "../audit-chain.ts";
import { checkedLimit, decodeCursor, pageOf } from "../page.ts";
import type { Store } from "../store.ts";
import { document, number } from "./columns.ts";
import type { SqliteConnection } from "./connection.ts";

export function auditMethods(
  connection: SqliteConnection,
): Pick<Store, "appendAudit" | "listAudit" | "getSetting" | "putSetting"> {
  return {
    async appendAudit(entries) {
      return connection.writeTogether(entries.length, () => {
        const last = connection.get("SELECT document FROM audit_log ORDER BY sequence DESC LIMIT 1");
        const chained = chainAuditEntries(last === undefined ? null : document<AuditEntry>(last.document), entries);
        const insert = connection.prepare("INSERT INTO audit_log (sequence, subject, hash, document) VALUES (?, ?, ?, ?)");
        for (const entry of chained) insert.run(entry.sequence, entry.subject, entry.hash, JSON.stringify(entry));
        return chained;
      });
    },

    async listAudit({ subject, afterSequence }, page) {
      const limit = checkedLimit(page);
      const conditions = ["sequence > ?"];
      const values: (string | number)[] = [afterSequence ?? 0];
      if (subject !== undefined) {
        conditions.push("subject = ?");
        values.push(subject);
      }
      if (page.cursor !== undefined) {
        conditions.push("sequence > ?");
        values.push(...decodeCursor(page.cursor, ["number"]));
      }
      const sql = `SELECT sequence, document FROM audit_log WHERE ${conditions.join(" AND ")} ORDER BY sequence LIMIT ?`;
      const rows = connection.read(() => connection.all(sql, ...values, limit + 1));
      return pageOf(
        rows,
        limit,
        (row) => document<AuditEntry>(row.document),
        (row) => [number(row.sequence)],
      );
    },

    async getSetting(key) {
      const row = connection.read(() => connection.get("SELECT value FROM settings WHERE key = ?", key));
      return row === undefined ? null : document<unknown>(row.value);
    },

    async putSetting(key, value) {
      const sql = "INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
      await connection.writeTogether(1, () => connection.run(sql, key, JSON.stringify(value)));
    },
  };
}
