import { z } from "zod";
import { type ShownAuditEntry, type ShownList, showAuditEntry, showList } from "../../loop/present.ts";
import { defineCommand } from "../command.ts";
import { moreLine, PAGE_OPTIONS } from "../page-options.ts";
import { minuteOf, shortId, wrap } from "../render/figures.ts";
import type { Terminal } from "../terminal.ts";

export const auditList = defineCommand({
  name: "audit list",
  summary: "List the audit log, oldest first: who changed what, when.",
  arguments: {},
  options: {
    subject: { summary: "only about this specialist or source", value: "<name>", type: z.string().optional() },
    after: { summary: "only entries after this number", value: "<number>", type: z.int().min(0).optional() },
    ...PAGE_OPTIONS,
  },
  examples: [
    { line: "requeen audit list --subject technical", does: "what happened to one specialist" },
    { line: "requeen audit list --after 120 --limit 1000 --json", does: "what a collector has not seen yet" },
  ],
  changes: false,
  run: async ({ subject, after, limit, cursor }, { openHouse }): Promise<ShownList<"audit", ShownAuditEntry>> => {
    const { items, next } = await (await openHouse()).store.listAudit({ subject, afterSequence: after }, { limit, cursor });
    return showList("audit", items.map(showAuditEntry), next);
  },
  render: ({ audit, next }, terminal) =>
    audit.length === 0
      ? "The audit log has no such entries."
      : audit.map((entry) => entryLines(entry, terminal)).join("\n") + moreLine(next),
});

function entryLines({ sequence, at, actor, action, subject, details }: ShownAuditEntry, { style, width }: Terminal): string {
  const number = String(sequence).padStart(5);
  const head = `${number}  ${minuteOf(at)}  ${style.bold(action)} ${subject}, by ${actor}`;
  const text = detailText(details);
  return text === "" ? head : `${head}\n${wrap(`       ${text}`, Math.min(width, 100), "       ")}`;
}

const detailText = (details: Readonly<Record<string, unknown>>): string =>
  Object.entries(details)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${typeof value === "string" ? shortId(value) : JSON.stringify(value)}`)
    .join(", ");
