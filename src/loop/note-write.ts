import type { House } from "./house.ts";

/** Ids that an entry names; beyond it their number alone. */
const MOST_IDS = 50;

/**
 * The audit entry of a write. Begin it beside the write, in the same turn: in the embedded store both then share one transaction, and one
 * wait for the disk. It says what was asked; what became of it stands in the records with these ids.
 */
export const noteWrite = async (
  house: Pick<House, "store" | "now" | "actor">,
  action: string,
  subject: string,
  ids: readonly string[],
  details: Readonly<Record<string, unknown>> = {},
): Promise<void> => {
  const named = { ...details, count: ids.length, ids: ids.slice(0, MOST_IDS) };
  await house.store.appendAudit([{ at: house.now(), actor: house.actor, action, subject, details: named }]);
};
