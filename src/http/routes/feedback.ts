import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { isRequeenError, RequeenError } from "../../core/errors.ts";
import { toIso } from "../../core/time.ts";
import { editFeedback, retractFeedback } from "../../loop/change-feedback.ts";
import { fleetStatistics, specialistStatistics, statisticsOf } from "../../loop/feedback-stats.ts";
import { everyItem } from "../../loop/find-record.ts";
import { type House, specialistOf } from "../../loop/house.ts";
import { type Accepted, addFeedback } from "../../loop/intake.ts";
import { showFeedback, showList } from "../../loop/present.ts";
import type { FeedbackFilter, StoredFeedback } from "../../store/store.ts";
import { demandSpecialist, houseInScope, specialistInScope } from "../auth/access.ts";
import { houseOf } from "../idempotency.ts";
import {
  type AcceptedAnswer,
  acceptedAnswer,
  feedbackChange,
  feedbackFilters,
  feedbackHealth,
  feedbackOfOpinion,
  newFeedback,
  statsAnswer,
} from "../schemas/feedback.ts";
import { feedbackAnswer, feedbackListAnswer } from "../schemas/records.ts";
import { byId, id, page, reason, specialistName } from "../schemas/shared.ts";

const WINDOW_DAYS = 30;

export const feedbackRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.post(
      "/feedback",
      {
        config: { permission: "feedback", problems: ["opinion_not_found"] },
        schema: {
          summary: "Say what should have been decided on an opinion",
          body: newFeedback,
          response: { 200: acceptedAnswer, 201: acceptedAnswer },
        },
      },
      async (request, reply) => {
        const { opinion_id, human_recommendation, human_rating, feedback_notes, ...claimed } = request.body;
        const reviewer = request.identity.subject;
        const [head] = request.identity.specialists === null ? [] : await house.store.getOpinionHeads([opinion_id]);
        if (head) demandSpecialist(request, head.specialist_type);
        const acting = houseOf(house, request);
        const feedbackId = acting.newId("feedback-");
        const [answer] = await addFeedback(acting, request.identity.channel, [
          {
            opinionId: opinion_id,
            recommendation: human_recommendation,
            rating: human_rating,
            notes: feedback_notes,
            reviewer,
            claimed,
            feedbackId,
          },
        ]);
        if (answer === undefined) throw new Error("one judgement was given, none came back");
        // stored by a try that a crash kept from answering: the answer is that of the first time
        const isOwn = request.keyed?.again === true && answer.feedback.feedback_id === feedbackId;
        const stored = isOwn && answer.outcome === "same" ? await house.store.getFeedback(feedbackId) : null;
        const shown = stored === null ? accepted(answer) : accepted({ ...answer, outcome: "added", replaced: stored.supersedes });
        return reply.code(shown.status === "duplicate" ? 200 : 201).send(shown);
      },
    );

    app.get(
      "/feedback",
      {
        config: { permission: "read", problems: ["specialist_not_found", "bad_query"] },
        schema: {
          summary: "Feedback, newest first: as `requeen feedback list`",
          querystring: z.strictObject({ ...page, ...feedbackFilters }),
          response: { 200: feedbackListAnswer },
        },
      },
      async (request) => {
        const { limit, cursor, ...filters } = request.query;
        const specialist = specialistInScope(request, filters.specialist);
        if (specialist !== undefined) specialistOf(house, specialist);
        const { items, next } = await house.store.listFeedback(filterOf({ ...filters, specialist }), { limit, cursor });
        return showList("feedback", items.map(showFeedback), next);
      },
    );

    app.get(
      "/feedback/opinion/:opinion_id",
      {
        config: { permission: "read" },
        schema: {
          summary: "What people said of one opinion",
          description: "As the original: an empty list for an opinion that nobody judged, or that is not stored.",
          params: z.strictObject({ opinion_id: id }),
          response: { 200: feedbackOfOpinion },
        },
      },
      async (request) => {
        const items: StoredFeedback[] = [];
        for await (const item of everyItem((at) => house.store.listFeedback({ opinionId: request.params.opinion_id }, at)))
          items.push(item);
        for (const item of items) demandSpecialist(request, item.specialist_type);
        const current = items.filter(({ state }) => state === "current");
        const rows = current.map(({ human_recommendation, human_rating }) => ({
          recommendation: human_recommendation,
          count: 1,
          rated: Number(human_rating !== null),
          rating_sum: human_rating ?? 0,
          rating_min: human_rating,
          rating_max: human_rating,
        }));
        return { feedbacks: items.map(showFeedback), count: items.length, statistics: statisticsOf(rows) };
      },
    );

    app.get(
      "/feedback/stats",
      {
        config: { permission: "read", problems: ["specialist_not_found"] },
        schema: {
          summary: "Counts, ratings and decisions of current judgements",
          description: `With specialist_type: one specialist, over window_days (${WINDOW_DAYS} unless told). Without: all of them and their totals, over all time unless window_days is given.`,
          querystring: z.strictObject({
            specialist_type: specialistName.optional(),
            window_days: z.coerce.number().positive().max(36_500).optional().describe("only judgements of the last days"),
          }),
          response: { 200: statsAnswer },
        },
      },
      async (request) => {
        const { specialist_type, window_days } = request.query;
        if (specialist_type === undefined) return fleetStatistics(houseInScope(house, request.identity), window_days ?? null);
        demandSpecialist(request, specialist_type);
        return specialistStatistics(house, specialist_type, window_days ?? WINDOW_DAYS);
      },
    );

    app.get(
      "/feedback/health",
      {
        config: { permission: "public" },
        schema: {
          summary: "Whether feedback can be taken: 200 when it can, 503 when not",
          response: { 200: feedbackHealth, 503: feedbackHealth },
        },
      },
      async (_request, reply) => {
        const [outcome] = await Promise.allSettled([house.store.ping()]);
        if (outcome.status === "fulfilled") return reply.send({ status: "healthy" as const, reason: null });
        const known = isRequeenError(outcome.reason) ? outcome.reason.code : "internal";
        const status = known === "store_unavailable" ? ("degraded" as const) : ("unhealthy" as const);
        return reply.code(503).header("retry-after", "5").send({ status, reason: known });
      },
    );

    app.get(
      "/feedback/:id",
      {
        config: { permission: "read", problems: ["feedback_not_found"] },
        schema: { summary: "One judgement, whatever its state", params: byId, response: { 200: feedbackAnswer } },
      },
      async (request) => {
        const stored = await house.store.getFeedback(request.params.id);
        if (stored === null)
          throw new RequeenError("feedback_not_found", `there is no feedback ${JSON.stringify(request.params.id)}`, {
            feedback_id: request.params.id,
          });
        demandSpecialist(request, stored.specialist_type);
        return showFeedback(stored);
      },
    );

    app.patch(
      "/feedback/:id",
      {
        config: { permission: "feedback", problems: ["feedback_not_found", "opinion_not_found"] },
        schema: {
          summary: "Edit a judgement: a new one takes its place, the old one stays as history",
          description:
            "Only by who gave it, or an admin. The new one is of tier informed; an admin's change of another's judgement is of tier bulk.",
          params: byId,
          body: feedbackChange,
          response: { 200: acceptedAnswer },
        },
      },
      async (request) => {
        const stored = await house.store.getFeedback(request.params.id);
        if (stored !== null) demandSpecialist(request, stored.specialist_type);
        return accepted(await editFeedback(houseOf(house, request), request.identity, request.params.id, request.body));
      },
    );

    app.delete(
      "/feedback/:id",
      {
        config: { permission: "feedback", problems: ["feedback_not_found"] },
        schema: {
          summary: "Take a judgement back; it stays as history and counts no more",
          description: "Only by who gave it, or an admin. What it had replaced does not come back.",
          params: byId,
          querystring: z.strictObject({ reason: reason.optional() }),
          response: { 200: feedbackAnswer },
        },
      },
      async (request) => {
        const stored = await house.store.getFeedback(request.params.id);
        if (stored !== null) demandSpecialist(request, stored.specialist_type);
        const { id: wanted } = request.params;
        return showFeedback(
          await retractFeedback(houseOf(house, request), request.identity, wanted, request.query.reason ?? null),
        );
      },
    );
    done();
  };

const accepted = ({ feedback, outcome, replaced, notesWithheld }: Accepted): AcceptedAnswer => ({
  feedback_id: feedback.feedback_id,
  opinion_id: feedback.opinion_id,
  submitted_at: toIso(feedback.submitted_at),
  status: outcome === "same" ? "duplicate" : "recorded",
  superseded: replaced,
  notes_withheld: notesWithheld,
});

type Filters = { readonly [K in keyof typeof feedbackFilters]?: z.output<(typeof feedbackFilters)[K]> };

export const filterOf = ({ specialist, opinion, reviewer, tier, state, from, before }: Filters): FeedbackFilter => ({
  specialist,
  opinionId: opinion,
  reviewer,
  tier,
  state,
  submittedFrom: from === undefined ? undefined : Date.parse(from),
  submittedBefore: before === undefined ? undefined : Date.parse(before),
});
