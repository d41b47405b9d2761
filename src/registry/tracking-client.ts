/** Experiments and runs over MLflow's REST API. */
import * as z from "zod";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import { type BatchBody, LIMITS, splitBatch } from "./batches.ts";
import { type Endpoint, isEndpointMissing } from "./endpoint.ts";
import type { DatasetInput, Metric, Registry, Run, Search } from "./registry.ts";
import type { RestCaller } from "./rest-call.ts";
import { experimentWire, metricWire, nextPageToken, pairList, runWire } from "./wire.ts";

export type TrackingMethods = Pick<
  Registry,
  | "getOrCreateExperiment"
  | "findExperiment"
  | "searchExperiments"
  | "setExperimentTag"
  | "createRun"
  | "getRun"
  | "updateRun"
  | "searchRuns"
  | "setRunTag"
  | "deleteRunTag"
  | "logBatch"
  | "getMetricHistory"
  | "logInputs"
  | "logOutputs"
>;

const endpoint = (method: Endpoint["method"], path: string, repeatable = true): Endpoint => ({
  method,
  path: `/api/2.0/mlflow/${path}`,
  repeatable,
  missing: "not_found",
});

const ENDPOINTS = {
  // repeatable: a second create of one name answers already_exists, and then the first one is read
  createExperiment: endpoint("POST", "experiments/create"),
  getExperimentByName: endpoint("GET", "experiments/get-by-name"),
  searchExperiments: endpoint("POST", "experiments/search"),
  setExperimentTag: endpoint("POST", "experiments/set-experiment-tag"),
  createRun: endpoint("POST", "runs/create", false),
  getRun: endpoint("GET", "runs/get"),
  updateRun: endpoint("POST", "runs/update"),
  searchRuns: endpoint("POST", "runs/search"),
  setTag: endpoint("POST", "runs/set-tag"),
  deleteTag: endpoint("POST", "runs/delete-tag"),
  // repeatable: MLflow drops exact repeats of metrics and takes params again that did not change
  logBatch: endpoint("POST", "runs/log-batch"),
  getMetricHistory: endpoint("GET", "metrics/get-history"),
  logInputs: endpoint("POST", "runs/log-inputs"),
  logOutputs: endpoint("POST", "runs/outputs"),
} as const;

const HISTORY_PAGE = 25_000;
const SEARCH_PAGE = 1_000;

