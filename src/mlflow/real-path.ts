import { realpathSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";

/** The absolute path with every symbolic link followed; parts that do not exist stay as they are. */
export function realPath(path: string): string {
  const absolute = resolve(path);
  try {
    // the system's own walk: Node's asks for each part of the path, and an upload comes here four times
    return realpathSync.native(absolute);
  } catch {
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(realPath(parent), basename(absolute));
  }
}

/** Whether `path` is `folder` or lies below it; both must be real paths. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`);
}
