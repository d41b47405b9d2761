/**
 * What the registry client promises, as cases that run against any server: the embedded one in `npm test`, the real MLflow 2 and 3 in the
 * interop suite. Plain assertions, since both runners take a throw as a failure. Every case makes its own names.
 */
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { isRequeenError } from "../../../src/core/errors.ts";
import { quoted } from "../../../src/registry/filter-value.ts";
import { MODEL_FILES, VERSION_TAGS } from "../../../src/registry/names.ts";
import { publishModel } from "../../../src/registry/publish-model.ts";
import type { Registry } from "../../../src/registry/registry.ts";

export type ClientCase = (registry: Registry) => Promise<void>;

const name = (what: string): string => `${what}-${randomUUID()}`;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");
const hasCode = (code: string) => (error: unknown) => isRequeenError(error) && error.code === code;

async function newRun(registry: Registry, tags = {}) {
  const experiment = await registry.getOrCreateExperiment(name("suite"));
  return registry.createRun({ experimentId: experiment.experimentId, runName: "a run", startedAtMs: 1_770_000_000_123, tags });
}

async function newModel(registry: Registry, versions = 1) {
  const run = await newRun(registry);
  const model = name("suite-evaluator");
  await registry.ensureRegisteredModel(model, { description: "of the suite" });
  for (let made = 0; made < versions; made++) {
    await registry.createModelVersion({
      name: model,
      source: `${run.artifactUri}/model`,
      runId: run.runId,
      tags: { number: String(made + 1) },
    });
  }
  return { model, run };
}

