import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { verdictRecordSchema } from "../../core/verdict-record.ts";
import { listWaiting, readApproval } from "../../loop/approve.ts";
import { findVerdict } from "../../loop/decide-step.ts";
import { type House, specialistOf } from "../../loop/house.ts";
import { showList } from "../../loop/present.ts";
import { readVerdict, verdictKey } from "../../loop/verdicts.ts";
import { demandSpecialist, houseInScope, specialistInScope } from "../auth/access.ts";
import { approvalAnswer, approvalsAnswer, verdictAnswer, verdictsAnswer } from "../schemas/records.ts";
import { byId, page, specialistName } from "../schemas/shared.ts";

export const VERDICT_PROBLEMS = ["verdict_not_found", "run_not_found", "bad_parameter"] as const;

/** What was decided, and why; reading only. */
export const verdictRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get(
      "/verdicts",
      {
        config: { permission: "read", problems: ["specialist_not_found", "bad_query"] },
        schema: {
          summary: "Verdicts, newest first, in short",
          querystring: z.strictObject({ ...page, specialist: specialistName.optional() }),
          response: { 200: verdictsAnswer },
        },
      },
      async (request) => {
        const { limit, cursor } = request.query;
        const specialist = specialistInScope(request, request.query.specialist);
        if (specialist !== undefined) specialistOf(house, specialist);
        const { items, next } = await house.store.listVerdicts({ specialist }, { limit, cursor });
        const heads = items.map((record) => {
          const { verdict, ...head } = verdictRecordSchema.encode(record);
          return { ...head, headline: verdict.headline };
        });
        return showList("verdicts", heads, next);
      },
    );

    app.get(
      "/verdicts/:id",
      {
        config: { permission: "read", problems: VERDICT_PROBLEMS },
        schema: {
          summary: "One verdict with all its figures and inputs: as `requeen verdict show`",
          description: "By its id or the first 8 digits of it, or by the id of its run.",
          params: byId,
          response: { 200: verdictAnswer },
        },
      },
      async (request) => {
        const verdict = await readVerdict(house, request.params.id);
        demandSpecialist(request, verdict.specialist);
        return verdict;
      },
    );

    app.get(
      "/verdicts/:id/approval",
      {
        config: { permission: "read", problems: VERDICT_PROBLEMS },
        schema: { summary: "Whether a verdict waits for a person", params: byId, response: { 200: approvalAnswer } },
      },
      async (request) => {
        const { verdict_id, specialist } = await findVerdict(house, await verdictKey(house, request.params.id));
        demandSpecialist(request, specialist);
        return readApproval(house, verdict_id);
      },
    );

    app.get(
      "/approvals",
      {
        config: { permission: "read" },
        schema: { summary: "Verdicts that wait for a person, newest first", response: { 200: approvalsAnswer } },
      },
      async ({ identity }) => {
        const visible = new Set(houseInScope(house, identity).specialists.map(({ name }) => name));
        return { approvals: (await listWaiting(house)).filter(({ specialist }) => visible.has(specialist)) };
      },
    );
    done();
  };
