import { RequeenError } from "../core/errors.ts";

/**
 * An artifact's path inside its run or model: parts joined with "/", none of them empty, "." or "..", no backslash, "#", control character,
 * drive letter or percent-encoded separator; so it means the same on every server, disk and in every address.
 * @returns the path as given.
 * @throws RequeenError bad_parameter
 */
export function requireArtifactPath(path: string): string {
  const decoded = decodeFully(path);
  const parts = decoded.split("/");
  const bad =
    path === "" ||
    path.length > 1_024 ||
    /[\\#\p{Cc}]/u.test(decoded) ||
    /^[A-Za-z]:/.test(decoded) ||
    parts.some((part) => part === "" || part === "." || part === "..") ||
    (decoded !== path && decoded.split("/").length !== path.split("/").length);
  if (!bad) return path;
  throw new RequeenError(
    "bad_parameter",
    `an artifact's path must be relative, with "/" between non-empty parts, without "..", "\\", "#" and control characters; got ${JSON.stringify(path.slice(0, 200))}`,
    { path: path.slice(0, 200) },
  );
}

/** The same, where "" (the root) is allowed too. */
export const requireArtifactFolder = (folder: string): string => (folder === "" ? "" : requireArtifactPath(folder));

export const joinArtifactPath = (...parts: readonly string[]): string => parts.filter((part) => part !== "").join("/");

/** Percent-encodes each part and keeps the "/" between them. */
export const encodeArtifactPath = (path: string): string => path.split("/").map(encodeURIComponent).join("/");

/** Undoes percent-encoding until nothing changes, as servers may do more than once. */
function decodeFully(path: string): string {
  let text = path;
  for (let round = 0; round < 10; round++) {
    let next: string;
    try {
      next = decodeURIComponent(text);
    } catch {
      // a lone "%" is a plain character of a name
      return text;
    }
    if (next === text) return text;
    text = next;
  }
  return text;
}
