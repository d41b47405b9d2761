import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { RequeenError } from "../core/errors.ts";
import { checkAuth } from "./check-auth.ts";
import { checkTraining } from "./check-training.ts";
import { typeAt } from "./describe-type.ts";
import { convert, type Environment, readEnvironment } from "./environment.ts";
import { explainIssues, type Problem } from "./explain-issue.ts";
import { checkPolicies } from "./policy-of.ts";
import { type CheckedConfig, configSchema } from "./schema.ts";

/** The configuration as the rest of Requeen gets it: read once, frozen. */
export type Config = Readonly<Omit<CheckedConfig, "trainThreads"> & { trainThreads: number }>;

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; null = none. */
  readonly file: string | null;
  /** For each key that was set: `requeen.config.yaml`, `MONGODB_URI`, `--data-dir`. A key that is missing here has its default. */
  readonly sources: ReadonlyMap<string, string>;
  /** Names of the original system that are set and have no effect: key of IGNORED_NAMES. */
  readonly ignored: readonly string[];
  readonly warnings: readonly string[];
}

export interface ConfigInput {
  readonly workingDirectory: string;
  readonly environment: Environment;
  /** `--config`; wins over REQUEEN_CONFIG and over the file in the working directory. */
  readonly file?: string | undefined;
  /** Values given by flags: configuration key -> the flag and its text or value. */
  readonly flags?: ReadonlyMap<string, { readonly flag: string; readonly value: unknown }>;
}

export const CONFIG_FILE_NAME = "requeen.config.yaml";

/**
 * Reads file, environment and flags, the later over the earlier, checks the whole and freezes it.
 * @throws bad_config naming file, line, key, what is allowed and what came; all findings at once.
 */
export async function readConfig(input: ConfigInput): Promise<LoadedConfig> {
  const file = findFile(input);
  const parsed = file === null ? { data: {}, lineOf: () => null } : await parseFile(file);
  const environment = readEnvironment(input.environment);
  const merged = structuredCloneOf(parsed.data);
  const sources = new Map<string, string>();
  for (const key of keysOf(parsed.data)) sources.set(key, file ?? "");
  for (const [key, value] of environment.values) {
    setAt(merged, key, value);
    sources.set(key, environment.names.get(key) ?? "");
  }
  for (const [key, { flag, value }] of input.flags ?? []) {
    const type = typeAt(configSchema, key.split("."));
    setAt(merged, key, type !== null && typeof value === "string" ? convert(value, type) : value);
    sources.set(key, flag);
  }
  const checked = configSchema.safeParse(merged);
  const placeOf = (problem: Problem): string => {
    if (problem.key === "overrides")
      return ` (${[...sources]
        .filter(([key]) => key.startsWith("overrides."))
        .map(([, source]) => source)
        .join(", ")})`;
    const source = nearestSource(problem.key, sources);
    const line = source !== null && source === file ? parsed.lineOf(problem.path) : null;
    return `${source === null ? "" : ` in ${source}`}${line === null ? "" : ` line ${line}`}`;
  };
  if (!checked.success) throw badConfig(explainIssues(checked.error.issues, configSchema, merged), placeOf);
  const config = { ...checked.data, trainThreads: checked.data.trainThreads ?? availableParallelism() };
  const problems = [...checkNames(config), ...checkPolicies(config), ...checkTraining(config), ...checkAuth(config)];
  if (problems.length > 0) throw badConfig(problems, placeOf);
  return { config: deepFreeze(config), file, sources, ignored: environment.ignored, warnings: environment.warnings };
}

function findFile({ file, environment, workingDirectory }: ConfigInput): string | null {
  const named = file ?? (environment.REQUEEN_CONFIG || undefined);
  if (named !== undefined) {
    const path = isAbsolute(named) ? named : resolve(workingDirectory, named);
    if (existsSync(path)) return path;
    const by = file === undefined ? "REQUEEN_CONFIG" : "--config";
    throw new RequeenError("bad_config", `${by} names the file ${path}, which does not exist`, { file: path });
  }
  const standard = join(workingDirectory, CONFIG_FILE_NAME);
  return existsSync(standard) ? standard : null;
}

interface ParsedFile {
  readonly data: Readonly<Record<string, unknown>>;
  /** The line, from 1, on which the value or the key of a path stands; null when it is not in the file. */
  readonly lineOf: (path: readonly PropertyKey[]) => number | null;
}

async function parseFile(file: string): Promise<ParsedFile> {
  const text = readText(file);
  // loaded only when there is a file: the parser costs a tenth of the start-up
  const { isMap, isNode, isScalar, LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    const message = `${file} line ${line} column ${col} is not readable YAML: ${error.message}`;
    throw new RequeenError("bad_config", message, { file, line, column: col }, { cause: error });
  }
  const data: unknown = document.toJS() ?? {};
  if (!isRecord(data)) {
    throw new RequeenError(
      "bad_config",
      `${file} must be a mapping of keys to values; got ${JSON.stringify(data)?.slice(0, 80)}`,
      { file },
    );
  }
  const lineOf = (path: readonly PropertyKey[]): number | null => {
    const parent = path.length < 2 ? document.contents : document.getIn(path.slice(0, -1), true);
    const last = path.at(-1);
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === last) : undefined;
    const found = pair?.key ?? document.getIn(path, true) ?? parent;
    return isNode(found) && found.range ? lines.linePos(found.range[0]).line : null;
  };
  return { data, lineOf };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RequeenError("bad_config", `the configuration file cannot be read: ${reason}`, { file }, { cause });
  }
}

function checkNames({ specialists }: CheckedConfig): Problem[] {
  return specialists.flatMap((specialist, index) => {
    const first = specialists.findIndex((other) => other.name === specialist.name);
    if (first === index) return [];
    const path = ["specialists", index, "name"];
    return [
      { key: `specialists[${index}].name`, rule: "must differ from the specialists before it", got: specialist.name, path },
    ];
  });
}

function badConfig(problems: readonly Problem[], placeOf: (problem: Problem) => string): RequeenError {
  const lines = problems.map((problem) => {
    const got = problem.got === null ? "" : `; got ${problem.got}`;
    return `${problem.key || "the configuration"}${placeOf(problem)} ${problem.rule}${got}`;
  });
  const details = problems.map(({ key, rule, got }) => ({ key, rule, got }));
  return new RequeenError("bad_config", lines.join("\n  "), { problems: details });
}

/** A problem in `specialists[2].name` stands where `specialists` came from. */
function nearestSource(key: string, sources: ReadonlyMap<string, string>): string | null {
  for (const [known, source] of sources) {
    if (key === known || key.startsWith(`${known}.`) || key.startsWith(`${known}[`)) return source;
  }
  return null;
}

/** The keys that a file sets, opened as far as objects of the schema go. */
function keysOf(data: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(data).flatMap(([name, value]) =>
    SECTIONS.has(name) && isRecord(value) ? Object.keys(value).map((inner) => `${name}.${inner}`) : [name],
  );
}
const SECTIONS: ReadonlySet<string> = new Set(["server", "auth", "training", "overrides"]);

function setAt(target: Record<string, unknown>, key: string, value: unknown): void {
  const [name = "", ...rest] = key.split(".");
  if (rest.length === 0) {
    target[name] = value;
    return;
  }
  const before = target[name];
  // a section that is no mapping stays as it is, so that the check names it
  if (before !== undefined && !isRecord(before)) return;
  const section = before ?? {};
  target[name] = section;
  setAt(section, rest.join("."), value);
}

const structuredCloneOf = (data: Readonly<Record<string, unknown>>): Record<string, unknown> => structuredClone({ ...data });

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
