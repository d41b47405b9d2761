import { posix } from "node:path";
import { invalid } from "./protocol-error.ts";
import { pythonJson, pythonRepr } from "./python-text.ts";

/** MLflow's limits on names and values, and their messages. Lengths are in characters. Source: reference/mlflow-protocol.md 2.2. */
export const LIMITS = {
  entityKey: 250,
  paramValue: 6_000,
  runTagValue: 8_000,
  experimentName: 500,
  experimentTagValue: 5_000,
  registryTagValue: 100_000,
  alias: 255,
  modelName: 256,
  artifactLocation: 2_048,
  modelSource: 500,
  runName: 250,
} as const;

const ENTITY_NAME = /^[/\p{L}\p{N}\p{M}_.\- :]*$/u;
const BAD_CHARACTERS =
  "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).";

/** A number of characters, as Python counts: code points. */
export const lengthOf = (value: string): number => {
  if (value.length < 100) return value.length;
  let pairs = 0;
  for (let i = 0; i < value.length; i += 1) if ((value.charCodeAt(i) & 0xfc00) === 0xd800) pairs += 1;
  return value.length - pairs;
};

export function checkLength(what: string, limit: number, value: string): void {
  if (lengthOf(value) > limit) throw invalid(`'${what}' exceeds the maximum length of ${limit} characters`);
}

/** MLflow cuts long parameter and tag values without a word; its clients rely on it. */
export const cutTo = (limit: number, value: string): string =>
  value.length <= limit ? value : [...value].slice(0, limit).join("");

/**
 * Checks the name of a parameter, a metric or a tag.
 * @param path of the value in the request: "name", "key", "params[3].key".
 */
export function checkEntityName(name: string, path: string): void {
  if (!ENTITY_NAME.test(name))
    throw invalid(`Invalid value ${pythonJson(name)} for parameter '${path}' supplied: ${BAD_CHARACTERS}`);
  if (isAmbiguousPath(name)) throw ambiguous(name, path);
}

/** As POSIX normalises: "a//b", "./a", "a/", "../a" and "/a" name other paths than they say. */
function isAmbiguousPath(name: string): boolean {
  const normal = normalPath(name);
  return normal !== name || normal === "." || normal.startsWith("..") || normal.startsWith("/");
}

const ambiguous = (name: string, path: string) =>
  invalid(
    `Invalid value ${pythonJson(name)} for parameter '${path}' supplied: Names may be treated as files in certain cases, and must not ` +
      `resolve to other names when treated as such. This name would resolve to ${pythonRepr(normalPath(name))}`,
  );

/** Python's posixpath.normpath: no trailing slash, exactly two leading slashes stay. */
function normalPath(name: string): string {
  if (name === "") return ".";
  const normal = posix.normalize(name).replace(/(.)\/+$/, "$1");
  return /^\/\/(?!\/)/.test(name) ? `/${normal}` : normal;
}

export function checkParam(key: string, value: string, path = ""): { key: string; value: string } {
  checkEntityName(key, joinPath(path, "key"));
  checkLength("Param key", LIMITS.entityKey, key);
  return { key, value: cutTo(LIMITS.paramValue, value) };
}

export function checkRunTag(key: string, value: string, path = ""): { key: string; value: string } {
  checkEntityName(key, joinPath(path, "key"));
  checkLength(joinPath(path, "key"), LIMITS.entityKey, key);
  return { key, value: cutTo(LIMITS.runTagValue, value) };
}

export function checkExperimentTag(key: string, value: string): void {
  checkEntityName(key, "key");
  checkLength("key", LIMITS.entityKey, key);
  checkLength("value", LIMITS.experimentTagValue, value);
}

export function checkRegistryTag(key: string, value: string): void {
  checkEntityName(key, "key");
  checkLength("key", LIMITS.entityKey, key);
  checkLength("value", LIMITS.registryTagValue, value);
}

export const joinPath = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);

export function checkExperimentName(name: string): void {
  if (name === "") throw invalid(`Invalid experiment name: '${name}'`);
  checkLength("name", LIMITS.experimentName, name);
}

export function checkModelName(name: string): void {
  if (name.trim() === "") throw invalid("Missing value for required parameter 'name'.");
  if (/[/:]/.test(name)) throw invalid(`Invalid model name '${name}'. Names cannot contain '/' or ':'.`);
  if (isAmbiguousPath(name)) throw ambiguous(name, "name");
  checkLength("name", LIMITS.modelName, name);
}

export function checkNewModelName(name: string): void {
  if (name.trim() === "") throw invalid("Missing value for required parameter 'new_name'.");
  checkModelName(name);
}

/** @returns the version as a number. */
export function readVersion(version: string): number {
  if (!/^\s*[+-]?\d+\s*$/.test(version)) throw invalid(`Parameter 'version' must be an integer, got '${version}'.`);
  return Number(version);
}

export function checkAlias(alias: string): void {
  if (alias === "") throw invalid("Registered model alias name cannot be empty.");
  if (!/^[\p{L}\p{N}\p{M}_-]*$/u.test(alias)) {
    throw invalid(`Invalid alias name: '${alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-).`);
  }
  checkLength("Registered model alias name", LIMITS.alias, alias);
}

export function checkAliasFree(alias: string): void {
  if (alias.toLowerCase() === "latest") throw invalid("'latest' alias name (case insensitive) is reserved.");
  if (/^[vV]\d+$/.test(alias)) throw invalid(`Version alias name '${alias}' is reserved.`);
}

export function checkLoggedModelName(name: string): void {
  if (name === "" || /[/:.%"']/.test(name)) {
    throw invalid(
      `Invalid model name (${pythonRepr(name)}) provided. Model name must be a non-empty string and cannot contain the following ` +
        `characters: ('/', ':', '.', '%', '"', "'")`,
    );
  }
}

export function checkRunId(runId: string): void {
  if (!/^[a-zA-Z0-9][\w-]{0,255}$/.test(runId))
    throw invalid(`Invalid value ${pythonJson(runId)} for parameter 'run_id' supplied.`);
}
