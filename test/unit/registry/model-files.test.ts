import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { decodeModel, encodeOnnx } from "../../../src/engine/index.ts";
import { createRegistryClient } from "../../../src/registry/client.ts";
import {
  buildModelDirectory,
  checkModelDirectory,
  type ModelDirectory,
  readModelDirectory,
} from "../../../src/registry/model-files.ts";
import { keepOnnxOutputs } from "../../../src/registry/onnx-outputs.ts";
import { smallModel } from "./fitted-model.ts";

const text = (directory: ModelDirectory, path: string): string => new TextDecoder().decode(directory.get(path));
const sha256 = (content: Uint8Array | undefined): string =>
  createHash("sha256")
    .update(content ?? "")
    .digest("hex");
const build = (classes?: readonly string[], change = {}) => {
  const { fitted, bytes } = smallModel(classes);
  const input = {
    bytes,
    fitted,
    specialist: "technical",
    runId: "run-1",
    modelId: "m-1",
    createdAtMs: Date.parse("2026-02-08T16:00:00.123Z"),
    ...change,
  };
  return { fitted, bytes, directory: buildModelDirectory(input) };
};

test("it holds what Python and Requeen read, the digests last", () => {
  const { directory, bytes } = build();
  expect([...directory.keys()]).toEqual([
    "model.onnx",
    "model.requeen",
    "requeen.json",
    "feature_schema.json",
    "input_example.json",
    "serving_input_example.json",
    "requirements.txt",
    "conda.yaml",
    "python_env.yaml",
    "MLmodel",
    "digests.json",
  ]);
  expect(directory.get("model.requeen")).toBe(bytes);
});

test("the same model gives the same bytes", () => {
  const [first, second] = [build().directory, build().directory];
  for (const [path, content] of first) expect(sha256(second.get(path)), path).toBe(sha256(content));
});

test("MLmodel names flavors, signature, classes in order, and the ids of run and model", () => {
  // read as YAML 1.1, as Python does: there a bare `no` would be false
  const mlmodel = parse(text(build().directory, "MLmodel"), { version: "1.1" });
  expect(mlmodel.flavors.python_function).toEqual({
    data: "model.onnx",
    env: { conda: "conda.yaml", virtualenv: "python_env.yaml" },
    loader_module: "mlflow.onnx",
    python_version: "3.11",
  });
  expect(mlmodel.flavors.onnx).toMatchObject({ data: "model.onnx", code: null });
  expect(mlmodel.metadata).toMatchObject({
    classes: ["approve", "reject", "no"],
    feature_names: ["depth", "risk: high"],
    feature_schema: "plan/2",
    specialist: "technical",
  });
  expect(JSON.parse(mlmodel.signature.inputs)).toEqual([{ type: "tensor", "tensor-spec": { dtype: "float32", shape: [-1, 2] } }]);
  expect(JSON.parse(mlmodel.signature.outputs)).toEqual([
    { type: "tensor", "tensor-spec": { dtype: "float32", shape: [-1, 3] } },
  ]);
  expect(mlmodel).toMatchObject({
    run_id: "run-1",
    model_id: "m-1",
    model_uuid: "m-1",
    utc_time_created: "2026-02-08 16:00:00.123000",
  });
});

test("class names that YAML 1.1 takes for something else stay texts", () => {
  const odd = ["no", "1:30", "0x10", "~", "2026-02-08", "1_000", "ü 'x' \"y\"", ".inf"];
  expect(parse(text(build(odd).directory, "MLmodel"), { version: "1.1" }).metadata.classes).toEqual(odd);
});

test("a directory of no logged model claims none", () => {
  const mlmodel = parse(text(build(undefined, { modelId: "", runId: "" }).directory, "MLmodel"));
  expect(Object.keys(mlmodel)).not.toEqual(expect.arrayContaining(["model_id"]));
  expect(mlmodel.run_id).toBeUndefined();
});

test("the example is the given row, missing values as null, or a row of zeros", () => {
  expect(text(build(undefined, { example: [0.1, Number.NaN] }).directory, "input_example.json")).toBe(
    `[[${Math.fround(0.1)},null]]`,
  );
  expect(text(build().directory, "serving_input_example.json")).toBe('{"inputs":[[0,0]]}');
  expect(() => build(undefined, { example: [1] })).toThrow("example of the model directory must have 2 values; got 1");
});

