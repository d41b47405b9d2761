import { posix } from "node:path";
import type { Context } from "./context.ts";
import { downloadUri } from "./find-version.ts";
import { findLoggedModel } from "./logged-models.ts";
import { checkLength, LIMITS } from "./names.ts";
import { invalid, MlflowError } from "./protocol-error.ts";
import { isInside, realPath } from "./real-path.ts";
import { findRun } from "./runs.ts";
import { isLocalUri, localPath, schemeOf } from "./uri.ts";

/**
 * Refuses a source that would let readers of the version reach files that are not the model's: local paths outside the run's or model's
 * own folder (symbolic links followed), and URIs whose path changes when it is decoded and normalised. Nothing is ever fetched from it.
 * Prompts keep no files, so theirs is a placeholder; the same rules hold for it (CVE-2026-2614 was a way around them).
 */
export function checkModelSource(context: Context, source: string, runId: string, modelId: string, isPrompt: boolean): void {
  checkLength("source", LIMITS.modelSource, source);
  const pattern = context.modelSourcePattern;
  if (pattern !== undefined && !pattern.test(source)) throw invalid(`Invalid model version source: '${source}'.`);
  if (isPrompt) {
    const scheme = schemeOf(source);
    if (scheme === "file" || (scheme === "" && (source.startsWith("/") || decodeStable(source).split(/[\\/]/).includes("..")))) {
      throw invalid(`Invalid prompt source: '${source}'. Local source paths are not allowed for prompts.`);
    }
    if (scheme !== "") checkRemotePath(source);
    return;
  }
  if (isLocalUri(source)) checkLocalSource(context, source, runId, modelId);
  else checkRemotePath(source);
}

function checkLocalSource(context: Context, source: string, runId: string, modelId: string): void {
  const owner = modelId === "" ? "run_id" : "model_id";
  const path = realPath(localPath(source));
  const home =
    modelId !== ""
      ? findLoggedModel(context, modelId, false).artifact_location
      : runId === ""
        ? undefined
        : (findRun(context, runId).artifact_uri ?? undefined);
  if (home !== undefined && isLocalUri(home) && isInside(realPath(localPath(home)), path)) return;
  throw invalid(
    `Invalid model version source: '${home === undefined ? source : path}'. To use a local path as a model version source, the ${owner} request parameter has to be ` +
      `specified and the local path has to be contained within the artifact directory of the run specified by the ${owner}.`,
  );
}

function checkRemotePath(source: string): void {
  const decoded = decodeStable(source);
  const path = pathOf(decoded).replace(/\/+$/, "").replace(/\/+/g, "/");
  const changes = posix.normalize(path).replace(/\/$/, "") !== path || !path.startsWith("/");
  const unreadable = /^https?:/i.test(source) && !URL.canParse(source);
  if (unreadable || decoded.includes("\0") || decoded.split(/[\\/]/).includes("..") || changes) {
    throw invalid(
      `Invalid model version source: '${source}'. If supplying a source as an http, https, local file path, ftp, objectstore, or ` +
        "mlflow-artifacts uri, an absolute path must be provided without relative path references present. Please provide an absolute path.",
    );
  }
}

/** The path of a URI, as Python's urlparse cuts it out. */
function pathOf(uri: string): string {
  const withoutScheme = uri.replace(/^[a-zA-Z][a-zA-Z0-9+.-]*:/, "").replace(/[?#].*$/s, "");
  return withoutScheme.startsWith("//") ? withoutScheme.replace(/^\/\/[^/]*/, "") : withoutScheme;
}

/** Percent-decoding until nothing changes; bytes that are no text stay encoded. */
function decodeStable(value: string): string {
  let current = value;
  for (;;) {
    const next = current
      .replaceAll("+", " ")
      .replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString("latin1"));
    if (next === current) return current;
    current = next;
  }
}

/**
 * Where the files of a source lie, and the run that made them. `models:/m-...` names a logged model, `models:/name/1` another version.
 * @throws MlflowError RESOURCE_DOES_NOT_EXIST when it names nothing.
 */
export function resolveModelSource(
  context: Context,
  source: string,
  runId: string,
  modelId: string,
): { storageLocation: string; runId: string } {
  let run = runId;
  let storageLocation = source;
  if (schemeOf(source) === "models") {
    try {
      const parts = pathOf(source).replace(/^\//, "").split("/");
      const [first = "", second] = parts;
      if (parts.length === 1 && first !== "" && !first.includes("@")) {
        const model = findLoggedModel(context, first, false);
        storageLocation = model.artifact_location;
        run = run || (model.source_run_id ?? "");
      } else if (parts.length === 2 && second !== undefined && /^\d+$/.test(second)) {
        storageLocation = downloadUri(context, decodeURIComponent(first), second);
      } else {
        throw invalid(
          `Not a proper models:/ URI: ${source}. Models URIs must be of the form 'models:/name/suffix' or 'models:/name@alias' where suffix is ` +
            "a version, stage, or the string 'latest' and where alias is a registered model alias. Only one of suffix or alias can be defined " +
            "at a time.",
        );
      }
    } catch (error) {
      if (!(error instanceof MlflowError)) throw error;
      throw new MlflowError(
        error.code,
        `Unable to fetch model from model URI source artifact location '${source}'.Error: ${error.message}`,
      );
    }
  }
  if (run === "" && modelId !== "") run = findLoggedModel(context, modelId, false).source_run_id ?? "";
  return { storageLocation, runId: run };
}
