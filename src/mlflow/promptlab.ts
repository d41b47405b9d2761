import { locate } from "./artifacts.ts";
import { ask } from "./ask-endpoint.ts";
import type { Context, KeyValue } from "./context.ts";
import { readKeyValues } from "./context.ts";
import { type Endpoint, rpc } from "./endpoint.ts";
import { int64, keyValue, type Message, many, text } from "./message-fields.ts";
import { invalid } from "./protocol-error.ts";
import { pythonDumps } from "./python-text.ts";
import { isObject } from "./read-request.ts";
import { MLFLOW_VERSION } from "./release.ts";
import { runDataEndpoints } from "./run-data.ts";
import { runInputEndpoints } from "./run-inputs.ts";
import { runEndpoints } from "./runs.ts";

/**
 * The run that MLflow's prompt pages save: a prompt with what a model of a gateway made of it, and a model directory that MLflow's own code
 * loads. Source: what mlflow 3.11.1 answers and stores.
 */

const request = {
  experiment_id: text,
  run_name: text,
  tags: many(keyValue),
  prompt_template: text,
  prompt_parameters: many(keyValue),
  model_route: text,
  model_parameters: many(keyValue),
  model_input: text,
  model_output_parameters: many(keyValue),
  model_output: text,
  mlflow_version: text,
  user_id: text,
  start_time: int64,
} as const;
const NEEDED = ["experiment_id", "prompt_template", "prompt_parameters", "model_route", "model_input", "mlflow_version"] as const;
const TABLE = "eval_results_table.json";

export const promptlabEndpoint: Endpoint = rpc(["POST"], "runs/create-promptlab-run", request, createPromptlabRun, {
  mount: "ajax",
});

async function createPromptlabRun(context: Context, asked: Message<typeof request>): Promise<object> {
  for (const name of NEEDED) if (!asked[name]?.length) throw invalid(`CreatePromptlabRun request must specify ${name}.`);
  const prompt = readKeyValues(asked.prompt_parameters);
  const made = await ask(context, runEndpoints, "POST", "runs/create", {
    experiment_id: asked.experiment_id,
    run_name: asked.run_name || undefined,
    user_id: asked.user_id ?? "unknown",
    start_time: Number(asked.start_time ?? context.now()),
    tags: readKeyValues(asked.tags),
  });
  const info = isObject(made.run) && isObject(made.run.info) ? made.run.info : {};
  const run_id = String(info.run_id);
  await ask(context, runDataEndpoints, "POST", "runs/log-batch", {
    run_id,
    params: [
      ...readKeyValues(asked.model_parameters),
      { key: "model_route", value: asked.model_route },
      { key: "prompt_template", value: asked.prompt_template },
    ],
    tags: [
      { key: "mlflow.loggedArtifacts", value: pythonDumps([{ path: TABLE, type: "table" }]) },
      { key: "mlflow.runSourceType", value: "PROMPT_ENGINEERING" },
    ],
  });
  const time = new Date(context.now()).toISOString().replace("T", " ").replace("Z", "000");
  const model_uuid = context.newId();
  const files = { [TABLE]: evaluationTable(asked, prompt), ...modelFiles(asked, prompt, run_id, model_uuid, time) };
  for (const [path, content] of Object.entries(files)) {
    const place = locate(context, String(info.artifact_uri), path);
    await place.store.write(place.path, Buffer.from(content));
  }
  await ask(context, runInputEndpoints, "POST", "runs/log-model", {
    run_id,
    model_json: JSON.stringify({ run_id, artifact_path: "model", utc_time_created: time, model_uuid, flavors: {} }),
  });
  await ask(context, runEndpoints, "POST", "runs/update", { run_id, status: "FINISHED", end_time: context.now() });
  return ask(context, runEndpoints, "GET", "runs/get", { run_id });
}

function evaluationTable(asked: Message<typeof request>, prompt: readonly KeyValue[]): string {
  const output = readKeyValues(asked.model_output_parameters);
  return pythonDumps({
    columns: [...prompt.map(({ key }) => key), "prompt", "output", ...output.map(({ key }) => key)],
    data: [
      [...prompt.map(({ value }) => value), asked.model_input, asked.model_output ?? "", ...output.map(({ value }) => value)],
    ],
  });
}

/** JSON is YAML, so each value is written as JSON: nothing that a client sends can become another key. */
function modelFiles(
  asked: Message<typeof request>,
  prompt: readonly KeyValue[],
  runId: string,
  modelUuid: string,
  time: string,
): Record<string, string> {
  const asMap = (pairs: readonly KeyValue[]): object => Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
  const inputs = prompt.map(({ value }) => value);
  const requirement = `mlflow[gateway]==${MLFLOW_VERSION}`;
  const column = (name: string): object => ({ type: "string", name, required: true });
  const files: Record<string, object | string> = {
    MLmodel: {
      artifact_path: "model",
      flavors: {
        python_function: {
          env: { conda: "conda.yaml", virtualenv: "python_env.yaml" },
          loader_module: "mlflow.prompt.promptlab_model",
          parameters_path: "parameters.yaml",
        },
      },
      mlflow_version: MLFLOW_VERSION,
      model_uuid: modelUuid,
      run_id: runId,
      saved_input_example_info: {
        artifact_path: "input_example.json",
        serving_input_path: "serving_input_example.json",
        type: "json_object",
      },
      signature: {
        inputs: pythonDumps(prompt.map(({ key }) => column(key))),
        outputs: pythonDumps([column("output")]),
        params: null,
      },
      utc_time_created: time,
    },
    "parameters.yaml": {
      model_parameters: asMap(readKeyValues(asked.model_parameters)),
      model_route: asked.model_route,
      prompt_parameters: asMap(prompt),
      prompt_template: asked.prompt_template,
    },
    "conda.yaml": { channels: ["conda-forge"], dependencies: ["python", "pip", { pip: [requirement] }], name: "mlflow-env" },
    "python_env.yaml": { build_dependencies: ["pip", "setuptools", "wheel"], dependencies: ["-r requirements.txt"] },
    "requirements.txt": requirement,
    "input_example.json": { inputs },
    "serving_input_example.json": { inputs: { inputs } },
  };
  return Object.fromEntries(
    Object.entries(files).map(([name, content]) => [
      `model/${name}`,
      typeof content === "string" ? content : JSON.stringify(content, null, 2),
    ]),
  );
}