test("a whole directory passes its own check, and gives the native model back", () => {
  const { directory, fitted } = build();
  const checked = checkModelDirectory(directory);
  expect(decodeModel(checked.native).classes).toEqual(fitted.classes);
  expect(checked.sha256).toBe(sha256(directory.get("digests.json")));
});

test("one changed byte of any file is digest_mismatch, and a missing file is bad_model", () => {
  const { directory } = build();
  for (const [path, content] of directory) {
    if (path === "digests.json") continue;
    const changed = Uint8Array.from(content);
    changed[changed.length >> 1] ^= 1;
    expect(() => checkModelDirectory(new Map([...directory, [path, changed]])), path).toThrow(
      /^digest_mismatch: file .* of the model directory must have the SHA-256/,
    );
    expect(() => checkModelDirectory(new Map([...directory].filter(([name]) => name !== path))), path).toThrow(
      /^bad_model: the model directory has no/,
    );
  }
});

test.each([
  ["not json", "is not JSON"],
  ["[]", 'is not { algorithm: "sha256", files }'],
  ['{"algorithm":"md5","files":{}}', "is not { algorithm"],
  ['{"algorithm":"sha256","files":{"a":{"sha256":"zz"}}}', "has no SHA-256 for a"],
  ['{"algorithm":"sha256","files":{}}', "has no model.requeen"],
])("digests.json with %s is bad_model", (listing, message) => {
  expect(() => checkModelDirectory(new Map([["digests.json", new TextEncoder().encode(listing)]]))).toThrow(message);
});

test("digests.json cannot name a file outside its directory", () => {
  const listing = JSON.stringify({
    algorithm: "sha256",
    files: { "../../etc/passwd": { sha256: "0".repeat(64), size_bytes: 1 } },
  });
  expect(() => checkModelDirectory(new Map([["digests.json", new TextEncoder().encode(listing)]]))).toThrow(
    /^bad_parameter: an artifact's path must be relative/,
  );
});

test("a directory is read from the registry with every digest checked", async () => {
  const { directory } = build();
  const files = new Map(directory);
  const registry = createRegistryClient({
    now: Date.now,
    transport: async ({ path }) => {
      const content = files.get(decodeURIComponent(path.slice("/api/2.0/mlflow-artifacts/artifacts/1/m/".length)));
      if (content !== undefined) return { status: 200, headers: {}, body: content };
      return {
        status: 404,
        headers: {},
        body: new TextEncoder().encode('{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"No such artifact"}'),
      };
    },
  });
  const place = { uri: "mlflow-artifacts:/1/m" };
  const read = await readModelDirectory(registry, place);
  expect([...read.files.keys()].sort()).toEqual([...directory.keys()].sort());
  await expect(readModelDirectory(registry, place, { sha256: "0".repeat(64) })).rejects.toMatchObject({
    code: "digest_mismatch",
  });
  files.set("model.requeen", new Uint8Array([1]));
  await expect(readModelDirectory(registry, place)).rejects.toMatchObject({ code: "digest_mismatch" });
  files.delete("model.requeen");
  await expect(readModelDirectory(registry, place)).rejects.toMatchObject({ code: "not_found" });
});

test("the ONNX file shows the probabilities alone, and nothing else of it changes", () => {
  const { fitted } = smallModel();
  const whole = Buffer.from(encodeOnnx(fitted));
  const kept = Buffer.from(keepOnnxOutputs(whole, ["probabilities"]));
  expect(whole.byteLength - kept.byteLength).toBeGreaterThan(0);
  expect(Buffer.from(keepOnnxOutputs(whole, ["label", "probabilities"])).equals(whole)).toBe(true);
  expect(Buffer.from(keepOnnxOutputs(kept, ["probabilities"])).equals(kept)).toBe(true);
  expect(() => keepOnnxOutputs(kept, ["label"])).toThrow('bad_model: the ONNX file must have an output "label"; it has none');
});

test("no file that ends within its graph and no other bytes pass for ONNX", () => {
  const whole = Buffer.from(encodeOnnx(smallModel().fitted));
  const lastOutput = whole.lastIndexOf("probabilities");
  for (let length = 0; length < lastOutput; length += 13) {
    expect(() => keepOnnxOutputs(whole.subarray(0, length), ["probabilities"]), String(length)).toThrow(/^bad_model/);
  }
  expect(() => keepOnnxOutputs(new TextEncoder().encode("not an ONNX file"), ["probabilities"])).toThrow(/^bad_model/);
});
