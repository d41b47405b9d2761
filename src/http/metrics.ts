import type { FastifyInstance, FastifyPluginCallback } from "fastify";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { TIER_NAMES } from "../core/evidence.ts";
import { type Gauges, readGauges, type SpecialistGauges } from "../loop/gauges.ts";
import type { House } from "../loop/house.ts";

/** Reading the gauges asks the store and the registry; scrapes that come closer together share one reading. */
const REUSED_MS = 10_000;
const LATENCY_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface Metrics {
  readonly contentType: string;
  /** All metrics as text, read now or at most ten seconds ago. */
  text(): Promise<string>;
  /** Notes one answered request. `route` is the pattern, never the path. */
  observe(request: { readonly method: string; readonly route: string; readonly status: number; readonly seconds: number }): void;
}

/** The numbers that Prometheus reads. Labels are specialists, tiers, states, routes: as many series as the configuration makes, never more. */
export function createMetrics(house: House, version: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: "requeen_http_request_duration_seconds",
    help: "How long requests took, by method, route pattern and class of the status",
    labelNames: ["method", "route", "status"],
    buckets: LATENCY_SECONDS,
    registers: [registry],
  });
  const failures = new Counter({
    name: "requeen_http_errors_total",
    help: "Requests answered with a status of 500 or above, by route pattern",
    labelNames: ["route"],
    registers: [registry],
  });
  const info = new Gauge({
    name: "requeen_build_info",
    help: "1; which version runs",
    labelNames: ["version"],
    registers: [registry],
  });
  info.set({ version }, 1);
  const set = defineGauges(registry);

  let reading: Promise<void> | null = null;
  let readAtMs = Number.NEGATIVE_INFINITY;
  const refresh = (): Promise<void> => {
    if (reading === null && performance.now() - readAtMs >= REUSED_MS)
      reading = readGauges(house)
        .then((gauges) => {
          set(gauges);
          readAtMs = performance.now();
        })
        .finally(() => {
          reading = null;
        });
    return reading ?? Promise.resolve();
  };
  return {
    contentType: registry.contentType,
    async text() {
      await refresh();
      return registry.metrics();
    },
    observe({ method, route, status, seconds }) {
      duration.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, seconds);
      if (status >= 500) failures.inc({ route });
    },
  };
}

