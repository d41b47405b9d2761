import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { claimStateSchema, reviewModeSchema } from "../../core/review.ts";
import { timestamp } from "../../core/time.ts";
import type { House } from "../../loop/house.ts";
import { showList } from "../../loop/present.ts";
import {
  nextForReview,
  releaseClaim,
  renewClaim,
  reviewSummary,
  showClaim,
  skipClaim,
  submitReview,
  undoReview,
} from "../../loop/review.ts";
import { demandSpecialist, houseInScope } from "../auth/access.ts";
import { claimAnswer, claimsAnswer, nextAnswer, submittedAnswer, summaryAnswer, undoneAnswer } from "../schemas/review.ts";
import { byId, page, specialistName } from "../schemas/shared.ts";

const CLAIM = ["not_found", "conflict"] as const;
const access = (
  problems: readonly ("not_found" | "conflict" | "specialist_not_found" | "opinion_not_found" | "overloaded")[],
) => ({
  permission: "review" as const,
  problems,
});

const nextBody = z
  .strictObject({
    specialist: specialistName.optional().describe("one specialist; without it, any of the reviewer's scope"),
    mode: reviewModeSchema.default("blind").describe("blind: decide on the plan alone; informed: see what the model said"),
  })
  .prefault({});

const submitBody = z.strictObject({
  decision: z.string().min(1).max(64).describe("one of the `decisions` of the review"),
  rating: z.number().min(0).max(1).nullable().default(null).describe("agreement with the opinion; recorded, never a label"),
  notes: z.string().max(20_000).default("").describe("why"),
});

const skipBody = z.strictObject({ reason: z.string().max(1_000).nullable().default(null) }).prefault({});

/** The review queue. Who reviews is the token's subject; nobody touches another's claim. */
export const reviewRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    // Fastify shows a schema null for a body that was left out, which no default takes
    app.addHook("preValidation", async (request) => {
      request.body ??= {};
    });

    app.post(
      "/review/next",
      {
        config: access(["specialist_not_found", "opinion_not_found", "overloaded"]),
        schema: {
          summary: "Claim an opinion that waits for a person",
          description:
            "Picked by chance; how likely it was goes into the label's evidence. Held for its reviewer until `expires_at`.",
          body: nextBody,
          response: { 200: nextAnswer },
        },
      },
      async (request) => {
        const { specialist, mode } = request.body;
        if (specialist !== undefined) demandSpecialist(request, specialist);
        const scoped = houseInScope(house, request.identity);
        return { review: await nextForReview(scoped, request.identity.subject, { specialist, mode }) };
      },
    );

    app.get(
      "/review/claims",
      {
        config: access([]),
        schema: {
          summary: "One's own claims, newest first",
          querystring: z.strictObject({
            ...page,
            specialist: specialistName.optional(),
            state: claimStateSchema
              .optional()
              .describe("as stored: a claim that is over by time stands as `open` until it is taken over"),
          }),
          response: { 200: claimsAnswer },
        },
      },
      async (request) => {
        const { limit, cursor, ...filter } = request.query;
        const reviewer = request.identity.subject;
        const { items, next } = await house.store.listClaims({ reviewer, ...filter }, { limit, cursor });
        const now = house.now();
        return showList(
          "claims",
          items.map((claim) => showClaim(claim, now)),
          next,
        );
      },
    );

    app.post(
      "/review/claims/:id/renew",
      {
        config: access(CLAIM),
        schema: { summary: "Hold an opinion for the full time from now", params: byId, response: { 200: claimAnswer } },
      },
      async (request) => renewClaim(house, request.identity.subject, request.params.id),
    );

    app.post(
      "/review/claims/:id/release",
      {
        config: access(CLAIM),
        schema: { summary: "Give an opinion back to the queue", params: byId, response: { 200: claimAnswer } },
      },
      async (request) => releaseClaim(house, request.identity.subject, request.params.id),
    );

    app.post(
      "/review/claims/:id/skip",
      {
        config: access(CLAIM),
        schema: {
          summary: "Leave an opinion to others; it does not come again for a while",
          params: byId,
          body: skipBody,
          response: { 200: claimAnswer },
        },
      },
      async (request) => skipClaim(house, request.identity.subject, request.params.id, request.body.reason),
    );

    app.post(
      "/review/claims/:id/submit",
      {
        config: access([...CLAIM, "opinion_not_found"]),
        schema: {
          summary: "Judge a claimed opinion; the answer shows what the model said",
          description: "201: recorded; 200: just this was submitted before.",
          params: byId,
          body: submitBody,
          response: { 200: submittedAnswer, 201: submittedAnswer },
        },
      },
      async (request, reply) => {
        const submitted = await submitReview(house, request.identity.subject, request.params.id, request.body);
        return reply.code(submitted.status === "recorded" ? 201 : 200).send(submitted);
      },
    );

    app.post(
      "/review/claims/:id/undo",
      {
        config: access([...CLAIM, "opinion_not_found"]),
        schema: {
          summary: "Take a judgement back, within a minute of submitting it",
          description:
            "The same opinion is claimed again, in the mode `informed`: the first answer has shown what the model said.",
          params: byId,
          response: { 200: undoneAnswer },
        },
      },
      async (request) => undoReview(house, request.identity.subject, request.params.id),
    );

    app.get(
      "/review/summary",
      {
        config: access([]),
        schema: {
          summary: "What waits, what is done, and how many labels each specialist still needs",
          querystring: z.strictObject({
            since: timestamp.optional().describe("`done` counts from then on; default: midnight UTC"),
          }),
          response: { 200: summaryAnswer },
        },
      },
      async (request) => {
        const scoped = houseInScope(house, request.identity);
        return reviewSummary(scoped, request.identity.subject, request.query.since ?? null);
      },
    );
    done();
  };
