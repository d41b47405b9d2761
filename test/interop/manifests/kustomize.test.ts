import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { BASE, DEV, PRODUCTION } from "../../../scripts/docs/kubernetes-files.ts";
import { type ManifestInput, manifestOptionsSchema } from "../../../src/cluster/manifest-options.ts";
import { renderManifests } from "../../../src/cluster/manifests.ts";

const [program = "kubectl", ...words] = (process.env.REQUEEN_INTEROP_KUSTOMIZE ?? "kubectl kustomize").split(" ");

interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}
const byName = <T extends Named>(manifests: readonly T[]): Record<string, T> =>
  Object.fromEntries(
    manifests.map((manifest) => [`${manifest.kind}/${manifest.metadata.namespace ?? ""}/${manifest.metadata.name}`, manifest]),
  );

test.each<[string, ManifestInput]>([
  ["base", BASE],
  ["overlays/dev", DEV],
  ["overlays/production", PRODUCTION],
])("kustomize makes of deploy/kubernetes/%s what the functions give", (folder, input) => {
  const text = execFileSync(program, [...words, `deploy/kubernetes/${folder}`], { encoding: "utf8" });
  const built = parseAllDocuments(text, { version: "1.1" }).map((document) => document.toJSON() as Named);
  expect(byName(built)).toEqual(byName(renderManifests(manifestOptionsSchema.parse(input))));
});
