import type { FastifyInstance } from "fastify";
import { openBackgroundRuns } from "../loop/background-runs.ts";
import type { Events } from "../loop/events.ts";
import type { House } from "../loop/house.ts";
import type { TrainingChoice } from "../loop/watch.ts";
import { installIdempotency } from "./idempotency.ts";
import { actionRoutes } from "./routes/actions.ts";
import { auditRoutes } from "./routes/audit.ts";
import { datasetRoutes } from "./routes/datasets.ts";
import { docsRoutes } from "./routes/docs.ts";
import { eventRoutes } from "./routes/events.ts";
import { feedbackRoutes } from "./routes/feedback.ts";
import { importRoutes } from "./routes/imports.ts";
import { modelRoutes } from "./routes/models.ts";
import { opinionRoutes } from "./routes/opinions.ts";
import { quarantineRoutes } from "./routes/quarantine.ts";
import { reviewRoutes } from "./routes/review.ts";
import { rolloutRoutes } from "./routes/rollouts.ts";
import { runRoutes } from "./routes/runs.ts";
import { statusRoutes } from "./routes/status.ts";
import { verdictRoutes } from "./routes/verdicts.ts";
import { installSeen } from "./seen.ts";

export interface ApiParts {
  readonly house: House;
  readonly events: Events;
  /** What the configuration says of training. */
  readonly training: TrainingChoice;
}

/** Every route below /api/v1 that is about the loop. */
export async function registerApi(api: FastifyInstance, { house, events, training }: ApiParts): Promise<void> {
  const runs = openBackgroundRuns(house, events.onRunEvent);
  api.addHook("onClose", async () => runs.close());
  installIdempotency(api, house);
  api.addHook("onResponse", async (request, reply) => {
    if (request.method !== "GET" && reply.statusCode < 300) events.touch();
  });
  installSeen(api, house);
  await api.register(statusRoutes(house));
  await api.register(feedbackRoutes(house));
  await api.register(opinionRoutes(house));
  await api.register(runRoutes(house));
  await api.register(datasetRoutes(house));
  await api.register(verdictRoutes(house));
  await api.register(modelRoutes(house));
  await api.register(auditRoutes(house));
  await api.register(reviewRoutes(house));
  await api.register(importRoutes(house));
  await api.register(quarantineRoutes(house));
  await api.register(rolloutRoutes(house));
  await api.register(actionRoutes({ house, runs, training }));
  await api.register(docsRoutes());
  await api.register(eventRoutes(events, house.now));
}
