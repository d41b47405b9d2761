import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { readPlan } from "../../core/plan.ts";
import { MEDIA_TYPES } from "../../loop/documents/format.ts";
import { addExternalOpinion, externalOpinions } from "../../loop/external-opinions.ts";
import { type House, specialistOf } from "../../loop/house.ts";
import { importOpinions } from "../../loop/import-documents.ts";
import { judge } from "../../loop/judge.ts";
import { showList, showOpinion } from "../../loop/present.ts";
import { demandSpecialist, houseInScope, specialistInScope } from "../auth/access.ts";
import { houseOf } from "../idempotency.ts";
import { outcomeLine } from "../schemas/imports.ts";
import { opinionAnswer, opinionsAnswer } from "../schemas/records.ts";
import { byId, flag, id, ofSpecialist, page, specialistName, time } from "../schemas/shared.ts";
import { takeStreams } from "../upload.ts";
import { runImport } from "./imports.ts";

const LIST_PROBLEMS = ["specialist_not_found", "bad_query"] as const;

export const judgeBody = z.strictObject({
  plan: z.unknown().optional().describe("a cognitive plan, ours or in the original shapes"),
  columns: z
    .record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()]))
    .optional()
    .describe("one row of named columns"),
  plan_id: id.optional().describe("names the row where there is no plan; default: the plan's own id"),
  correlation_id: z.string().max(1_000).optional(),
});

/** What must stand in an opinion from elsewhere; the reader of documents says what else it takes. */
const newOpinion = z
  .looseObject({
    specialist_type: specialistName,
    opinion_id: id.optional().describe("made where it is left out"),
    plan_id: id.optional().describe("default: the plan's own"),
    evaluated_at: time.optional().describe("default: now"),
    cognitive_plan: z.unknown().optional().describe("the plan that was judged"),
    columns: judgeBody.shape.columns,
    opinion: z.looseObject({
      recommendation: z.string().min(1).max(64),
      confidence_score: z.number().min(0).max(1).nullable().optional(),
      risk_score: z.number().min(0).max(1).nullable().optional(),
      reasoning_summary: z.string().optional(),
    }),
  })
  .meta({ id: "NewOpinion" });

const STORED = {
  description: "equal to what is stored already; for NDJSON, what became of each line",
  content: { "application/json": { schema: opinionAnswer }, "application/x-ndjson": { schema: outcomeLine } },
};

