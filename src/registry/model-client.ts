/** Registered models, their versions, stages and aliases, and logged models, over MLflow's REST API. */
import * as z from "zod";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import { type Endpoint, isEndpointMissing } from "./endpoint.ts";
import { quoted } from "./filter-value.ts";
import { aliasTagOf, STAGE_TAG } from "./names.ts";
import type { Capabilities, ModelVersion, RegisteredModel, Registry, Search } from "./registry.ts";
import type { RestCaller } from "./rest-call.ts";
import { searchBody } from "./tracking-client.ts";
import { loggedModelWire, modelVersionWire, nextPageToken, pairList, registeredModelWire } from "./wire.ts";

export type ModelMethods = Pick<
  Registry,
  | "createLoggedModel"
  | "getLoggedModel"
  | "searchLoggedModels"
  | "finalizeLoggedModel"
  | "setLoggedModelTags"
  | "ensureRegisteredModel"
  | "findRegisteredModel"
  | "searchRegisteredModels"
  | "setRegisteredModelTag"
  | "deleteRegisteredModelTag"
  | "createModelVersion"
  | "getModelVersion"
  | "searchModelVersions"
  | "listModelVersions"
  | "updateModelVersion"
  | "setModelVersionTag"
  | "setModelVersionTags"
  | "deleteModelVersionTag"
  | "transitionStage"
  | "deleteModelVersion"
  | "getModelVersionDownloadUri"
  | "setAlias"
  | "getModelVersionByAlias"
  | "deleteAlias"
>;

const endpoint = (method: Endpoint["method"], path: string, repeatable = true): Endpoint => ({
  method,
  path: `/api/2.0/mlflow/${path}`,
  repeatable,
  missing: "model_not_found",
});

const ENDPOINTS = {
  createRegisteredModel: endpoint("POST", "registered-models/create"),
  getRegisteredModel: endpoint("GET", "registered-models/get"),
  searchRegisteredModels: endpoint("GET", "registered-models/search"),
  setRegisteredModelTag: endpoint("POST", "registered-models/set-tag"),
  deleteRegisteredModelTag: endpoint("DELETE", "registered-models/delete-tag"),
  createModelVersion: endpoint("POST", "model-versions/create", false),
  getModelVersion: endpoint("GET", "model-versions/get"),
  searchModelVersions: endpoint("GET", "model-versions/search"),
  updateModelVersion: endpoint("PATCH", "model-versions/update"),
  setModelVersionTag: endpoint("POST", "model-versions/set-tag"),
  deleteModelVersionTag: endpoint("DELETE", "model-versions/delete-tag"),
  transitionStage: endpoint("POST", "model-versions/transition-stage"),
  deleteModelVersion: endpoint("DELETE", "model-versions/delete", false),
  getDownloadUri: endpoint("GET", "model-versions/get-download-uri"),
  setAlias: endpoint("POST", "registered-models/alias"),
  getAlias: endpoint("GET", "registered-models/alias"),
  deleteAlias: endpoint("DELETE", "registered-models/alias"),
  createLoggedModel: endpoint("POST", "logged-models", false),
  searchLoggedModels: endpoint("POST", "logged-models/search"),
} as const;

const loggedModelEndpoint = (method: Endpoint["method"], modelId: string, rest = ""): Endpoint =>
  endpoint(method, `logged-models/${encodeURIComponent(modelId)}${rest}`);

/** MLflow's create takes this many params of a logged model at once. */
const LOGGED_MODEL_PARAMS = 100;
const VERSIONS_PAGE = 10_000;

