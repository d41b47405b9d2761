import { fileURLToPath } from "node:url";
import { invalid } from "./protocol-error.ts";

/** The scheme of a URI in lower case, "" for a plain path. "C:\x" has the scheme "c", as Python's urlparse says. */
export const schemeOf = (uri: string): string => /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(uri)?.[1]?.toLowerCase() ?? "";

/** Whether a URI names a file of this machine: "/a", "a/b", "file:/a", "file:///a". */
export function isLocalUri(uri: string): boolean {
  const scheme = schemeOf(uri);
  if (scheme === "") return true;
  if (scheme !== "file") return false;
  const host = /^file:\/\/([^/?#]*)/i.exec(uri)?.[1] ?? "";
  if (host !== "" && host !== "." && !/^(localhost|127\.0\.0\.1)/.test(host)) {
    throw invalid(
      `${uri} is not a valid remote uri. For remote access on windows, please consider using a different scheme such as SMB ` +
        "(e.g. smb://<hostname>/<path>).",
    );
  }
  return true;
}

/** The path that a local URI names, maybe relative. */
export function localPath(uri: string): string {
  if (schemeOf(uri) !== "file") return uri;
  const rest = uri.slice("file:".length);
  if (!rest.startsWith("/")) return decodeURIComponent(rest);
  return fileURLToPath(
    rest.startsWith("//") ? `file:${rest.replace(/^\/\/(localhost|127\.0\.0\.1)(:\d+)?/, "//")}` : `file://${rest}`,
  );
}
