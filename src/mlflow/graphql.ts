import {
  buildSchema,
  type DocumentNode,
  execute,
  type GraphQLError,
  type GraphQLFieldResolver,
  type GraphQLOutputType,
  getNamedType,
  getOperationAST,
  isEnumType,
  isListType,
  isNonNullType,
  isScalarType,
  parse,
  type SelectionSetNode,
  specifiedRules,
  validate,
  visit,
} from "graphql";
import type { TransportResponse } from "../registry/transport.ts";
import { artifactEndpoints } from "./artifacts.ts";
import { ask } from "./ask-endpoint.ts";
import type { Context } from "./context.ts";
import { type Call, type Endpoint, jsonResponse, readBody } from "./endpoint.ts";
import { experimentEndpoints } from "./experiments.ts";
import { GRAPHQL_SCHEMA } from "./graphql-schema.ts";
import { metricHistoryEndpoints } from "./metric-history.ts";
import { modelVersionEndpoints } from "./model-versions.ts";
import { MlflowError } from "./protocol-error.ts";
import { isObject, readJsonBody } from "./read-request.ts";
import { runInputEndpoints } from "./run-inputs.ts";
import { runEndpoints } from "./runs.ts";
import { searchRunsEndpoint } from "./search-runs.ts";

/** MLflow's limits on what one query may ask (CVE-2025-0453), and the library's on its length. */
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_TOKENS = 20_000;
const MAX_SELECTIONS = 1_000;
const MAX_ROOT_FIELDS = 10;
const MAX_ALIASES = 10;

const schema = buildSchema(GRAPHQL_SCHEMA);

type Values = Readonly<Record<string, unknown>>;

/** GraphQL over the same endpoints: one query asks several, and gets only the fields that it names. */
export async function answerGraphql(context: Context, call: Call): Promise<TransportResponse> {
  const body = readJsonBody("POST", call.headers?.["content-type"], await readBody(call, MAX_BODY_BYTES));
  const refuse = (errors: readonly GraphQLError[] | readonly Error[]) =>
    // Python's library puts names in single quotes, and MLflow's clients match that.
    jsonResponse(200, { data: null, errors: errors.map(({ message }) => message.replaceAll('"', "'")) });
  let document: DocumentNode;
  try {
    document = parse(String(body.query ?? ""), { maxTokens: MAX_TOKENS });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return refuse([error]);
  }
  const tooMuch = excess(document);
  if (tooMuch !== undefined) return refuse([new Error(tooMuch)]);
  const wrong = validate(schema, document, specifiedRules, { maxErrors: 10 });
  if (wrong.length > 0) return refuse(wrong);
  const result = await execute({
    schema,
    document,
    rootValue: rootOf(context),
    fieldResolver: resolveField,
    variableValues: isObject(body.variables) ? body.variables : {},
    operationName: typeof body.operationName === "string" ? body.operationName : null,
  });
  for (const { originalError } of result.errors ?? [])
    if (originalError !== undefined && originalError !== null && !(originalError instanceof MlflowError)) throw originalError;
  return jsonResponse(200, {
    data: result.data ?? null,
    errors: result.errors === undefined ? null : result.errors.map(({ message }) => message.replaceAll('"', "'")),
  });
}

/** What of a query is more than it may ask, in MLflow's words. */
function excess(document: DocumentNode): string | undefined {
  let selections = 0;
  let aliases = 0;
  visit(document, {
    Field: (field) => {
      selections += 1;
      if (field.alias !== undefined) aliases += 1;
    },
  });
  if (selections > MAX_SELECTIONS) return `Query exceeds maximum total selections of ${MAX_SELECTIONS}`;
  const root = getOperationAST(document)?.selectionSet;
  const fields = root === undefined ? 0 : rootFields(root);
  const more = (limit: number, what: string, count: number, name: string): string =>
    `GraphQL queries should have at most ${limit} ${what}, got ${count} ${what}. To increase the limit, set the ${name} environment variable.`;
  if (fields > MAX_ROOT_FIELDS) return more(MAX_ROOT_FIELDS, "root fields", fields, "MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS");
  if (aliases > MAX_ALIASES) return more(MAX_ALIASES, "aliases", aliases, "MLFLOW_SERVER_GRAPHQL_MAX_ALIASES");
  return undefined;
}