/** Registers the gauges of the house; gives what sets them. What is unknown has no series, so that no alert takes it for 0. */
function defineGauges(registry: Registry): (gauges: Gauges) => void {
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]): Gauge<L> =>
    new Gauge({ name: `requeen_${name}`, help, labelNames, registers: [registry] });
  const storeUp = gauge("store_up", "1: the store answers");
  const registryUp = gauge("registry_up", "1: the registry answers");
  const paused = gauge("paused", "1: a person stopped every change of production");
  const quarantined = gauge("quarantine_waiting", "documents that could not be read and that nobody has looked at, up to 1000");
  const unread = gauge("specialist_unread", "1: the figures of this specialist could not be read", "specialist");
  const state = gauge(
    "specialist_state",
    "1 for the state that the trigger rule says: READY, WAIT, RUNNING, BLOCKED",
    "specialist",
    "state",
  );
  const labels = gauge("labels", "current judgements by evidence tier", "specialist", "tier");
  const human = gauge("labels_human", "opinions with a label of a person", "specialist");
  const fresh = gauge("labels_new", "human labels that may judge and that no verdict has considered", "specialist");
  const threshold = gauge("labels_threshold", "new labels that start a run", "specialist");
  const lastFeedback = gauge("last_feedback_timestamp_seconds", "when the newest judgement was given", "specialist");
  const waiting = gauge("review_waiting", "opinions that wait for a person", "specialist");
  const champion = gauge("champion_version", "version in production; absent before the first", "specialist");
  const championSince = gauge(
    "champion_registered_timestamp_seconds",
    "when the version in production was registered",
    "specialist",
  );
  const judged = gauge("champion_opinions", "opinions of the version in production", "specialist");
  const confidence = gauge("champion_confidence", "mean confidence of the version in production, 0 to 1", "specialist");
  const agreement = gauge("champion_agreement", "share of its labelled opinions that people agree with, 0 to 1", "specialist");
  const running = gauge(
    "run_started_timestamp_seconds",
    "when the run that is under way began; absent without one",
    "specialist",
  );
  const lastRun = gauge(
    "last_run_state",
    "1 for how the last run ended: finished, refused, failed, cancelled",
    "specialist",
    "state",
  );
  const lastRunAt = gauge("last_run_timestamp_seconds", "when the last run ended", "specialist");
  const lastRunTook = gauge("last_run_duration_seconds", "how long the last run took", "specialist");
  const verdict = gauge("last_verdict", "1 for the last verdict: promote, reject, inconclusive", "specialist", "decision");
  const verdictAt = gauge("last_verdict_timestamp_seconds", "when the last verdict was given", "specialist");
  const budget = gauge(
    "error_budget_left",
    "chance of a false promotion that this period has left; absent without a budget",
    "specialist",
  );
  const driftAt = gauge("drift_checked_timestamp_seconds", "when drift was last looked for", "specialist");
  const drifted = gauge("drift_features", "features that drifted at the last look", "specialist");
  const psi = gauge("drift_largest_psi", "largest population stability index at the last look", "specialist");
  const bySpecialist = [
    ...[unread, state, labels, human, fresh, threshold, lastFeedback, waiting, champion, championSince, judged, confidence],
    ...[agreement, running, lastRun, lastRunAt, lastRunTook, verdict, verdictAt, budget, driftAt, drifted, psi],
  ];

  const setOne = (one: SpecialistGauges): void => {
    const { specialist } = one;
    const put = (target: Gauge<"specialist">, value: number | null | undefined): void => {
      if (value !== null && value !== undefined) target.set({ specialist }, value);
    };
    state.set({ specialist, state: one.state }, 1);
    for (const tier of TIER_NAMES) labels.set({ specialist, tier }, one.labelsByTier[tier]);
    put(human, one.humanLabels);
    put(fresh, one.newLabels);
    put(threshold, one.threshold);
    put(lastFeedback, seconds(one.lastFeedbackAt));
    put(waiting, one.waiting);
    put(champion, one.champion === null ? null : Number(one.champion.version));
    put(championSince, seconds(one.champion?.registeredAt));
    put(judged, one.champion?.judged);
    put(confidence, one.champion?.meanConfidence);
    put(agreement, one.champion?.agreement);
    put(running, seconds(one.runningSince));
    if (one.lastRun !== null) lastRun.set({ specialist, state: one.lastRun.state }, 1);
    put(lastRunAt, seconds(one.lastRun?.endedAt));
    put(lastRunTook, seconds(one.lastRun?.durationMs));
    if (one.lastVerdict !== null) verdict.set({ specialist, decision: one.lastVerdict.decision }, 1);
    put(verdictAt, seconds(one.lastVerdict?.at));
    put(budget, one.budgetLeft);
    put(driftAt, seconds(one.drift?.checkedAt));
    put(drifted, one.drift?.driftedFeatures);
    put(psi, one.drift?.largestPsi);
  };
  return (gauges) => {
    for (const each of bySpecialist) each.reset();
    storeUp.set(Number(gauges.storeUp));
    registryUp.set(Number(gauges.registryUp));
    paused.set(Number(gauges.paused));
    quarantined.set(gauges.quarantined);
    for (const specialist of gauges.unread) unread.set({ specialist }, 1);
    for (const one of gauges.specialists) setOne(one);
  };
}

const seconds = (ms: number | null | undefined): number | null => (ms === null || ms === undefined ? null : ms / 1_000);

/** Notes every answered request; call it before routes are registered. */
export function observeRequests(app: FastifyInstance, metrics: Metrics): void {
  app.addHook("onResponse", async (request, reply) => {
    metrics.observe({
      method: request.method,
      // a path that no route knows has no pattern of its own: one series for all of them
      route: request.routeOptions.url ?? "none",
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1_000,
    });
  });
}

/** GET /metrics. */
export const metricsRoutes =
  (metrics: Metrics): FastifyPluginCallback =>
  (app, _options, done) => {
    // overload is when it is needed most
    app.get("/metrics", { config: { permission: "read", vital: true }, schema: { hide: true } }, async (_request, reply) =>
      reply.type(metrics.contentType).send(await metrics.text()),
    );
    done();
  };
