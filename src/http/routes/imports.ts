import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { CHANNELS, type Channel } from "../../core/evidence.ts";
import type { Identity } from "../../core/identity.ts";
import { FORMATS, type Format, MEDIA_TYPES } from "../../loop/documents/format.ts";
import { exportedText, writeExportedParquet } from "../../loop/export-feedback.ts";
import { externalOpinions } from "../../loop/external-opinions.ts";
import { everyItem } from "../../loop/find-record.ts";
import { type House, specialistOf } from "../../loop/house.ts";
import { type ImportReport, type ImportSource, importFeedback, importOpinions } from "../../loop/import-documents.ts";
import { type ShownFeedback, showFeedback } from "../../loop/present.ts";
import { readImport, runResumable } from "../../loop/resumable-import.ts";
import { withVouchedIds } from "../../loop/vouched-ids.ts";
import { houseInScope, specialistInScope } from "../auth/access.ts";
import { feedbackFilters } from "../schemas/feedback.ts";
import { type ImportAnswer, importAnswer, importQuery, outcomeLine, progressAnswer, vouch } from "../schemas/imports.ts";
import { byId, file } from "../schemas/shared.ts";
import { formatOfBody, openSpool, openUpload, takeStreams } from "../upload.ts";
import { filterOf } from "./feedback.ts";

const IMPORT_PROBLEMS = ["bad_data", "payload_too_large", "unsupported_media_type", "conflict"] as const;
const LINES = { "application/x-ndjson": { schema: outcomeLine } };
const importResponse = {
  description: "what became of the documents; NDJSON with `results=lines`",
  content: { "application/json": { schema: importAnswer }, ...LINES },
};
const RESUMABLE =
  "Streamed: of any length. With `import_id` the position is written down batch by batch, so that a cut import goes on: send the whole again, or " +
  "the rest with its `position` (GET /imports/{id} tells it). Without, a repeat adds nothing either, since ids follow from the content. " +
  "What cannot be read goes to the quarantine whole. Table columns carry the fields' names.";

/** Whole files of documents, in and out. */
export const importRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    takeStreams(app, FORMATS);

    app.post(
      "/feedback/import",
      {
        config: {
          permission: "import",
          problems: IMPORT_PROBLEMS,
          streams: true,
          consumes: FORMATS.map((one) => MEDIA_TYPES[one]),
        },
        schema: {
          summary: "Import feedback documents of any version, as NDJSON, JSON array, CSV or Parquet",
          description: `${RESUMABLE} Without \`vouch\` the labels are of tier rule, which starts no run and judges no model.`,
          querystring: z.strictObject({ ...importQuery, ...vouch }),
          response: { 200: importResponse },
        },
      },
      async (request, reply) => {
        const { vouch: vouched, reason } = request.query;
        const { channel, vouchedBy } = await vouching(house, request.identity, vouched, reason);
        return runImport(
          house,
          request,
          reply,
          { formats: FORMATS, source: "feedback over HTTP", tier: CHANNELS[channel] },
          (scoped, documents, source) =>
            importFeedback(scoped, vouchedBy === null ? documents : withVouchedIds(documents), { ...source, channel, vouchedBy }),
        );
      },
    );

    app.post(
      "/opinions/import",
      {
        config: {
          permission: "judge",
          problems: IMPORT_PROBLEMS,
          streams: true,
          consumes: FORMATS.map((one) => MEDIA_TYPES[one]),
        },
        schema: {
          summary: "Import opinions of judges elsewhere, as NDJSON, JSON array, CSV or Parquet",
          description: `${RESUMABLE} Their state is external, whatever they say of a model of ours.`,
          querystring: z.strictObject(importQuery),
          response: { 200: importResponse },
        },
      },
      async (request, reply) =>
        runImport(
          house,
          request,
          reply,
          { formats: FORMATS, source: "opinions over HTTP", tier: null },
          (scoped, documents, source) => importOpinions(scoped, externalOpinions(documents), source),
        ),
    );

    app.get(
      "/imports/:id",
      {
        config: { permission: "signed_in", problems: ["not_found"] },
        schema: { summary: "How far one of your imports came", params: byId, response: { 200: progressAnswer } },
      },
      async (request) => {
        const progress = await readImport(house, request.identity.subject, request.params.id);
        if (progress !== null) return progress;
        throw new RequeenError("not_found", `you have no import ${JSON.stringify(request.params.id)}`, {
          import_id: request.params.id,
        });
      },
    );

    app.get(
      "/feedback/export",
      {
        config: { permission: "import", problems: ["specialist_not_found"] },
        schema: {
          summary: "All feedback that the filters pick, newest first, as a file: as `requeen feedback export`",
          description: "Streamed. NDJSON and JSON carry whole documents, CSV and Parquet one row a judgement.",
          querystring: z.strictObject({ format: z.enum(FORMATS).default("ndjson"), ...feedbackFilters }),
          response: {
            200: {
              ...file(MEDIA_TYPES.ndjson),
              content: Object.fromEntries(FORMATS.map((one) => [MEDIA_TYPES[one], { schema: z.string() }])),
            },
          },
        },
      },
      async (request, reply) => {
        const { format, ...filters } = request.query;
        const specialist = specialistInScope(request, filters.specialist);
        if (specialist !== undefined) specialistOf(house, specialist);
        const items = async function* (): AsyncGenerator<ShownFeedback> {
          const filter = filterOf({ ...filters, specialist });
          for await (const stored of everyItem((page) => house.store.listFeedback(filter, page))) yield showFeedback(stored);
        };
        reply
          .header("content-type", format === "parquet" ? MEDIA_TYPES.parquet : `${MEDIA_TYPES[format]}; charset=utf-8`)
          .header("content-disposition", `attachment; filename="feedback.${format}"`);
        if (format !== "parquet") return reply.send(Readable.from(exportedText(format, items())) as never);
        const path = await house.blobs.temporaryPath();
        await writeExportedParquet(path, items());
        return reply.send(readAndRemove(path) as never);
      },
    );
    done();
  };

