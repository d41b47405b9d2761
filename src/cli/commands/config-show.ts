import { leavesOf } from "../../config/describe-type.ts";
import { IGNORED_NAMES } from "../../config/environment.ts";
import { configSchema } from "../../config/schema.ts";
import { redactUri, Secret } from "../../config/secret.ts";
import { defineCommand } from "../command.ts";
import { renderTable } from "../render/table.ts";

interface ShownValue {
  readonly key: string;
  readonly value: unknown;
  /** File, environment name or flag; `default` when nothing set it. */
  readonly source: string;
}

interface ShownConfig {
  readonly file: string | null;
  readonly values: readonly ShownValue[];
  readonly warnings: readonly string[];
  /** Environment names of the original system that are set and have no effect, with the reason. */
  readonly ignored: Readonly<Record<string, string>>;
}

export const configShow = defineCommand({
  name: "config show",
  summary: "Show the configuration in force and where each value comes from.",
  details: "Flags win over the environment, the environment over the file, the file over defaults. Secrets are never shown.",
  arguments: {},
  options: {},
  examples: [
    { line: "requeen config show", does: "what is in force here" },
    { line: "requeen config show --config other.yaml --json", does: "what another file would give, for a program" },
  ],
  changes: false,
  run: async (_values, { config, loaded }): Promise<ShownConfig> => ({
    file: loaded.file,
    values: leavesOf(configSchema).map(({ key, meta }) => ({
      key,
      value: shown(at(config, key), meta.uri === true),
      source: loaded.sources.get(key) ?? "default",
    })),
    warnings: loaded.warnings,
    ignored: Object.fromEntries(loaded.ignored.map((name) => [name, IGNORED_NAMES[name] ?? ""])),
  }),
  render: ({ file, values, ignored }, terminal) =>
    [
      file === null ? "No configuration file; see docs/config.md for the keys." : `Configuration file: ${file}`,
      "",
      renderTable(
        values,
        [
          { title: "KEY", text: ({ key }) => key },
          { title: "VALUE", shrinks: true, text: ({ key, value }) => toText(key, value) },
          { title: "FROM", shrinks: true, text: ({ source }) => source },
        ],
        terminal,
      ),
      ...Object.entries(ignored).map(
        ([name, why], index) => `${index === 0 ? "\nSet and without effect:\n" : ""}  ${name}: ${why}`,
      ),
    ].join("\n"),
});

function shown(value: unknown, isUri: boolean): unknown {
  if (value === undefined) return null;
  if (value instanceof Secret) return value.toString();
  return isUri && typeof value === "string" ? redactUri(value) : value;
}

function toText(key: string, value: unknown): string {
  if (value === null) return "-";
  if (key === "specialists" && Array.isArray(value))
    return value.map((specialist: { name: string }) => specialist.name).join(", ");
  if (typeof value !== "object") return String(value);
  const names = Object.keys(value);
  return names.length === 0 ? "-" : names.join(", ");
}

function at(value: unknown, key: string): unknown {
  return key
    .split(".")
    .reduce<unknown>(
      (inside, name) => (typeof inside === "object" && inside !== null ? Reflect.get(inside, name) : undefined),
      value,
    );
}
