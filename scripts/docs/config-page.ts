import { z } from "zod";
import { describeType, innerType, type Leaf, leavesOf } from "../../src/config/describe-type.ts";
import { environmentNamesOf, IGNORED_NAMES, OTHER_NAMES } from "../../src/config/environment.ts";
import { configSchema } from "../../src/config/schema.ts";
import { POLICY_PRESETS, policySchema } from "../../src/core/policy.ts";
import { specialistSchema } from "../../src/core/specialist.ts";
import { code, GENERATED, markdownTable } from "./markdown.ts";

export const EXAMPLE_CONFIG = `# requeen.config.yaml
dataDir: /var/lib/requeen
mlflowTrackingUri: http://mlflow.mlflow.svc:5000   # leave out: the embedded registry

server:
  host: 0.0.0.0
  port: 8080

training:
  windowDays: 90

policies:
  careful:
    preset: evidence          # evidence, original, strict or always-ask
    version: 1
    improvement: { promote_at: 0.99 }
    trigger: { threshold: 200 }

specialists:
  - name: technical           # everything else as built in
  - name: mail-triage
    classes: [ham, spam]
    policy: careful
    model_types: [gradient_boosting, random_forest]
    features:
      schema: mail/1
      columns:
        - { name: capital_run_length, kind: numeric, min: 0 }
        - { name: language, kind: categorical, values: [en, pt, other] }
`;

export function configPage(): string {
  return `${[
    GENERATED("src/config/schema.ts"),
    "# Configuration",
    "Requeen reads `requeen.config.yaml` in the working directory, or the file that `--config` or `REQUEEN_CONFIG` names. The environment wins over the file, flags win over both. An unknown key in the file is an error that names the nearest known one; `requeen config show` prints what is in force and where each value came from.",
    ["```yaml", EXAMPLE_CONFIG.trimEnd(), "```"].join("\n"),
    "## Keys",
    "Where several environment names are given, the first that is set counts.",
    keyTable(leavesOf(configSchema)),
    "Secrets come from the environment only. `NAME_FILE` instead of `NAME` names a file that holds the secret, as Kubernetes and Docker mount it.",
    "## A specialist",
    "An entry of `specialists`. Where the list is given, it replaces the built-in five.",
    fieldTable(specialistSchema),
    "## A policy",
    `An entry of \`policies\`: \`preset\` (${Object.keys(POLICY_PRESETS).join(", ")}; default evidence) and whatever differs from it. The default column is that of preset \`evidence\`.`,
    fieldTable(policySchema, POLICY_PRESETS.evidence),
    "## Other environment names",
    markdownTable(
      ["name", "meaning"],
      Object.entries(OTHER_NAMES).map(([name, meaning]) => [code(name), meaning]),
    ),
    "## Names without effect",
    "Old manifests may set these. They are accepted and reported in one line at the start, since nothing happens because of them.",
    markdownTable(
      ["name", "why it has no effect"],
      Object.entries(IGNORED_NAMES).map(([name, why]) => [code(name), why]),
    ),
  ].join("\n\n")}\n`;
}

function keyTable(leaves: readonly Leaf[]): string {
  const rows = leaves.map((leaf) => [
    code(leaf.key),
    leaf.summary,
    leaf.meta.secret === true ? "text" : (describeType(leaf.type) ?? ""),
    showDefault(leaf.fallback),
    environmentNamesOf(leaf).map(code).join(", "),
  ]);
  return markdownTable(["key", "meaning", "allowed", "default", "environment"], rows);
}

/** Fields of a schema that is opened, with defaults from the schema or from `example`. */
function fieldTable(schema: z.ZodObject, example?: object): string {
  const rows = fieldsOf(schema).map(({ key, type, summary, fallback }) => {
    const preset = example === undefined ? fallback : at(example, key);
    return [code(key), summary, describeType(type) ?? "", showDefault(preset)];
  });
  return markdownTable(["field", "meaning", "allowed", "default"], rows);
}

/** Leaves, with the columns of a list opened once: `features.columns[].name`. */
function fieldsOf(schema: z.ZodObject): Leaf[] {
  return leavesOf(schema).flatMap((leaf) => {
    const type = innerType(leaf.type);
    if (!(type instanceof z.ZodUnion)) return [leaf];
    const objects = type.options.map(innerType).filter((option) => option instanceof z.ZodObject);
    const columns = objects.flatMap((option) => leavesOf(option, `${leaf.key}.`));
    return [{ ...leaf, summary: leaf.summary }, ...columns.filter((column) => column.key.endsWith(".columns"))];
  });
}

function showDefault(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value) && value.length > 0 && typeof value[0] === "object")
    return value.map((entry: { name: string }) => entry.name).join(", ");
  return code(typeof value === "string" ? value : JSON.stringify(value));
}

const at = (value: unknown, key: string): unknown =>
  key
    .split(".")
    .reduce<unknown>(
      (inside, name) => (typeof inside === "object" && inside !== null ? Reflect.get(inside, name) : undefined),
      value,
    );
