import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { House } from "../../loop/house.ts";

const checkSchema = z.strictObject({ ok: z.boolean(), error: z.string().nullable() });
const storeSchema = checkSchema.extend({
  circuit: z
    .enum(["closed", "open", "half_open"])
    .nullable()
    .describe("whether a store on a server is asked; null: it is a file"),
});

/**
 * Live: the process answers. Ready: store and registry answer too; 503 when one does not. With `for=feedback` the registry is not asked: pods
 * that would take feedback stay reachable while MLflow is away. No token: load balancers have none.
 */
export const healthRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get(
      "/health",
      { config: { vital: true }, schema: { response: { 200: z.strictObject({ status: z.literal("ok") }) } } },
      async () => ({
        status: "ok" as const,
      }),
    );
    const readiness = z.strictObject({
      status: z.enum(["ready", "not_ready", "draining"]),
      store: storeSchema,
      registry: checkSchema.nullable().describe("null: not asked"),
    });
    // needs no token and is never refused: however many ask, one look is under way
    const lookAtStore = shared(() =>
      check(() => house.store.ping()).then((store) => ({ ...store, circuit: house.store.circuit?.().state ?? null })),
    );
    const lookAtRegistry = shared(() => check(() => house.registry.searchRegisteredModels({ maxResults: 1 })));
    const querystring = z.object({
      for: z
        .enum(["feedback"])
        .optional()
        .describe("feedback: whether judgements are taken, which needs no registry; what a load balancer should ask"),
    });
    app.get(
      "/ready",
      {
        config: { vital: true, problems: ["bad_request"] },
        schema: { querystring, response: { 200: readiness, 503: readiness } },
      },
      async (request, reply) => {
        const [store, registry] = await Promise.all([lookAtStore(), request.query.for === "feedback" ? null : lookAtRegistry()]);
        const ready = store.ok && registry?.ok !== false && !app.draining.begun;
        const status = app.draining.begun ? "draining" : ready ? "ready" : "not_ready";
        return reply.code(ready ? 200 : 503).send({ status, store, registry });
      },
    );
    done();
  };

/** One call at a time: who asks meanwhile gets its answer too. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => {
    underWay ??= work().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}

async function check(work: () => Promise<unknown>): Promise<z.output<typeof checkSchema>> {
  try {
    await work();
    return { ok: true, error: null };
  } catch (error) {
    return { ok: false, error: (error as { code?: string }).code ?? "internal" };
  }
}
