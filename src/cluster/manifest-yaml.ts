import { stringify } from "yaml";
import type { Manifest } from "./manifest.ts";

/** The objects as one YAML text, each a document, fields in the order in which they were made; texts that YAML 1.1 would misread are quoted. */
export const manifestYaml = (manifests: readonly Manifest[]): string =>
  manifests
    .map((manifest) => stringify(manifest, { lineWidth: 0, version: "1.1", aliasDuplicateObjects: false, singleQuote: false }))
    .join("---\n");
