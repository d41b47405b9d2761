import { z } from "zod";
import type { ImportProgress } from "../../loop/resumable-import.ts";
import type { ShownImport } from "../../loop/shown-import.ts";
import { flag, id, reason, shape, time } from "./shared.ts";

const count = z.int().min(0);
const counts = {
  read: count,
  added: count,
  same: count.describe("equal to what is stored already"),
  superseded: count.describe("replaced the reviewer's earlier judgement, or older than the current one"),
  quarantined: count,
  problems: z.array(z.string()).describe("the first ones; all are in the quarantine"),
};
const importFields = {
  ...counts,
  source: z.string(),
  tier: z.string().nullable().describe("the evidence tier of what was imported; null for opinions"),
  unreadable: count.describe("of the quarantined ones, those that were no document at all"),
  dry_run: z.boolean(),
  strict: z.boolean(),
};

export const replayedAnswer = shape<{ readonly replay: ShownImport }>(
  "ReplayedQuarantine",
  z.strictObject({ replay: z.strictObject(importFields).meta({ id: "Import" }) }),
);
export const discardedAnswer = shape<{ readonly discarded: number; readonly dry_run: boolean }>(
  "DiscardedQuarantine",
  z.strictObject({ discarded: count, dry_run: z.boolean() }),
);

export interface ImportAnswer extends ShownImport {
  readonly import_id: string | null;
  readonly position: number;
  readonly skipped: number;
}
export const importAnswer = shape<ImportAnswer>(
  "ImportReport",
  z.strictObject({
    ...importFields,
    import_id: z.string().nullable(),
    position: count.describe("documents of the whole import that are stored or in the quarantine"),
    skipped: count.describe("documents of this request that an earlier one had brought"),
  }),
);

/** One line of an answer in NDJSON; the last line is `{ "summary": ... }`. */
export const outcomeLine = z
  .union([
    z.strictObject({
      line: z.int().min(1).describe("number of the document in the whole import, from 1"),
      outcome: z.enum(["added", "same", "superseded", "quarantined"]),
      id: z.string().describe("of the opinion or feedback; of a quarantined document its quarantine_id"),
      problems: z.array(z.strictObject({ field: z.string(), value: z.string(), reason: z.string() })),
    }),
    z.strictObject({ summary: importAnswer }),
  ])
  .meta({ id: "ImportLine" });

export const importQuery = {
  import_id: id
    .optional()
    .describe("your name for this import: a cut one is sent again with it and goes on; also the header Idempotency-Key"),
  position: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("documents of the whole that stand before the first one of this body"),
  results: z.enum(["summary", "lines"]).default("summary").describe("lines: NDJSON, one line a document, the summary last"),
};

export const vouch = {
  vouch: flag.describe("you answer for it that people made these judgements: tier bulk instead of rule"),
  reason: reason.optional().describe("why you can vouch; needed with vouch, kept in the audit log"),
};

export const progressAnswer = shape<ImportProgress>(
  "ImportProgress",
  z.strictObject({
    import_id: z.string(),
    position: count.describe("go on with the document after this many"),
    done: z.boolean(),
    updated_at: time,
    report: z.strictObject(counts),
  }),
);

export const vouchBody = z
  .strictObject({
    vouch: z.boolean().default(false).describe("you answer for it that people made these judgements"),
    reason: reason.optional(),
  })
  .prefault({});