interface ImportKind {
  readonly formats: readonly Format[];
  readonly source: string;
  readonly tier: string | null;
  /** Answers line by line without being asked. */
  readonly lines?: boolean;
}

type ImportQuery = { readonly [K in keyof typeof importQuery]: z.output<(typeof importQuery)[K]> };

/** Reads the body, stores what it holds, and answers as the query asks. */
export async function runImport(
  house: House,
  request: FastifyRequest,
  reply: FastifyReply,
  { formats, source, tier, lines = false }: ImportKind,
  store: (house: House, documents: AsyncIterable<unknown>, source: ImportSource) => Promise<ImportReport>,
): Promise<void> {
  const { import_id, position = 0, results } = request.query as Partial<ImportQuery>;
  const header = request.headers["idempotency-key"];
  const importId = import_id ?? (typeof header === "string" ? header : null);
  const scoped = { ...houseInScope(house, request.identity), actor: request.identity.subject };
  await using upload = await openUpload(scoped, request, formatOfBody(request, formats));
  await using spool = lines || results === "lines" ? await openSpool(house) : null;
  const { report, ...end } = await runResumable(house, {
    importId,
    subject: request.identity.subject,
    position,
    documents: upload.documents,
    run: (documents, options) => store(scoped, documents, { ...options, source }),
    onOutcomes: async (outcomes, first) => {
      for (const [index, outcome] of outcomes.entries()) await spool?.write({ line: first + index, ...outcome });
    },
  });
  const answer: ImportAnswer = {
    source,
    tier,
    ...report,
    unreadable: upload.unreadable.count,
    dry_run: false,
    strict: false,
    import_id: importId,
    ...end,
  };
  if (spool === null) {
    reply.send(answer);
    return;
  }
  await spool.write({ summary: answer });
  const path = await spool.end();
  // opened before the spool is taken away: the open file is read to its end all the same
  const stream = await opened(createReadStream(path));
  reply.header("content-type", `${MEDIA_TYPES.ndjson}; charset=utf-8`).send(stream);
}

const opened = <S extends ReturnType<typeof createReadStream>>(stream: S): Promise<S> =>
  new Promise((resolve, reject) => stream.once("open", () => resolve(stream)).once("error", reject));

/** Whoever vouches is a person and says why. @throws RequeenError bad_request, forbidden */
export async function vouching(
  house: House,
  identity: Identity,
  vouched: boolean,
  reason: string | undefined,
): Promise<{ channel: Channel; vouchedBy: string | null }> {
  if (!vouched) return { channel: "import", vouchedBy: null };
  if (reason === undefined)
    throw new RequeenError("bad_request", "reason must say why you can vouch for these judgements; got none", {
      field: "reason",
    });
  if (identity.channel === "program")
    throw new RequeenError("forbidden", "only a person can vouch for judgements; this is a program's key", { field: "vouch" });
  await house.store.appendAudit([
    { at: house.now(), actor: identity.subject, action: "feedback.vouch", subject: "feedback over HTTP", details: { reason } },
  ]);
  return { channel: "import_vouched", vouchedBy: identity.subject };
}

function readAndRemove(path: string): Readable {
  const stream = createReadStream(path);
  stream.once("close", () => void rm(path, { force: true }));
  return stream;
}
