import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { readTime } from "../../core/read-documents.ts";
import { viewBudgets } from "../../loop/budget.ts";
import { readFindings } from "../../loop/findings.ts";
import { readHistory, tracePlan } from "../../loop/history.ts";
import { type House, specialistOf } from "../../loop/house.ts";
import { viewPlan } from "../../loop/plan.ts";
import { showList, showReign, showTrace, showTrigger } from "../../loop/present.ts";
import { showSpecialist } from "../../loop/show-specialist.ts";
import { readStatus } from "../../loop/status.ts";
import { viewTrigger } from "../../loop/trigger.ts";
import { demandSpecialist, houseInScope, specialistInScope } from "../auth/access.ts";
import { findingsAnswer } from "../schemas/charts.ts";
import { bySpecialist, id, ofSpecialist, specialistName } from "../schemas/shared.ts";
import {
  budgetsAnswer,
  historyAnswer,
  planAnswer,
  specialistAnswer,
  specialistsAnswer,
  statusAnswer,
  triggersAnswer,
} from "../schemas/status.ts";

const read = { permission: "read" } as const;
const readOne = { permission: "read", problems: ["specialist_not_found"] } as const;

/** Where everything stands; reading only. */
export const statusRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get(
      "/status",
      {
        config: read,
        schema: { summary: "What stands where, one line a specialist: as `requeen status`", response: { 200: statusAnswer } },
      },
      async ({ identity }) => readStatus(houseInScope(house, identity)),
    );

    app.get(
      "/triggers",
      {
        config: readOne,
        schema: {
          summary: "What the trigger rule says now: as `requeen trigger check --dry-run`",
          querystring: bySpecialist.extend({
            because: z.enum(["drift", "schedule"]).optional().describe("as if a drift detector or a schedule asked"),
          }),
          response: { 200: triggersAnswer },
        },
      },
      async (request) => {
        const named = specialistInScope(request, request.query.specialist);
        const wanted = named === undefined ? house.specialists : [specialistOf(house, named)];
        const triggers = await Promise.all(
          wanted.map(async (one) => showTrigger(one.name, await viewTrigger(house, one, null, request.query.because ?? null))),
        );
        return { triggers };
      },
    );

    app.get(
      "/plan",
      {
        config: readOne,
        schema: {
          summary: "What the labels at hand could prove, and what more would buy: as `requeen plan`",
          querystring: bySpecialist,
          response: { 200: planAnswer },
        },
      },
      async (request) => {
        const named = request.query.specialist;
        if (named !== undefined) demandSpecialist(request, named);
        return viewPlan(houseInScope(house, request.identity), named ?? null);
      },
    );

    app.get(
      "/budget",
      { config: read, schema: { summary: "The error budget: as `requeen budget`", response: { 200: budgetsAnswer } } },
      async ({ identity }) => ({ budgets: await viewBudgets(houseInScope(house, identity)) }),
    );

    app.get(
      "/history",
      {
        config: { permission: "read", problems: ["specialist_not_found", "not_found"] },
        schema: {
          summary: "Which version was in production when, or which versions judged a plan: as `requeen history`",
          querystring: z.strictObject({
            specialist: specialistName.optional(),
            at: z.string().max(100).optional().describe("what was in production at this time; with plan: opinions until then"),
            plan: id.optional().describe("id of a plan: its opinions with the lineage of the model behind each"),
          }),
          response: { 200: historyAnswer },
        },
      },
      async (request) => {
        const { specialist, at, plan } = request.query;
        if (specialist !== undefined) demandSpecialist(request, specialist);
        const scoped = houseInScope(house, request.identity);
        const atMs = at === undefined ? undefined : timeOf(at);
        if (plan === undefined) return showList("reigns", (await readHistory(scoped, { specialist, atMs })).map(showReign), null);
        if (specialist !== undefined) specialistOf(house, specialist);
        const visible = new Set(scoped.specialists.map(({ name }) => name));
        const traces = (await tracePlan(house, plan)).filter((trace) => visible.has(trace.specialist));
        if (traces.length === 0)
          throw new RequeenError("not_found", `there is no opinion on a plan ${JSON.stringify(plan)}`, { plan_id: plan });
        const wanted = traces.filter(
          (trace) =>
            (specialist === undefined || trace.specialist === specialist) &&
            trace.evaluated_at <= (atMs ?? Number.POSITIVE_INFINITY),
        );
        return showList("opinions", wanted.map(showTrace), null);
      },
    );

    app.get(
      "/specialists",
      { config: read, schema: { summary: "The specialists, as they are configured", response: { 200: specialistsAnswer } } },
      async ({ identity }) =>
        showList(
          "specialists",
          houseInScope(house, identity).specialists.map((one) => showSpecialist(house, one)),
          null,
        ),
    );

    app.get(
      "/specialists/:specialist",
      { config: readOne, schema: { summary: "One specialist", params: ofSpecialist, response: { 200: specialistAnswer } } },
      async (request) => {
        demandSpecialist(request, request.params.specialist);
        return showSpecialist(house, specialistOf(house, request.params.specialist));
      },
    );

    app.get(
      "/specialists/:specialist/findings",
      {
        config: readOne,
        schema: {
          summary: "What was found in a specialist's labels when the last snapshot was taken",
          params: ofSpecialist,
          response: { 200: findingsAnswer },
        },
      },
      async (request) => {
        demandSpecialist(request, request.params.specialist);
        return readFindings(house, request.params.specialist);
      },
    );
    done();
  };

/** @throws RequeenError bad_request */
function timeOf(text: string): number {
  const ms = readTime(text);
  if (ms === null)
    throw new RequeenError("bad_request", `at must be a time, ISO 8601 like 2026-02-08T12:00:00Z; got ${JSON.stringify(text)}`, {
      field: "at",
    });
  return ms;
}