export const CLIENT_CASES: Readonly<Record<string, ClientCase>> = {
  "an experiment is made once, found by name, and carries its tags": async (registry) => {
    const wanted = name("experiment");
    assert.equal(await registry.findExperiment(wanted), null);
    const [first, second] = [
      await registry.getOrCreateExperiment(wanted, { team: "bees" }),
      await registry.getOrCreateExperiment(wanted),
    ];
    assert.equal(first.experimentId, second.experimentId);
    await registry.setExperimentTag(first.experimentId, "more", "ü 'x'");
    assert.deepEqual((await registry.findExperiment(wanted))?.tags, { team: "bees", more: "ü 'x'" });
    const page = await registry.searchExperiments({ filter: `name = ${quoted(wanted)}` });
    assert.deepEqual(
      page.items.map(({ experimentId }) => experimentId),
      [first.experimentId],
    );
  },

  "two processes that make one experiment and one model at once get the same": async (registry) => {
    const [experiment, model] = [name("race"), name("race-evaluator")];
    const made = await Promise.all([1, 2, 3].map(() => registry.getOrCreateExperiment(experiment)));
    assert.equal(new Set(made.map(({ experimentId }) => experimentId)).size, 1);
    await Promise.all([1, 2, 3].map(() => registry.ensureRegisteredModel(model)));
    assert.equal((await registry.searchRegisteredModels({ filter: `name = ${quoted(model)}` })).items.length, 1);
  },

  "a run reads back as it was written, over several batches": async (registry) => {
    const run = await newRun(registry, { "requeen.run_id": "it's" });
    const metrics = Array.from({ length: 2_345 }, (_, step) => ({
      key: `metric ${step % 5}`,
      value: step === 4 ? Number.NaN : step / 3,
      timestampMs: 1_000 + step,
      step,
    }));
    const params = Object.fromEntries(Array.from({ length: 230 }, (_, index) => [`param_${index}`, `value ${index}`]));
    await registry.logBatch(run.runId, { metrics, params, tags: { "tag/one": "ü", empty: "" } });
    await registry.logBatch(run.runId, { metrics: metrics.slice(0, 10), params });
    const read = await registry.getRun(run.runId);
    assert.deepEqual(read.params, params);
    assert.equal(read.tags["tag/one"], "ü");
    assert.equal(read.tags["requeen.run_id"], "it's");
    assert.deepEqual(
      read.metrics.map(({ key, value, step }) => [key, value, step]).toSorted(),
      [0, 1, 2, 3, 4].map((k) => [`metric ${k}`, (2_340 + k) / 3, 2_340 + k]),
    );
    const history = await registry.getMetricHistory(run.runId, "metric 4");
    assert.equal(history.length, 469);
    assert.equal(history[0]?.value, Number.NaN);
    await assert.rejects(registry.logBatch(run.runId, { params: { param_1: "another" } }), hasCode("bad_request"));
  },

  "a run's state, name, tags and datasets change as told": async (registry) => {
    const run = await newRun(registry);
    assert.equal(run.endedAtMs, null);
    await registry.setRunTag(run.runId, "step", "train");
    await registry.deleteRunTag(run.runId, "step");
    await registry.deleteRunTag(run.runId, "step");
    const dataset = {
      name: "feedback",
      digest: "d".repeat(36),
      sourceType: "local",
      source: "{}",
      profile: '{"num_rows":5}',
      tags: { "mlflow.data.context": "training" },
    };
    await registry.logInputs(run.runId, [dataset]);
    await registry.updateRun(run.runId, { status: "FINISHED", endedAtMs: 1_770_000_000_999, runName: "renamed" });
    const read = await registry.getRun(run.runId);
    assert.deepEqual(
      [read.status, read.startedAtMs, read.endedAtMs, read.runName],
      ["FINISHED", 1_770_000_000_123, 1_770_000_000_999, "renamed"],
    );
    assert.equal("step" in read.tags, false);
    assert.deepEqual(read.datasets, [dataset]);
  },

  "runs are found by filter, in order, page by page": async (registry) => {
    const { experimentId } = await registry.getOrCreateExperiment(name("search"));
    for (let index = 0; index < 5; index++) {
      const run = await registry.createRun({
        experimentId,
        runName: `r${index}`,
        startedAtMs: 1_000 + index,
        tags: { parity: index % 2 === 0 ? "even's" : "odd" },
      });
      await registry.logBatch(run.runId, {
        metrics: [{ key: "f1", value: [3, 1, 5, 2, 4][index] ?? 0, timestampMs: 1, step: 0 }],
      });
    }
    const search = {
      experimentIds: [experimentId],
      filter: `tags.parity = ${quoted("even's")}`,
      orderBy: ["metrics.f1 DESC"],
      maxResults: 2,
    };
    const first = await registry.searchRuns(search);
    const second = await registry.searchRuns({ ...search, pageToken: first.nextPageToken ?? undefined });
    assert.deepEqual(
      [...first.items, ...second.items].map(({ runName }) => runName),
      ["r2", "r4", "r0"],
    );
    assert.equal(second.nextPageToken, null);
  },

  "what is not there is not_found, model_not_found or null, in our words": async (registry) => {
    const nowhere = name("nowhere");
    await assert.rejects(registry.getRun("0".repeat(32)), hasCode("not_found"));
    await assert.rejects(registry.getModelVersion(nowhere, "1"), hasCode("model_not_found"));
    await assert.rejects(registry.createModelVersion({ name: nowhere, source: "s3://bucket/model" }), hasCode("model_not_found"));
    await assert.rejects(registry.resolveArtifacts({ uri: `models:/${nowhere}@champion` }), hasCode("model_not_found"));
    assert.equal(await registry.findRegisteredModel(nowhere), null);
    assert.equal(await registry.getModelVersionByAlias(nowhere, "champion"), null);
    assert.deepEqual(await registry.listModelVersions(nowhere), []);
    await registry.deleteAlias(nowhere, "champion");
  },

  "artifacts go up and come down unchanged: text, nothing, streams, odd names": async (registry) => {
    const run = await newRun(registry);
    const place = { runId: run.runId };
    const large = Uint8Array.from({ length: 300_007 }, (_, index) => index * 7);
    const contents: Record<string, Uint8Array> = {
      "a b ü (1).txt": bytes("hello"),
      "folder/empty": new Uint8Array(),
      "folder/deep/100%.json": bytes("{}"),
      "large.bin": large,
    };
    for (const [path, content] of Object.entries(contents)) {
      const open = async function* () {
        for (let from = 0; from < content.length; from += 65_536) yield content.subarray(from, from + 65_536);
      };
      const stored = await registry.uploadArtifact(place, path, path === "large.bin" ? { open } : content);
      assert.deepEqual(stored, { path, sizeBytes: content.byteLength, sha256: sha256(content) });
    }
    const tree = await registry.listArtifactTree(place);
    assert.deepEqual(
      tree.map(({ path, sizeBytes }) => [path, sizeBytes]),
      Object.entries(contents)
        .map(([path, { byteLength }]) => [path, byteLength])
        .toSorted(),
    );
    assert.deepEqual(
      (await registry.listArtifacts(place, "folder")).map(({ path, isDirectory }) => [path, isDirectory]),
      [
        ["folder/deep", true],
        ["folder/empty", false],
      ],
    );
    assert.deepEqual(await registry.listArtifacts(place, "not/there"), []);
    for (const [path, content] of Object.entries(contents)) {
      assert.deepEqual(
        Buffer.from(await registry.downloadArtifact(place, path, { sha256: sha256(content) })),
        Buffer.from(content),
      );
    }
    const streamed: Uint8Array[] = [];
    for await (const chunk of registry.openArtifact({ uri: run.artifactUri }, "large.bin", { sha256: sha256(large) }))
      streamed.push(chunk);
    assert.deepEqual(Buffer.concat(streamed), Buffer.from(large));
    await registry.uploadArtifact(place, "a b ü (1).txt", bytes("new"));
    assert.equal(new TextDecoder().decode(await registry.downloadArtifact(place, "a b ü (1).txt")), "new");
  },

  "an artifact that is absent, or not what was promised, or outside, is refused": async (registry) => {
    const place = { runId: (await newRun(registry)).runId };
    await registry.uploadArtifact(place, "a.txt", bytes("hello"));
    await assert.rejects(registry.downloadArtifact(place, "b.txt"), hasCode("not_found"));
    await assert.rejects(registry.downloadArtifact(place, "a.txt", { sha256: "0".repeat(64) }), hasCode("digest_mismatch"));
    const readAll = async () => {
      for await (const _ of registry.openArtifact(place, "a.txt", { sha256: "0".repeat(64) }));
    };
    await assert.rejects(readAll(), hasCode("digest_mismatch"));
    for (const path of ["../a.txt", "/a.txt", "x/../../a", "a\\b", "%2e%2e/a", "a#b", ""]) {
      await assert.rejects(registry.uploadArtifact(place, path, bytes("x")), hasCode("bad_parameter"), path);
    }
  },

  "versions count up, and search, tags and descriptions work on them": async (registry) => {
    const { model, run } = await newModel(registry, 3);
    const versions = await registry.listModelVersions(model);
    assert.deepEqual(
      versions.map(({ version }) => version),
      ["3", "2", "1"],
    );
    assert.deepEqual(
      versions.map(({ runId, status, stage, tags }) => [runId, status, stage, tags.number]),
      ["3", "2", "1"].map((number) => [run.runId, "READY", "None", number]),
    );
    await registry.setModelVersionTags(model, "2", { verdict: "promote", why: "it's better" });
    await registry.deleteModelVersionTag(model, "2", "number");
    await registry.updateModelVersion(model, "2", { description: "the second" });
    const second = await registry.getModelVersion(model, "2");
    assert.deepEqual([second.tags, second.description], [{ verdict: "promote", why: "it's better" }, "the second"]);
    assert.deepEqual((await registry.searchModelVersions({ filter: `run_id = ${quoted(run.runId)}` })).items.length, 3);
    await registry.deleteModelVersion(model, "3");
    await registry.createModelVersion({ name: model, source: `${run.artifactUri}/model`, runId: run.runId });
    assert.deepEqual(
      (await registry.listModelVersions(model)).map(({ version }) => version),
      ["4", "2", "1"],
    );
  },

  "an alias stands for one version, moves, and goes": async (registry) => {
    const { model } = await newModel(registry, 2);
    assert.equal(await registry.getModelVersionByAlias(model, "champion"), null);
    await registry.setAlias(model, "champion", "1");
    await registry.setAlias(model, "challenger", "2");
    assert.equal((await registry.getModelVersionByAlias(model, "champion"))?.version, "1");
    await registry.setAlias(model, "champion", "2");
    assert.deepEqual((await registry.findRegisteredModel(model))?.aliases, { champion: "2", challenger: "2" });
    assert.deepEqual(
      (await registry.listModelVersions(model)).map(({ version, aliases }) => [version, aliases]),
      [
        ["2", ["challenger", "champion"]],
        ["1", []],
      ],
    );
    await registry.deleteAlias(model, "champion");
    await registry.deleteAlias(model, "champion");
    assert.equal(await registry.getModelVersionByAlias(model, "champion"), null);
    await assert.rejects(registry.setAlias(model, "champion", "9"), hasCode("model_not_found"));
  },

  "a stage moves, archives its earlier holder, and takes any of the four": async (registry) => {
    const { model } = await newModel(registry, 2);
    await registry.transitionStage(model, "1", "Production", { archiveExisting: true });
    assert.equal((await registry.transitionStage(model, "2", "Production", { archiveExisting: true })).stage, "Production");
    assert.deepEqual(
      (await registry.listModelVersions(model)).map(({ stage }) => stage),
      ["Production", "Archived"],
    );
    await registry.transitionStage(model, "2", "None", { archiveExisting: true });
    assert.deepEqual(
      (await registry.listModelVersions(model)).map(({ stage }) => stage),
      ["None", "Archived"],
    );
  },

  "an alias of a deleted version answers no version": async (registry) => {
    const { model } = await newModel(registry, 2);
    await registry.setAlias(model, "champion", "2");
    await registry.deleteModelVersion(model, "2");
    // servers differ: some drop the alias with its version, older ones leave it behind, which must not pass for "no champion"
    const left = (await registry.findRegisteredModel(model))?.aliases.champion;
    if (left === undefined) assert.equal(await registry.getModelVersionByAlias(model, "champion"), null);
    else
      await assert.rejects(
        registry.getModelVersionByAlias(model, "champion"),
        /alias champion of model .* points to version 2, which is not there/,
      );
  },

  "a published model is whole, found by version and alias, and published once": async (registry) => {
    const run = await newRun(registry);
    const model = name("published-evaluator");
    const files = new Map([
      [MODEL_FILES.mlmodel, bytes("flavors: {}\n")],
      ["data/model.bin", bytes("weights")],
      [MODEL_FILES.digests, bytes("{}")],
    ]);
    const publication = {
      name: model,
      experimentId: run.experimentId,
      runId: run.runId,
      build: () => files,
      description: "a headline",
      metrics: [{ key: "f1", value: 0.75, timestampMs: 1_770_000_000_500, step: 0 }],
      params: Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`p${index}`, "v"])),
      tags: { [VERSION_TAGS.run]: "run-1" },
    };
    await registry.logBatch(run.runId, { metrics: publication.metrics });
    const version = await publishModel(registry, publication);
    assert.deepEqual(
      [version.version, version.runId, version.description, version.status],
      ["1", run.runId, "a headline", "READY"],
    );
    assert.equal((await publishModel(registry, publication)).version, "1");
    await registry.setAlias(model, "champion", version.version);
    for (const uri of [`models:/${model}/1`, `models:/${model}@champion`]) {
      assert.deepEqual(
        (await registry.listArtifactTree({ uri })).map(({ path }) => path),
        [...files.keys()].toSorted(),
      );
      assert.equal(new TextDecoder().decode(await registry.downloadArtifact({ uri }, "data/model.bin")), "weights");
    }
    const { loggedModels } = await registry.capabilities();
    const outputs = (await registry.getRun(run.runId)).modelOutputs;
    assert.equal(outputs.length, loggedModels ? 1 : 0);
    if (!loggedModels) return;
    const [output] = outputs;
    const logged = await registry.getLoggedModel(output?.modelId ?? "");
    assert.deepEqual(
      [logged.status, logged.sourceRunId, Object.keys(logged.params).length],
      ["LOGGED_MODEL_READY", run.runId, 130],
    );
    assert.deepEqual(
      logged.metrics.map(({ key, value }) => [key, value]),
      [["f1", 0.75]],
    );
  },

  "a publication that broke off is finished, not doubled": async (registry) => {
    const run = await newRun(registry);
    const model = name("broken-evaluator");
    let builds = 0;
    const build = () => {
      builds++;
      return new Map([
        [MODEL_FILES.mlmodel, bytes("flavors: {}\n")],
        builds === 1 ? ["../outside", bytes("x")] : ["inside", bytes("x")],
      ] as const);
    };
    const publication = { name: model, experimentId: run.experimentId, runId: run.runId, build, tags: {} };
    await assert.rejects(publishModel(registry, publication), hasCode("bad_parameter"));
    assert.deepEqual(await registry.listModelVersions(model), []);
    assert.equal((await publishModel(registry, publication)).version, "1");
    const { loggedModels } = await registry.capabilities();
    if (loggedModels) assert.equal((await registry.searchLoggedModels([run.experimentId])).items.length, 1);
  },
};