export function createTrackingMethods(caller: RestCaller): TrackingMethods {
  const nothing = z.unknown();
  const post = (at: Endpoint, body: object) => caller.json(at, nothing, { body });

  const methods: TrackingMethods = {
    async getOrCreateExperiment(name, tags) {
      const found = await methods.findExperiment(name);
      if (found !== null) return requireActive(found);
      try {
        await post(ENDPOINTS.createExperiment, { name, tags: pairList(tags) });
      } catch (error) {
        // another process made it between the two calls
        if (!isRequeenError(error, "already_exists")) throw error;
      }
      const made = await methods.findExperiment(name);
      if (made === null)
        throw new RequeenError(
          "conflict",
          `experiment ${JSON.stringify(name)} at ${caller.address} is gone right after it was made`,
          { name },
        );
      return requireActive(made);
    },

    async findExperiment(name) {
      try {
        const shape = z.object({ experiment: experimentWire });
        const { experiment } = await caller.json(ENDPOINTS.getExperimentByName, shape, { query: [["experiment_name", name]] });
        return experiment;
      } catch (error) {
        if (isRequeenError(error, "not_found")) return null;
        throw error;
      }
    },

    async searchExperiments(search = {}) {
      const shape = z.object({ experiments: z.array(experimentWire).default([]), next_page_token: nextPageToken });
      const answer = await caller.json(ENDPOINTS.searchExperiments, shape, { body: searchBody(search) });
      return { items: answer.experiments, nextPageToken: answer.next_page_token };
    },

    async setExperimentTag(experimentId, key, value) {
      await post(ENDPOINTS.setExperimentTag, { experiment_id: experimentId, key, value });
    },

    async createRun({ experimentId, runName, startedAtMs, userId = "", tags }) {
      const body = {
        experiment_id: experimentId,
        run_name: runName,
        start_time: Math.trunc(startedAtMs),
        user_id: userId,
        tags: pairList(tags),
      };
      return (await caller.json(ENDPOINTS.createRun, z.object({ run: runWire }), { body })).run;
    },

    async getRun(runId) {
      return (await caller.json(ENDPOINTS.getRun, z.object({ run: runWire }), { query: [["run_id", runId]] })).run;
    },

    async updateRun(runId, { status, endedAtMs, runName }) {
      const end = endedAtMs === undefined ? undefined : Math.trunc(endedAtMs);
      await post(ENDPOINTS.updateRun, { run_id: runId, status, end_time: end, run_name: runName });
    },

    async searchRuns(search) {
      const body = {
        ...searchBody(search),
        experiment_ids: search.experimentIds,
        run_view_type: search.viewType ?? "ACTIVE_ONLY",
      };
      const shape = z.object({ runs: z.array(runWire).default([]), next_page_token: nextPageToken });
      const answer = await caller.json(ENDPOINTS.searchRuns, shape, { body });
      return { items: answer.runs, nextPageToken: answer.next_page_token };
    },

    async setRunTag(runId, key, value) {
      await post(ENDPOINTS.setTag, { run_id: runId, key, value });
    },

    async deleteRunTag(runId, key) {
      const run: Run = await methods.getRun(runId);
      if (!(key in run.tags)) return;
      try {
        await post(ENDPOINTS.deleteTag, { run_id: runId, key });
      } catch (error) {
        // a repeated call, or another process, was first
        if (!isRequeenError(error, "not_found")) throw error;
      }
    },

    async logBatch(runId, batch) {
      for (const body of splitBatch(batch)) {
        try {
          await post(ENDPOINTS.logBatch, { run_id: runId, ...body });
        } catch (error) {
          const rest = isDuplicateRow(error) ? await withoutLoggedNan(runId, body) : body;
          if (rest.metrics.length === body.metrics.length) throw error;
          await post(ENDPOINTS.logBatch, { run_id: runId, ...rest });
        }
      }
    },

    async getMetricHistory(runId, key) {
      const shape = z.object({ metrics: z.array(metricWire).default([]), next_page_token: nextPageToken });
      const metrics: Metric[] = [];
      for (let pageToken: string | null = ""; pageToken !== null; ) {
        const query: Array<readonly [string, string]> = [
          ["run_id", runId],
          ["metric_key", key],
          ["max_results", String(HISTORY_PAGE)],
        ];
        if (pageToken !== "") query.push(["page_token", pageToken]);
        const answer: z.infer<typeof shape> = await caller.json(ENDPOINTS.getMetricHistory, shape, { query });
        for (const metric of answer.metrics) metrics.push(metric);
        // a page without rows ends the reading, whatever its token says
        pageToken = answer.metrics.length === 0 ? null : answer.next_page_token;
      }
      return metrics;
    },

    async logInputs(runId, datasets) {
      for (const { name, digest } of datasets) {
        if (digest.length > 0 && digest.length <= LIMITS.datasetDigestCharacters) continue;
        const most = LIMITS.datasetDigestCharacters;
        throw new RequeenError(
          "bad_parameter",
          `the digest of dataset ${JSON.stringify(name)} must be 1 to ${most} characters; got ${digest.length}`,
          { name },
        );
      }
      for (let from = 0; from < datasets.length; from += LIMITS.datasetsPerCall) {
        const part = datasets.slice(from, from + LIMITS.datasetsPerCall);
        await post(ENDPOINTS.logInputs, { run_id: runId, datasets: part.map(wireDataset) });
      }
    },

    async logOutputs(runId, models) {
      // MLflow answers a second link of the same model with 400
      const linked = new Set((await methods.getRun(runId)).modelOutputs.map(({ modelId }) => modelId));
      const missing = models.filter(({ modelId }) => !linked.has(modelId));
      if (missing.length === 0) return;
      try {
        await post(ENDPOINTS.logOutputs, {
          run_id: runId,
          models: missing.map(({ modelId, step }) => ({ model_id: modelId, step })),
        });
      } catch (error) {
        if (isEndpointMissing(error) || isDuplicateRow(error)) return;
        throw error;
      }
    },
  };
  return methods;

  /** Some MLflow versions drop exact repeats of metrics, except those that are NaN, on which they fail (mlflow-protocol.md 2.4). */
  async function withoutLoggedNan(runId: string, body: BatchBody): Promise<BatchBody> {
    const keys = new Set(body.metrics.filter(({ value }) => value === "NaN").map(({ key }) => key));
    const logged = new Set<string>();
    for (const key of keys) {
      for (const { value, timestampMs, step } of await methods.getMetricHistory(runId, key)) {
        if (Number.isNaN(value)) logged.add(`${key}\n${timestampMs}\n${step}`);
      }
    }
    const metrics = body.metrics.filter(
      ({ key, value, timestamp, step }) => value !== "NaN" || !logged.has(`${key}\n${timestamp}\n${step}`),
    );
    return { ...body, metrics };
  }

  function requireActive<T extends { readonly name: string; readonly lifecycleStage: string }>(experiment: T): T {
    if (experiment.lifecycleStage === "active") return experiment;
    const { name } = experiment;
    throw new RequeenError(
      "conflict",
      `experiment ${JSON.stringify(name)} at ${caller.address} is deleted; restore it in MLflow or configure another name`,
      { name },
    );
  }
}

/** What databases under MLflow say when a row is there already. */
const isDuplicateRow = (error: unknown): boolean =>
  isRequeenError(error, "bad_request") && /UNIQUE constraint|IntegrityError|Duplicate entry|duplicate key/i.test(error.message);

export const searchBody = ({ filter, orderBy, maxResults = SEARCH_PAGE, pageToken }: Search) => ({
  filter,
  order_by: orderBy,
  max_results: maxResults,
  page_token: pageToken,
});

const wireDataset = ({ name, digest, sourceType, source, schema, profile, tags }: DatasetInput) => ({
  dataset: { name, digest, source_type: sourceType, source, schema, profile },
  tags: pairList(tags),
});