const rootFields = ({ selections }: SelectionSetNode): number =>
  selections.reduce((sum, one) => sum + (one.kind === "InlineFragment" ? rootFields(one.selectionSet) : 1), 0);

/** Fields of the root: each asks an endpoint with its input. */
function rootOf(context: Context): Record<string, (args: Values) => unknown> {
  const asking =
    (endpoints: readonly Endpoint[], method: Endpoint["methods"][number], path: string) =>
    async ({ input }: Values): Promise<Values> => {
      if (!isObject(input)) throw new MlflowError("INVALID_PARAMETER_VALUE", "Missing value for required argument 'input'.");
      return camelKeys(await ask(context, endpoints, method, path, snakeKeys(input)));
    };
  const getRun = asking(runEndpoints, "GET", "runs/get");
  const searchRuns = asking([searchRunsEndpoint], "POST", "runs/search");
  const echo = ({ inputString }: Values): Values => ({ output: inputString ?? null });
  return {
    mlflowGetExperiment: asking(experimentEndpoints, "GET", "experiments/get"),
    mlflowGetMetricHistoryBulkInterval: asking(metricHistoryEndpoints, "GET", "metrics/get-history-bulk-interval"),
    mlflowGetRun: async (args) => ({ run: linked(context, (await getRun(args)).run) }),
    mlflowListArtifacts: asking(artifactEndpoints, "GET", "artifacts/list"),
    mlflowSearchModelVersions: asking(modelVersionEndpoints, "GET", "model-versions/search"),
    mlflowSearchRuns: async (args) => {
      const { runs, ...rest } = await searchRuns(args);
      return { ...rest, runs: Array.isArray(runs) ? runs.map((run) => linked(context, run)) : [] };
    },
    mlflowSearchDatasets: asking(runInputEndpoints, "POST", "experiments/search-datasets"),
    test: echo,
    testMutation: echo,
  };
}

/** A run that can be asked for its experiment and for the versions of models that it made. */
function linked(context: Context, run: unknown): Values {
  const fields = isObject(run) ? run : {};
  const info = isObject(fields.info) ? fields.info : {};
  return {
    ...fields,
    experiment: async () =>
      camelKeys(await ask(context, experimentEndpoints, "GET", "experiments/get", { experiment_id: info.experimentId }))
        .experiment,
    modelVersions: async () => {
      const filter = `run_id='${String(info.runId)}'`;
      return camelKeys(await ask(context, modelVersionEndpoints, "GET", "model-versions/search", { filter })).modelVersions;
    },
  };
}

const renamed = (value: unknown, rename: (key: string) => string): unknown => {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [rename(key), renamed(inner, rename)]));
};
// An object stays one: the casts say no more.
const camelKeys = (value: object): Values =>
  renamed(value, (key) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())) as Values;
const snakeKeys = (value: object): Values =>
  renamed(value, (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)) as Values;

const resolveField: GraphQLFieldResolver<unknown, unknown> = (source, args, _context, info) => {
  const value = isObject(source) ? source[info.fieldName] : undefined;
  if (typeof value === "function") return Promise.resolve(value(args)).then((found) => filled(found, info.returnType));
  return filled(value, info.returnType);
};

/** What protobuf leaves out is its type's empty value here: "" and 0, an empty list, no object. A number that JSON cannot say is null. */
function filled(value: unknown, type: GraphQLOutputType): unknown {
  const name = getNamedType(type).name;
  if (value !== undefined && value !== null) {
    if (name === "LongString") return String(value);
    return name === "Float" && typeof value === "string" ? null : value;
  }
  if (isNonNullType(type)) return undefined;
  if (isListType(type)) return [];
  if (!isScalarType(type) || isEnumType(type)) return null;
  if (name === "Boolean") return false;
  if (name === "Float" || name === "Int") return 0;
  return name === "LongString" ? "0" : "";
}
