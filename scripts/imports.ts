import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** The folders of src/ in the order of DESIGN.md section 3: a folder imports only from those above it. */
export const FOLDERS: readonly string[] = [
  "client",
  "core",
  "features",
  "engine",
  "decide",
  "store",
  "registry",
  "workers",
  "loop",
  "mlflow",
  "http",
  "cluster",
  "config",
  "cli",
];
/** These know no operating system: no import of `node:` and none of a package that is not named here. */
export const PURE_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  client: [],
  core: ["zod"],
  features: ["zod"],
  engine: ["zod"],
  decide: ["zod"],
};

/** One import, `import type` included. */
export interface Import {
  /** Path from the root, `src/core/errors.ts`. */
  readonly from: string;
  /** What stands between the quotes. */
  readonly specifier: string;
  /** The file it means, from the root; null for packages. */
  readonly to: string | null;
  /** `import type`: erased before anything runs. */
  readonly typeOnly: boolean;
}

const STATEMENT =
  /^[ \t]*(?:import|export)\b(\s+type\b)?[^"'`;]*?\bfrom\s*"([^"]+)"|^[ \t]*import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;

/** Every import of a source text: statements, re-exports and dynamic imports. `new URL("./x.ts", import.meta.url)` of a worker is none. */
export function specifiersOf(source: string): { specifier: string; typeOnly: boolean }[] {
  const bare = source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  return [...bare.matchAll(STATEMENT)].map((match) => ({
    specifier: match[2] ?? match[3] ?? match[4] ?? "",
    typeOnly: match[1] !== undefined,
  }));
}

/** All imports of the TypeScript files under `folder`, a path from `root`. */
export function readImports(root: string, folder: string): Import[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  return files.sort().flatMap((name) => {
    const path = join(root, folder, name);
    const from = relative(root, path).replaceAll("\\", "/");
    return specifiersOf(readFileSync(path, "utf8")).map((found) => ({
      ...found,
      from,
      to: resolve(root, path, found.specifier),
    }));
  });
}

const resolve = (root: string, from: string, specifier: string): string | null =>
  specifier.startsWith(".") ? relative(root, join(dirname(from), specifier)).replaceAll("\\", "/") : null;

/** Imports that point up the list of folders, or out of src/, or from a pure folder to the machine. */
export function findWrongArrows(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, specifier, to }) => {
    const folder = folderOf(from);
    const allowed = PURE_FOLDERS[folder];
    if (to === null) {
      const isForeign = allowed !== undefined && !allowed.some((name) => specifier === name || specifier.startsWith(`${name}/`));
      return isForeign ? [`${from} imports "${specifier}"; src/${folder} may import only ${allowed.join(", ")}`] : [];
    }
    if (folder === "") return [];
    const target = folderOf(to);
    if (!to.startsWith("src/") || target === "") return [`${from} imports ${to}, which is no folder below src/`];
    const rank = FOLDERS.indexOf(folder);
    const targetRank = FOLDERS.indexOf(target);
    if (rank === -1) return [`${from} stands in src/${folder}, which DESIGN.md does not name`];
    return targetRank > rank ? [`${from} imports ${to}: src/${folder} stands above src/${target}`] : [];
  });
}

/** `src/core/errors.ts` -> `core`; a file directly in src/ -> "". */
const folderOf = (path: string): string => (path.split("/").length > 2 ? (path.split("/")[1] ?? "") : "");

/** Circles of imports, each once, as the files on the way round. Imports of types are erased and make no circle that could run. */
export function findCycles(imports: readonly Import[]): string[][] {
  const targets = Map.groupBy(
    imports.filter(({ typeOnly }) => !typeOnly),
    ({ from }) => from,
  );
  const done = new Set<string>();
  const way: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): void => {
    const seenAt = way.indexOf(file);
    if (seenAt !== -1) {
      cycles.push([...way.slice(seenAt), file]);
      return;
    }
    if (done.has(file)) return;
    way.push(file);
    for (const { to } of targets.get(file) ?? []) if (to !== null) visit(to);
    way.pop();
    done.add(file);
  };
  for (const file of targets.keys()) visit(file);
  return cycles;
}
