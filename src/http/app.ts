import { randomUUID } from "node:crypto";
import Fastify, { type FastifyInstance, type FastifyServerOptions } from "fastify";
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { type Events, openEvents } from "../loop/events.ts";
import type { House } from "../loop/house.ts";
import type { TrainingChoice } from "../loop/watch.ts";
import type { MlflowService } from "../mlflow/index.ts";
import { mountMlflow } from "../mlflow/mount.ts";
import type { GuardOptions } from "../mlflow/request-guard.ts";
import { registerApi } from "./api.ts";
import { installAccess } from "./auth/access.ts";
import type { Authenticate } from "./auth/authenticate.ts";
import { installBrowserGuard } from "./auth/browser-guard.ts";
import { type Denials, installDenials } from "./auth/denials.ts";
import { identifyBy, type SignIn } from "./auth/sign-in.ts";
import { installErrors } from "./errors.ts";
import { installDraining } from "./limits/drain.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "./limits/http-limits.ts";
import { installLimits, serverOptions } from "./limits/install-limits.ts";
import { type Metrics, metricsRoutes, observeRequests } from "./metrics.ts";
import { API_PREFIX, installOpenApi } from "./openapi.ts";
import { pageRoutes } from "./pages.ts";
import { registryGuard } from "./registry-guard.ts";
import { healthRoutes } from "./routes/health.ts";
import { sessionRoutes } from "./routes/session.ts";
import { signInRoutes } from "./routes/sign-in.ts";
import { tokenRoutes } from "./routes/tokens.ts";

export interface AppOptions extends GuardOptions {
  readonly house: House;
  readonly authenticate: Authenticate;
  /** The embedded MLflow server, when there is one: mounted beside the API, for the same tokens. */
  readonly mlflow: MlflowService | null;
  readonly logger: FastifyServerOptions["logger"];
  /** Sessions of browsers, OpenID, API keys; without it the server knows tokens only. */
  readonly signIn?: SignIn | null;
  /** Where refused requests are noted; without it, nowhere. */
  readonly denials?: Denials | null;
  /** What pages hear of as it changes; given where runs are driven beside the server, so that their progress is told at once. */
  readonly events?: Events;
  /** What the configuration says of training, for runs that people begin here. */
  readonly training?: TrainingChoice;
  /** What Prometheus reads at /metrics; `open`: without a token. Without it there is no such path. */
  readonly metrics?: { readonly of: Metrics; readonly open: boolean } | null;
  readonly limits?: HttpLimits;
  /** Addresses and networks of proxies whose X-Forwarded-For says who the caller is. */
  readonly trustedProxies?: readonly string[];
}

/** The HTTP service. Everything below /api/ needs a token; health does not. No port is opened here. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { house, authenticate, signIn = null, denials = null, limits = DEFAULT_LIMITS, trustedProxies = [] } = options;
  const app = Fastify({
    ...serverOptions(limits),
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    logger: options.logger ?? false,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: 1_024 },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  // no route reads plain text: a body that says it is text is refused by its type, not for what it holds
  app.removeContentTypeParser("text/plain");
  installErrors(app);
  app.decorateRequest("identity");
  app.decorate("routeAccess", []);
  installDraining(app);
  const onIdentity = installLimits(app, limits, house.now);
  app.addHook("onSend", async (request, reply) => {
    reply.header("x-request-id", request.id).header("x-content-type-options", "nosniff");
  });
  const { metrics = null } = options;
  if (metrics !== null) observeRequests(app, metrics.of);
  await installOpenApi(app);
  await app.register(healthRoutes(options.house));
  if (metrics !== null)
    await app.register(async (scope) => {
      if (!metrics.open) installAccess(scope, identifyBy(scope, authenticate, null));
      await scope.register(metricsRoutes(metrics.of));
    });
  await app.register(pageRoutes());
  await app.register(
    async (api) => {
      installBrowserGuard(api, options);
      installDenials(api, denials);
      installAccess(api, identifyBy(api, authenticate, signIn?.sessions ?? null));
      api.addHook("onRequest", async (request) => {
        if (request.identity !== undefined) onIdentity(request, request.identity);
      });
      await api.register(sessionRoutes(authenticate, signIn, house.now));
      await api.register(tokenRoutes(house, signIn));
      // apart from tokens and sessions, whose answers hold secrets: nothing may store those for a repeated request
      await api.register(async (scope) =>
        registerApi(scope, {
          house: options.house,
          events: options.events ?? openEvents(options.house),
          training: options.training ?? {},
        }),
      );
    },
    { prefix: API_PREFIX },
  );
  if (signIn !== null && signIn.oidc !== null) {
    const { sessions, oidc } = signIn;
    await app.register(
      async (scope) => {
        installBrowserGuard(scope, options);
        installDenials(scope, denials);
        await scope.register(signInRoutes(sessions, oidc, house.now));
      },
      { prefix: "/auth" },
    );
  }
  app.addHook("onClose", async () => denials?.close());
  if (options.mlflow !== null) {
    const { allowedHosts, allowedOrigins } = options;
    const authorize = registryGuard(authenticate, denials, onIdentity);
    mountMlflow(app, options.mlflow, { allowedHosts, allowedOrigins, authorize });
  }
  return app;
}
