/** Where the files of a training Job stand with its MLflow run. Their names carry their digests. */
export interface Place {
  readonly runId: string;
}

export const BUNDLE_FILE = "tasks.json";
export const trainFolder = (bundleSha256: string): string => `train/${bundleSha256.slice(0, 16)}`;
export const answerFolder = (bundleSha256: string): string => `${trainFolder(bundleSha256)}/answers`;
export const answerFile = (index: number, sha256: string): string => `${index}-${sha256}.json`;

/** The task and digest that an answer's path names; null for a path that names none. */
export function answerIndexOf(path: string): { readonly index: number; readonly sha256: string } | null {
  const found = /(?:^|\/)(\d+)-([0-9a-f]{64})\.json$/.exec(path);
  return found === null ? null : { index: Number(found[1]), sha256: found[2] ?? "" };
}
