import { ERRORS } from "../../core/errors.ts";
import { plural } from "../../decide/phrases.ts";
import { everyItem } from "../../loop/find-record.ts";
import { type AuditCheck, verifyAuditChain } from "../../store/audit-chain.ts";
import { defineCommand } from "../command.ts";

export const auditVerify = defineCommand({
  name: "audit verify",
  summary: "Check the whole audit log: that no entry was changed, removed or moved.",
  details: [
    "Every entry carries the hash of the one before it. Exit code 8 at the first that does not fit. Removal of the newest entries is",
    "only found by comparing the last hash with one that was kept elsewhere: keep what this command prints.",
  ].join("\n"),
  arguments: {},
  options: {},
  examples: [{ line: "requeen audit verify", does: "the whole log, from its first entry" }],
  changes: false,
  run: async (_values, { openHouse }): Promise<AuditCheck> => {
    const { store } = await openHouse();
    return verifyAuditChain(everyItem((page) => store.listAudit({}, page)));
  },
  render: (check, { style }) =>
    check.intact
      ? `${style.green("Intact")}: ${plural(check.entries, "entry", "entries")}, last hash ${check.last_hash}`
      : `${style.red("Not intact")}: ${check.problem}. The ${plural(check.entries, "entry", "entries")} before it fit.`,
  exitCode: ({ intact }) => (intact ? 0 : ERRORS.store_corrupt.exit),
});
