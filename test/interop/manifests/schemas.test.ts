import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { describe, expect, test } from "vitest";
import { BASE, DEV, PRODUCTION } from "../../../scripts/docs/kubernetes-files.ts";
import type { Manifest } from "../../../src/cluster/manifest.ts";
import { type ManifestInput, manifestOptionsSchema } from "../../../src/cluster/manifest-options.ts";
import { PARTS, renderManifests } from "../../../src/cluster/manifests.ts";

const SETS: Readonly<Record<string, ManifestInput>> = {
  base: BASE,
  dev: DEV,
  production: PRODUCTION,
  everything: { ...PRODUCTION, executor: "kubernetes", config: "server:\n  port: 8080\n", autoFeedback: true, callers: ["*"] },
};
const FILES = (process.env.REQUEEN_INTEROP_SCHEMAS ?? "").split(" ").filter((file) => file !== "");

interface Schema {
  type?: string;
  format?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  $ref?: string;
  "x-kubernetes-group-version-kind"?: { group: string; version: string; kind: string }[];
  [field: string]: unknown;
}

/** The definitions of one release; a field that they do not name is an error, as with fieldValidation=Strict. */
function readDefinitions(file: string): Record<string, Schema> {
  const { definitions }: { definitions: Record<string, Schema> } = JSON.parse(readFileSync(file, "utf8"));
  for (const schema of Object.values(definitions)) close(schema);
  return definitions;
}

function close(schema: Schema): void {
  if (schema.format === "int-or-string") {
    delete schema.type;
    schema.anyOf = [{ type: "string" }, { type: "integer" }];
  }
  // Go's own formats say nothing that the type does not
  delete schema.format;
  if (schema.properties !== undefined && schema.additionalProperties === undefined) schema.additionalProperties = false;
  for (const inner of Object.values(schema.properties ?? {})) close(inner);
  if (typeof schema.additionalProperties === "object") close(schema.additionalProperties);
  if (schema.items !== undefined) close(schema.items);
}

function validatorOf(definitions: Record<string, Schema>): (manifest: Manifest) => string[] {
  const ajv = new Ajv({ strict: false, allErrors: true });
  ajv.addSchema({ $id: "kubernetes", definitions });
  const found = new Map<string, ValidateFunction>();
  return (manifest) => {
    const [group, version] = manifest.apiVersion.includes("/") ? manifest.apiVersion.split("/") : ["", manifest.apiVersion];
    const name = Object.keys(definitions).find((key) =>
      definitions[key]?.["x-kubernetes-group-version-kind"]?.some(
        (kind) => kind.group === group && kind.version === version && kind.kind === manifest.kind,
      ),
    );
    if (name === undefined) return [`${manifest.apiVersion} ${manifest.kind} is not known`];
    const validate = found.get(name) ?? ajv.compile({ $ref: `kubernetes#/definitions/${name}` });
    found.set(name, validate);
    const { kind, metadata } = manifest;
    if (validate(manifest)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${kind}/${metadata.name}${instancePath}: ${message} ${JSON.stringify(params)}`,
    );
  };
}

test("schemas of three releases are at hand", () => {
  expect(FILES).toHaveLength(3);
});

describe.each(FILES.map((file) => [basename(file, ".json"), file] as const))("%s", (_, file) => {
  const problemsOf = validatorOf(readDefinitions(file));

  test.each(Object.keys(SETS))("every object of the set %s is of the published schema, without a field more", (name) => {
    const manifests = renderManifests(
      manifestOptionsSchema.parse({ restore: "requeen-1", ...SETS[name] }),
      PARTS,
      new Uint8Array(10),
    );
    expect(manifests.length).toBeGreaterThan(15);
    expect(manifests.flatMap(problemsOf)).toEqual([]);
  });

  test("a misspelt field and a text for a number are found", () => {
    const [first] = renderManifests(manifestOptionsSchema.parse(BASE), ["job"]);
    const spec = { ...(first?.spec as object), backOffLimit: 1, activeDeadlineSeconds: "60" };
    expect(problemsOf({ ...first, spec } as Manifest).join("\n")).toMatch(
      /backOffLimit[\s\S]*integer|integer[\s\S]*backOffLimit/,
    );
  });
});