export function createModelMethods(caller: RestCaller, capabilities: () => Promise<Capabilities>): ModelMethods {
  const nothing = z.unknown();
  const versionAnswer = z.object({ model_version: modelVersionWire });
  const modelAnswer = z.object({ registered_model: registeredModelWire });
  const loggedAnswer = z.object({ model: loggedModelWire });

  const methods: ModelMethods = {
    async createLoggedModel({ experimentId, name, sourceRunId, modelType, params, tags }) {
      const all = pairList(params);
      const body = {
        experiment_id: experimentId,
        name,
        source_run_id: sourceRunId,
        model_type: modelType,
        params: all.slice(0, LOGGED_MODEL_PARAMS),
        tags: pairList(tags),
      };
      const { model } = await caller.json(ENDPOINTS.createLoggedModel, loggedAnswer, { body });
      for (let from = LOGGED_MODEL_PARAMS; from < all.length; from += LOGGED_MODEL_PARAMS) {
        const part = { model_id: model.modelId, params: all.slice(from, from + LOGGED_MODEL_PARAMS) };
        await caller.json(loggedModelEndpoint("POST", model.modelId, "/params"), nothing, { body: part });
      }
      return all.length > LOGGED_MODEL_PARAMS ? methods.getLoggedModel(model.modelId) : model;
    },

    async getLoggedModel(modelId) {
      return (await caller.json(loggedModelEndpoint("GET", modelId), loggedAnswer)).model;
    },

    async searchLoggedModels(experimentIds, { filter, maxResults = 100, pageToken, orderBy = [] } = {}) {
      const order = orderBy.map((text) => {
        const [, field = text, direction = "ASC"] = /^(.*?)(?:\s+(ASC|DESC))?$/i.exec(text.trim()) ?? [];
        return { field_name: field, ascending: direction.toUpperCase() === "ASC" };
      });
      const body = { experiment_ids: experimentIds, filter, max_results: maxResults, page_token: pageToken, order_by: order };
      const shape = z.object({ models: z.array(loggedModelWire).default([]), next_page_token: nextPageToken });
      const answer = await caller.json(ENDPOINTS.searchLoggedModels, shape, { body });
      return { items: answer.models, nextPageToken: answer.next_page_token };
    },

    async finalizeLoggedModel(modelId, status) {
      return (await caller.json(loggedModelEndpoint("PATCH", modelId), loggedAnswer, { body: { model_id: modelId, status } }))
        .model;
    },

    async setLoggedModelTags(modelId, tags) {
      await caller.json(loggedModelEndpoint("PATCH", modelId, "/tags"), nothing, {
        body: { model_id: modelId, tags: pairList(tags) },
      });
    },

    async ensureRegisteredModel(name, { description, tags } = {}) {
      const found = await methods.findRegisteredModel(name);
      if (found !== null) return found;
      try {
        return (
          await caller.json(ENDPOINTS.createRegisteredModel, modelAnswer, { body: { name, description, tags: pairList(tags) } })
        ).registered_model;
      } catch (error) {
        // another process, or our own try whose answer was lost, was first
        if (!isRequeenError(error, "already_exists")) throw error;
        return readModel(name);
      }
    },

    async findRegisteredModel(name) {
      try {
        return await readModel(name);
      } catch (error) {
        if (isRequeenError(error, "model_not_found")) return null;
        throw error;
      }
    },

    async searchRegisteredModels(search = {}) {
      const shape = z.object({ registered_models: z.array(registeredModelWire).default([]), next_page_token: nextPageToken });
      const answer = await caller.json(ENDPOINTS.searchRegisteredModels, shape, { query: searchQuery(search, 1_000) });
      return { items: await Promise.all(answer.registered_models.map(withAliasTags)), nextPageToken: answer.next_page_token };
    },

    async setRegisteredModelTag(name, key, value) {
      await caller.json(ENDPOINTS.setRegisteredModelTag, nothing, { body: { name, key, value } });
    },

    async deleteRegisteredModelTag(name, key) {
      await caller.json(ENDPOINTS.deleteRegisteredModelTag, nothing, { body: { name, key } });
    },

    async createModelVersion({ name, source, runId, modelId, description, tags }) {
      const body = { name, source, run_id: runId, model_id: modelId, description, tags: pairList(tags) };
      return (await caller.json(ENDPOINTS.createModelVersion, versionAnswer, { body })).model_version;
    },

    async getModelVersion(name, version) {
      const { model_version: answer } = await caller.json(ENDPOINTS.getModelVersion, versionAnswer, {
        query: [
          ["name", name],
          ["version", version],
        ],
      });
      return withStageTag(answer);
    },

    async searchModelVersions(search = {}) {
      const shape = z.object({ model_versions: z.array(modelVersionWire).default([]), next_page_token: nextPageToken });
      const answer = await caller.json(ENDPOINTS.searchModelVersions, shape, { query: searchQuery(search, VERSIONS_PAGE) });
      return { items: answer.model_versions.map(withStageTag), nextPageToken: answer.next_page_token };
    },

    async listModelVersions(name) {
      const model = await methods.findRegisteredModel(name);
      if (model === null) return [];
      const versions: ModelVersion[] = [];
      for (let pageToken: string | null = ""; pageToken !== null; ) {
        const search: Search = {
          filter: `name=${quoted(name)}`,
          maxResults: VERSIONS_PAGE,
          pageToken: pageToken === "" ? undefined : pageToken,
        };
        const page: Awaited<ReturnType<Registry["searchModelVersions"]>> = await methods.searchModelVersions(search);
        for (const version of page.items) versions.push({ ...version, aliases: aliasesOf(model, version.version) });
        pageToken = page.nextPageToken;
      }
      return versions.sort((a, b) => Number(b.version) - Number(a.version));
    },

    async updateModelVersion(name, version, { description }) {
      const { model_version: answer } = await caller.json(ENDPOINTS.updateModelVersion, versionAnswer, {
        body: { name, version, description },
      });
      return answer;
    },

    async setModelVersionTag(name, version, key, value) {
      await caller.json(ENDPOINTS.setModelVersionTag, nothing, { body: { name, version, key, value } });
    },

    async setModelVersionTags(name, version, tags) {
      for (const [key, value] of Object.entries(tags)) await methods.setModelVersionTag(name, version, key, value);
    },

    async deleteModelVersionTag(name, version, key) {
      await caller.json(ENDPOINTS.deleteModelVersionTag, nothing, { body: { name, version, key } });
    },

    async transitionStage(name, version, stage, { archiveExisting = false } = {}) {
      // MLflow answers 500 when asked to archive for a stage that is not an active one
      const archive = archiveExisting && (stage === "Staging" || stage === "Production");
      try {
        const body = { name, version, stage, archive_existing_versions: archive };
        return (await caller.json(ENDPOINTS.transitionStage, versionAnswer, { body })).model_version;
      } catch (error) {
        if (!isEndpointMissing(error)) throw error;
        return moveStageTags(name, version, stage, archive);
      }
    },

    async deleteModelVersion(name, version) {
      await caller.json(ENDPOINTS.deleteModelVersion, nothing, { body: { name, version } });
    },

    async getModelVersionDownloadUri(name, version) {
      const shape = z.object({ artifact_uri: z.string().default("") });
      const answer = await caller.json(ENDPOINTS.getDownloadUri, shape, {
        query: [
          ["name", name],
          ["version", version],
        ],
      });
      return answer.artifact_uri;
    },

    async setAlias(name, alias, version) {
      try {
        await caller.json(ENDPOINTS.setAlias, nothing, { body: { name, alias, version } });
      } catch (error) {
        if (!isEndpointMissing(error)) throw error;
        await methods.getModelVersion(name, version);
        await methods.setRegisteredModelTag(name, aliasTagOf(alias), version);
      }
    },

    async getModelVersionByAlias(name, alias) {
      try {
        const answer = await caller.json(ENDPOINTS.getAlias, versionAnswer, {
          query: [
            ["name", name],
            ["alias", alias],
          ],
        });
        return withStageTag(answer.model_version);
      } catch (error) {
        const absent =
          isRequeenError(error, "model_not_found") || isRequeenError(error, "bad_request") || isEndpointMissing(error);
        if (!absent) throw error;
        // MLflow answers 400 for an alias that is not set, 404 for a model that is not there, and 404 for an alias left behind by a
        // deleted version: the model's own list of aliases tells them apart
        const version = (await methods.findRegisteredModel(name))?.aliases[alias];
        if (version === undefined) return null;
        const kept = isEndpointMissing(error) ? await findVersion(name, version) : null;
        if (kept !== null) return { ...kept, aliases: [alias] };
        throw new RequeenError(
          "model_not_found",
          `alias ${alias} of model ${name} points to version ${version}, which is not there; set the alias to an existing version`,
          { name, alias, version },
          { cause: error },
        );
      }
    },

    async deleteAlias(name, alias) {
      const model = await methods.findRegisteredModel(name);
      if (model?.aliases[alias] === undefined) return;
      try {
        await caller.json(ENDPOINTS.deleteAlias, nothing, { body: { name, alias } });
      } catch (error) {
        if (!isEndpointMissing(error)) throw error;
        await methods.deleteRegisteredModelTag(name, aliasTagOf(alias));
      }
    },
  };
  return methods;

  async function findVersion(name: string, version: string): Promise<ModelVersion | null> {
    try {
      return await methods.getModelVersion(name, version);
    } catch (error) {
      if (isRequeenError(error, "model_not_found")) return null;
      throw error;
    }
  }

  async function readModel(name: string): Promise<RegisteredModel> {
    const answer = await caller.json(ENDPOINTS.getRegisteredModel, modelAnswer, { query: [["name", name]] });
    return withAliasTags(answer.registered_model);
  }

  /** On a server without aliases, those that `setAlias` kept as tags. */
  async function withAliasTags(model: RegisteredModel): Promise<RegisteredModel> {
    const prefix = aliasTagOf("");
    const kept = Object.entries(model.tags).filter(([key]) => key.startsWith(prefix));
    if (kept.length === 0 || (await capabilities()).aliases) return model;
    return { ...model, aliases: Object.fromEntries(kept.map(([key, version]) => [key.slice(prefix.length), version])) };
  }

  /** What `transitionStage` does on a server without stages. */
  async function moveStageTags(
    name: string,
    version: string,
    stage: ModelVersion["stage"],
    archive: boolean,
  ): Promise<ModelVersion> {
    if (archive) {
      for (const other of await methods.listModelVersions(name)) {
        if (other.version !== version && other.stage === stage)
          await methods.setModelVersionTag(name, other.version, STAGE_TAG, "Archived");
      }
    }
    await methods.setModelVersionTag(name, version, STAGE_TAG, stage);
    return methods.getModelVersion(name, version);
  }
}

const STAGES = new Set<string>(["None", "Staging", "Production", "Archived"] satisfies Array<ModelVersion["stage"]>);
const isStage = (text: string | undefined): text is ModelVersion["stage"] => text !== undefined && STAGES.has(text);

/** A server with stages never has the tag, so the tag counts where the stage says nothing. */
function withStageTag(version: ModelVersion): ModelVersion {
  const kept = version.tags[STAGE_TAG];
  return version.stage === "None" && isStage(kept) ? { ...version, stage: kept } : version;
}

const aliasesOf = (model: RegisteredModel, version: string): string[] =>
  Object.entries(model.aliases)
    .filter(([, target]) => target === version)
    .map(([alias]) => alias)
    .sort();

function searchQuery(search: Search, defaultResults: number): Array<readonly [string, string]> {
  const {
    filter,
    order_by: orderBy = [],
    max_results: maxResults,
    page_token: pageToken,
  } = searchBody({ maxResults: defaultResults, ...search });
  const query: Array<readonly [string, string]> = [["max_results", String(maxResults)]];
  if (filter !== undefined) query.push(["filter", filter]);
  for (const order of orderBy) query.push(["order_by", order]);
  if (pageToken !== undefined) query.push(["page_token", pageToken]);
  return query;
}
