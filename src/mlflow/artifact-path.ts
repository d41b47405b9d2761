import { posix, win32 } from "node:path";
import { invalid, type MlflowError } from "./protocol-error.ts";

const invalidPath = (): MlflowError => invalid("Invalid path");

/**
 * A path inside an artifact store, from what a client sent: decoded until nothing changes, then refused when it is absolute (POSIX or
 * Windows), holds a ".." segment or a "#", or names a file: URI. Control characters become their escapes. The store checks symbolic links.
 * @param sent already percent-decoded once by the router.
 * @throws MlflowError INVALID_PARAMETER_VALUE
 */
export function checkArtifactPath(sent: string): string {
  const path = escapeControls(decodeStable(sent));
  if (path.includes("#") || /^file:/i.test(path) || posix.isAbsolute(path)) throw invalidPath();
  if (path.split("/").includes("..")) throw invalidPath();
  const normal = posix.normalize(path).replace(/\/+$/, "");
  if (win32.isAbsolute(normal) || /^[a-zA-Z]:[\\/]/.test(normal) || /^file:/i.test(normal)) throw invalidPath();
  return normal === "." ? "" : normal;
}

function decodeStable(sent: string): string {
  let current = sent;
  for (let round = 0; round < 10; round += 1) {
    const next = decodeOnce(current);
    if (next === current) return current;
    current = next;
  }
  throw invalidPath();
}

/** Percent-decoding; bytes that are no UTF-8 become the replacement character, so nothing stays hidden behind a bad escape. */
export const decodeOnce = (text: string): string =>
  text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"));

const escapeControls = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  text.replace(/[\u0000-\u001f\u007f]/g, (control) => `%${control.charCodeAt(0).toString(16).padStart(2, "0")}`);
