import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { type House, specialistOf } from "../../loop/house.ts";
import { pauseAll, pauseSchema, resumeAll } from "../../loop/pause.ts";
import { showList } from "../../loop/present.ts";
import { showRollout } from "../../loop/rollout.ts";
import { specialistInScope } from "../auth/access.ts";
import { pausedAnswer, pauseEndedAnswer, rolloutsAnswer } from "../schemas/rollouts.ts";
import { bySpecialist, reason } from "../schemas/shared.ts";

/** Whether production has reached the pods that judge, and the pause of the whole installation. */
export const rolloutRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get(
      "/rollouts",
      {
        config: { permission: "read", problems: ["specialist_not_found", "registry_unavailable"] },
        schema: {
          summary: "The last rollout of each specialist, with what each pod reports: as `requeen rollout status`",
          querystring: bySpecialist,
          response: { 200: rolloutsAnswer },
        },
      },
      async (request) => {
        const specialist = specialistInScope(request, request.query.specialist);
        const names =
          specialist === undefined ? house.specialists.map(({ name }) => name) : [specialistOf(house, specialist).name];
        return showList("rollouts", await Promise.all(names.map((name) => showRollout(house, name))), null);
      },
    );

    app.post(
      "/pause",
      {
        config: { permission: "operate", problems: [] },
        schema: {
          summary: "Stop everything that changes production: as `requeen pause`; a second pause answers the first",
          body: z.strictObject({ reason }),
          response: { 200: pausedAnswer },
        },
      },
      async (request) => {
        const paused = await pauseAll(house, { by: request.identity.subject, reason: request.body.reason });
        return { paused: pauseSchema.encode(paused), dry_run: false };
      },
    );

    app.post(
      "/resume",
      {
        config: { permission: "operate", problems: [] },
        schema: {
          summary: "End a pause: as `requeen resume`; null when nothing was paused",
          response: { 200: pauseEndedAnswer },
        },
      },
      async (request) => {
        const ended = await resumeAll(house, request.identity.subject);
        return { ended: ended === null ? null : pauseSchema.encode(ended), dry_run: false };
      },
    );
    done();
  };
