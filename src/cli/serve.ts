import { setTimeout as pause } from "node:timers/promises";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import { openEvents } from "../loop/events.ts";
import { watchDrift, watchOnce } from "../loop/watch.ts";
import { packageVersion } from "./backup-place.ts";
import type { CommandContext } from "./command.ts";
import { trainingOf } from "./commands/retrain.ts";
import { whileLeading } from "./lead.ts";
import { LOOPBACK } from "./loopback.ts";

/** What `requeen serve` says once it listens. */
export interface Serving {
  readonly url: string;
  /** Null: the admin token does not open this server. */
  readonly token_file: string | null;
  readonly token: string | null;
}

/** How often the server looks for runs to resume and specialists that are READY, milliseconds. */
const WATCH_EVERY_MS = 60_000;
const HOUR_MS = 3_600_000;

/**
 * Listens until the context's signal, then drains: requests under way are answered, a run stops at its next step boundary and stays
 * resumable.
 * @param onReady is called once, when requests are answered.
 * @throws RequeenError conflict when the port is taken; bad_config for a host that others reach.
 */
export async function serveUntilStopped(context: CommandContext, onReady: (serving: Serving) => void): Promise<void> {
  const { config, signal } = context;
  const { host, port } = config.server;
  const [{ buildApp }, { openAuth }, { recordConfigChange }, { drain }, { createMetrics }] = await Promise.all([
    import("../http/app.ts"),
    import("./auth.ts"),
    import("./record-config-change.ts"),
    import("../http/limits/drain.ts"),
    import("../http/metrics.ts"),
  ]);
  if (!LOOPBACK.test(host) && process.env.REQUEEN_ALLOW_REMOTE !== "1")
    context.terminal.note(
      `warning: listening on ${host}: everyone who reaches it and has a token may do what the token allows; put TLS in front of it`,
    );
  const { house: opened, embeddedMlflow } = await context.openHouseAndParts();
  const log = (event: string, details: Readonly<Record<string, unknown>>): void =>
    void process.stderr.write(`${JSON.stringify({ at: new Date(context.now()).toISOString(), event, ...details })}\n`);
  const house = { ...opened, log };
  const { authenticate, signIn, denials, guard, admin, sealer } = await openAuth(config, house, host);
  await recordConfigChange(house, config, sealer);
  const { trustedProxies, ...limits } = config.server;
  const { everyHours, windowHours, ...driftLimits } = config.drift;
  const events = openEvents(house);
  const app = await buildApp({
    house,
    authenticate,
    signIn,
    denials,
    ...guard,
    mlflow: embeddedMlflow,
    events,
    training: trainingOf(config, {}),
    metrics: { of: createMetrics(house, packageVersion()), open: config.metrics.open },
    logger: false,
    limits,
    trustedProxies,
  });
  const url = await app.listen({ host, port }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE")
      throw new RequeenError("conflict", `port ${port} of ${host} is taken; give another with --port, or 0 for a free one`, {
        host,
        port,
      });
    throw error;
  });
  onReady({ url, token_file: admin?.file ?? null, token: admin?.token ?? null });
  // at the signal, not when the run under way has come to its boundary
  const drained = whenAborted(signal).then(() => drain(app, config.server.drainMs));
  try {
    await whileLeading(config, house, signal, async (leading) => {
      while (!leading.aborted) {
        await watchOnce(house, { signal: leading, onEvent: events.onRunEvent }, trainingOf(config, {}));
        if (everyHours !== null && !leading.aborted)
          await watchDrift(house, everyHours * HOUR_MS, { windowHours, limits: driftLimits });
        await pause(WATCH_EVERY_MS, undefined, { signal: leading });
      }
    });
  } catch (error) {
    if (!signal.aborted && !isRequeenError(error, "cancelled")) throw error;
  } finally {
    const cut = signal.aborted ? await drained : await drain(app, 0);
    if (cut > 0) log("server.cut_off", { connections: cut });
  }
}

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** What a person is told once it listens. */
export const servingText = ({ url, token, token_file }: Serving): string =>
  `Requeen listens on ${url}\n${
    token === null
      ? "People come with their own tokens; the admin token does not open this server (auth.adminToken)."
      : `Token (admin, from ${token_file}): ${token}`
  }`;
