import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { runStateSchema } from "../../core/run.ts";
import { findRun } from "../../loop/find-record.ts";
import { type House, specialistOf } from "../../loop/house.ts";
import { showList, showRuns } from "../../loop/present.ts";
import { readRunCharts } from "../../loop/run-charts.ts";
import { readRunLog } from "../../loop/run-log.ts";
import { demandSpecialist, specialistInScope } from "../auth/access.ts";
import { chartsAnswer, runLogAnswer } from "../schemas/charts.ts";
import { runAnswer, runsAnswer } from "../schemas/runs.ts";
import { byId, page, specialistName } from "../schemas/shared.ts";

const readOne = { permission: "read", problems: ["run_not_found", "bad_parameter"] } as const;

/** Retraining runs; reading only. */
export const runRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get(
      "/runs",
      {
        config: { permission: "read", problems: ["specialist_not_found", "bad_query"] },
        schema: {
          summary: "Retraining runs, newest first: as `requeen runs list`",
          querystring: z.strictObject({ ...page, specialist: specialistName.optional(), state: runStateSchema.optional() }),
          response: { 200: runsAnswer },
        },
      },
      async (request) => {
        const { limit, cursor, state } = request.query;
        const specialist = specialistInScope(request, request.query.specialist);
        if (specialist !== undefined) specialistOf(house, specialist);
        const { items, next } = await house.store.listRuns({ specialist, state }, { limit, cursor });
        return showList("runs", await showRuns(house, items), next);
      },
    );

    app.get(
      "/runs/:id",
      {
        config: readOne,
        schema: { summary: "One run, by its id or the first digits of it", params: byId, response: { 200: runAnswer } },
      },
      async (request) => {
        const run = await findRun(house, request.params.id);
        demandSpecialist(request, run.specialist);
        const [shown] = await showRuns(house, [run]);
        if (shown === undefined) throw new Error("one run went in and none came back");
        return shown;
      },
    );

    app.get(
      "/runs/:id/charts",
      {
        config: { permission: "read", problems: [...readOne.problems, "not_found", "digest_mismatch"] },
        schema: {
          summary: "Curves, reliability, confusion, confidence, slices, importance and composition of a run",
          description: "Computed from the predictions, the model and the dataset that the run left. 404 until it has trained.",
          params: byId,
          response: { 200: chartsAnswer },
        },
      },
      async (request) => {
        const run = await findRun(house, request.params.id);
        demandSpecialist(request, run.specialist);
        return readRunCharts(house, run.run_id);
      },
    );

    app.get(
      "/runs/:id/log",
      {
        config: readOne,
        schema: {
          summary: "What a run did, line by line, from its record and the audit log",
          params: byId,
          response: { 200: runLogAnswer },
        },
      },
      async (request) => {
        const run = await findRun(house, request.params.id);
        demandSpecialist(request, run.specialist);
        return readRunLog(house, run.run_id);
      },
    );
    done();
  };