export const opinionRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get(
      "/opinions",
      {
        config: { permission: "read", problems: LIST_PROBLEMS },
        schema: {
          summary: "Opinions, newest first: as `requeen opinions list`",
          querystring: z.strictObject({
            ...page,
            specialist: specialistName.optional(),
            plan: id.optional().describe("only on this plan"),
            model: z.string().max(64).optional().describe("only by this version of the specialist's model"),
            pending: flag.describe("only those that no person has judged yet"),
          }),
          response: { 200: opinionsAnswer },
        },
      },
      async (request) => {
        const { limit, cursor, plan, model, pending } = request.query;
        const specialist = specialistInScope(request, request.query.specialist);
        if (specialist !== undefined) specialistOf(house, specialist);
        const filter = { specialist, planId: plan, modelVersion: model, ...(pending ? { pending } : {}) };
        const { items, next } = await house.store.listOpinions(filter, { limit, cursor });
        return showList("opinions", items.map(showOpinion), next);
      },
    );

    app.get(
      "/opinions/pending",
      {
        config: { permission: "read", problems: LIST_PROBLEMS },
        schema: {
          summary: "Opinions that no person has judged yet, newest first",
          description:
            "As the original service listed them. Whoever shows an opinion beside the question makes the label `informed`; the review queue hides it.",
          querystring: z.strictObject({ ...page, limit: page.limit.default(10), specialist: specialistName.optional() }),
          response: { 200: opinionsAnswer },
        },
      },
      async (request) => {
        const { limit, cursor } = request.query;
        const specialist = specialistInScope(request, request.query.specialist);
        if (specialist !== undefined) specialistOf(house, specialist);
        const { items, next } = await house.store.listOpinions({ pending: true, specialist }, { limit, cursor });
        return showList("opinions", items.map(showOpinion), next);
      },
    );

    app.register(async (scope) => {
      takeStreams(scope, ["ndjson"]);
      scope.post(
        "/opinions",
        {
          config: {
            permission: "judge",
            problems: ["bad_document", "already_exists", "bad_data"],
            consumes: [MEDIA_TYPES.json, MEDIA_TYPES.ndjson],
            documents: newOpinion,
          },
          schema: {
            summary: "Store an opinion of a judge elsewhere; many as NDJSON, with a line of answer for each",
            description:
              "Its state is external, whatever it says of a model of ours. With its plan or columns the feature vector is computed, so that people's " +
              "labels of it train. One in JSON that cannot be read is refused; of many in NDJSON it goes to the quarantine and the line says so.",
            response: { 200: STORED, 201: opinionAnswer },
          },
        },
        async (request, reply) => {
          const type = request.headers["content-type"] ?? "";
          if (type.startsWith(MEDIA_TYPES.ndjson)) {
            const kind = { formats: ["ndjson"], source: "opinions over HTTP", tier: null, lines: true } as const;
            return runImport(house, request, reply as never, kind, (scoped, documents, source) =>
              importOpinions(scoped, externalOpinions(documents), source),
            );
          }
          const { opinion, outcome } = await addExternalOpinion(
            houseOf(houseInScope(house, request.identity), request),
            request.body,
          );
          return reply.code(outcome === "same" && request.keyed?.again !== true ? 200 : 201).send(showOpinion(opinion));
        },
      );
    });

    app.get(
      "/opinions/:id",
      {
        config: { permission: "read", problems: ["opinion_not_found"] },
        schema: { summary: "One opinion, whole", params: byId, response: { 200: opinionAnswer } },
      },
      async (request) => {
        const opinion = await house.store.getOpinion(request.params.id);
        if (opinion === null)
          throw new RequeenError("opinion_not_found", `there is no opinion ${JSON.stringify(request.params.id)}`, {
            opinion_id: request.params.id,
          });
        demandSpecialist(request, opinion.specialist_type);
        return showOpinion(opinion);
      },
    );

    app.post(
      "/specialists/:specialist/judge",
      {
        config: {
          permission: "judge",
          problems: ["specialist_not_found", "bad_plan", "bad_features", "bad_model", "bad_document", "registry_unavailable"],
        },
        schema: {
          summary: "Judge one plan, or one row of columns, by the champion; the opinion is stored",
          params: ofSpecialist,
          body: judgeBody,
          response: { 201: opinionAnswer },
        },
      },
      async (request, reply) => {
        demandSpecialist(request, request.params.specialist);
        const { plan, columns, plan_id: planId, correlation_id: correlationId } = request.body;
        if ((plan === undefined) === (columns === undefined))
          throw new RequeenError("bad_request", "the body must hold either plan or columns", { allowed: ["plan", "columns"] });
        const subject = columns === undefined ? { plan: readPlan(plan) } : { columns };
        const names = { ...(planId === undefined ? {} : { planId }), ...(correlationId === undefined ? {} : { correlationId }) };
        const acting = houseOf(house, request);
        const opinionId = acting.newId("opinion-");
        // judged by a try that a crash kept from answering
        const before = request.keyed?.again === true ? await house.store.getOpinion(opinionId) : null;
        if (before !== null) return reply.code(201).send(showOpinion(before));
        const [opinion] = await judge(acting, request.params.specialist, [{ ...subject, ...names, opinionId }]);
        if (opinion === undefined) throw new Error("one plan was given, no opinion came back");
        return reply.code(201).send(showOpinion(opinion));
      },
    );
    done();
  };
