import { z } from "zod";
import { isRequeenError, RequeenError } from "../../core/errors.ts";
import type { Opinion, OpinionDocument } from "../../core/opinion.ts";
import { readPlan } from "../../core/plan.ts";
import { readTime } from "../../core/read-documents.ts";
import type { Specialist } from "../../core/specialist.ts";
import { plural } from "../../decide/phrases.ts";
import { columnValues, isRecord } from "../../loop/documents/cells.ts";
import { openDocuments } from "../../loop/documents/read-file.ts";
import { specialistOf } from "../../loop/house.ts";
import { type JudgeRequest, judge as judgeAll } from "../../loop/judge.ts";
import { type ShownList, showList, showOpinion } from "../../loop/present.ts";
import { type ColumnValues, vectorOf } from "../../loop/vector.ts";
import { defineCommand } from "../command.ts";
import { FORMAT_OPTION } from "../input/input-format.ts";
import { rehearse } from "../rehearse.ts";
import { renderOpinions } from "./opinions-list.ts";

const BATCH = 500;
const MOST_SHOWN = 1000;

interface Judged extends ShownList<"opinions", OpinionDocument> {
  /** How many opinions were made; the list holds the first 1,000 of them. */
  readonly judged: number;
  readonly dry_run: boolean;
}

export const judge = defineCommand({
  name: "judge",
  summary: "Judge plans or rows by a specialist's champion, and store the opinions.",
  details: [
    "Reads NDJSON, a JSON array, CSV or Parquet: plans for a specialist that judges plans, else rows with the specialist's columns.",
    "A row may also name plan_id and opinion_id. Before the first champion the opinion says so (no_champion) and carries no confidence.",
    "A plan or row that cannot be judged is an error that names it; what was judged before it in the file is stored.",
  ].join("\n"),
  arguments: {
    specialist: { summary: "whose opinion is asked", type: z.string() },
    file: { summary: "the file with plans or rows; - is standard input", type: z.string() },
  },
  options: { ...FORMAT_OPTION },
  examples: [
    { line: "requeen judge technical plans.ndjson", does: "one opinion a plan" },
    { line: "requeen judge mail-triage new-mails.csv --dry-run --json", does: "opinions on rows, without storing them" },
  ],
  changes: true,
  run: async ({ specialist: name, file, format }, { openHouse, dryRun, signal }): Promise<Judged> => {
    const house = await openHouse();
    const specialist = specialistOf(house, name);
    const asked = dryRun ? rehearse(house) : house;
    const shown: OpinionDocument[] = [];
    let judged = 0;
    let batch: JudgeRequest[] = [];
    const flush = async (): Promise<void> => {
      const opinions: Opinion[] = batch.length === 0 ? [] : await judgeAll(asked, name, batch);
      for (const opinion of opinions) if (shown.length < MOST_SHOWN) shown.push(showOpinion(opinion));
      judged += opinions.length;
      batch = [];
    };
    let place = 0;
    for await (const document of openDocuments({ file, format, specialists: house.specialists }).documents) {
      signal.throwIfAborted();
      place += 1;
      try {
        batch.push(requestOf(specialist, document, place));
      } catch (error) {
        await flush();
        throw error;
      }
      if (batch.length === BATCH) await flush();
    }
    await flush();
    // whoever has seen an opinion does not review it blind
    if (!dryRun)
      await house.store.markSeen(
        house.actor,
        shown.map(({ opinion_id }) => opinion_id),
        house.now(),
      );
    return { ...showList("opinions", shown, null), judged, dry_run: dryRun };
  },
  render: ({ opinions, judged, dry_run }, terminal) => {
    if (judged === 0) return "The file holds nothing to judge.";
    const more = judged > opinions.length ? ` The first ${opinions.length} are shown.` : "";
    return `${renderOpinions(opinions, terminal)}\n\n${plural(judged, "opinion")} ${dry_run ? "made and not stored" : "stored"}.${more}`;
  },
});

/** @throws RequeenError bad_plan, bad_document, bad_features, naming the place */
function requestOf(specialist: Specialist, document: unknown, place: number): JudgeRequest {
  try {
    const request = readRequest(specialist, document, place);
    // whatever would be refused later is refused here, where its place is known
    vectorOf(specialist, request);
    return request;
  } catch (error) {
    if (!isRequeenError(error) || error.details.place === place) throw error;
    const message = error.message.slice(error.code.length + 2);
    throw new RequeenError(error.code, `document ${place}: ${message}`, { ...error.details, place }, { cause: error });
  }
}

function readRequest(specialist: Specialist, document: unknown, place: number): JudgeRequest {
  if (!isRecord(document))
    throw new RequeenError(
      "bad_document",
      `document ${place} must be a plan or a row; got ${JSON.stringify(document).slice(0, 200)}`,
      { place },
    );
  if (!("columns" in specialist.features)) return { plan: readPlan(document) };
  const { columns } = specialist.features;
  const own = new Set(columns.map((column) => column.name));
  const about = Object.fromEntries(
    ABOUT.flatMap((field) => (own.has(field) || document[field] === undefined ? [] : [[field, document[field]]])),
  );
  const cells = Object.fromEntries(Object.entries(document).filter(([field]) => !Object.hasOwn(about, field)));
  // an empty cell of a table is a field that is not there; in a row it is a missing value
  const filled = Object.fromEntries(columns.map((column) => [column.name, cells[column.name] ?? null]));
  const { plan_id, opinion_id, correlation_id, evaluated_at } = about;
  return {
    columns: checkedValues(columnValues(columns, { ...cells, ...filled }), place),
    ...(plan_id === undefined ? {} : { planId: String(plan_id) }),
    ...(opinion_id === undefined ? {} : { opinionId: String(opinion_id) }),
    ...(correlation_id === undefined ? {} : { correlationId: String(correlation_id) }),
    ...(evaluated_at === undefined ? {} : { evaluatedAtMs: timeOf(evaluated_at, place) }),
  };
}

/** Fields of a row that are about the row; a column of the specialist with such a name is a column. */
const ABOUT = ["plan_id", "opinion_id", "correlation_id", "evaluated_at"] as const;

function checkedValues(values: Record<string, unknown>, place: number): ColumnValues {
  const checked: Record<string, number | string | boolean | null> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && typeof value !== "number" && typeof value !== "string" && typeof value !== "boolean")
      throw new RequeenError(
        "bad_features",
        `column ${name} of document ${place} must be a number, text, true, false or null; got ${JSON.stringify(value)}`,
        { place, column: name },
      );
    checked[name] = value;
  }
  return checked;
}

function timeOf(value: unknown, place: number): number {
  const ms = readTime(value);
  if (ms === null)
    throw new RequeenError(
      "bad_document",
      `evaluated_at of document ${place} must be a time in ISO 8601; got ${JSON.stringify(value)}`,
      { place },
    );
  return ms;
}
