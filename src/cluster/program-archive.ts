import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";
import { RequeenError } from "../core/errors.ts";

/** What runs: code and what it reads. No types, maps, texts or tests. */
const CODE = /\.(js|mjs|cjs|ts|json|wasm)$/;
const NOT_CODE = /\.d\.[cm]?ts$|(^|[\\/])(tsconfig[^\\/]*\.json|test|tests|docs|examples|benchmark|benchmarks)([\\/]|$)/;
/** Brings the binary of Node 24, which the image of the Job has. */
const LEFT_OUT: ReadonlySet<string> = new Set(["node"]);

/**
 * This program with every package that it imports, as a gzipped tar: `bin/`, its code, `node_modules/`. The same installation gives the
 * same bytes. Run from a clone it holds the sources, else what was built from them.
 * @param root the folder of the package, where package.json stands
 * @throws RequeenError not_found when a dependency is not installed
 */
export function packProgram(root: string): Uint8Array {
  const code = existsSync(join(root, "src", "cli", "main.ts")) ? "src" : "dist";
  const files = new Map<string, Buffer>();
  const add = (path: string, name: string): void => void files.set(name.split(sep).join("/"), readFileSync(path));
  add(join(root, "package.json"), "package.json");
  for (const folder of ["bin", code]) for (const path of filesOf(join(root, folder))) add(path, relative(root, path));
  for (const [from, place] of packagesOf(root)) {
    for (const path of filesOf(from)) if (!isSource(from, path)) add(path, join(place, relative(from, path)));
  }
  return gzipSync(tar(files), { level: 9 });
}

/** TypeScript in a package is its source; Node runs none from node_modules. */
const isSource = (from: string, path: string): boolean =>
  path.endsWith(".ts") || (relative(from, path).startsWith(`src${sep}`) && existsSync(join(from, "dist")));

function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" || NOT_CODE.test(entry.name) ? [] : filesOf(path);
    return entry.isFile() && CODE.test(entry.name) && !NOT_CODE.test(entry.name) ? [path] : [];
  });
}

/** Where each package of the production tree lies, and where it goes: hoisted as npm laid it. */
function packagesOf(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const base = installationOf(root);
  const visit = (folder: string): void => {
    const { dependencies = {}, optionalDependencies = {} }: PackageFile = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    );
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (LEFT_OUT.has(name)) continue;
      const place = findPackage(folder, name);
      if (place === null && name in optionalDependencies) continue;
      if (place === null)
        throw new RequeenError("not_found", `the package ${name}, which ${folder} needs, is not installed; run npm install`, {
          name,
        });
      if (found.has(place)) continue;
      found.set(place, join("node_modules", relative(base, place)));
      visit(place);
    }
  };
  visit(root);
  return found;
}

interface PackageFile {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The node_modules folder that holds our dependencies: our own in a clone, the one that we lie in when installed. */
function installationOf(root: string): string {
  const own = join(root, "node_modules");
  return existsSync(join(own, "zod")) ? own : dirname(findPackage(root, "zod") ?? own);
}

function findPackage(from: string, name: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder, "node_modules", name);
    if (existsSync(join(place, "package.json"))) return place;
    if (dirname(folder) === folder) return null;
  }
}

const BLOCK = 512;

/** A ustar archive; every file may be read by all, none is newer than 1970, so that equal files give equal bytes. */
function tar(files: ReadonlyMap<string, Buffer>): Buffer {
  const parts: Buffer[] = [];
  for (const name of [...files.keys()].sort()) {
    const bytes = files.get(name) ?? Buffer.alloc(0);
    parts.push(tarHeader(name, bytes.byteLength), bytes, Buffer.alloc((BLOCK - (bytes.byteLength % BLOCK)) % BLOCK));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function tarHeader(path: string, sizeBytes: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  const { prefix, name } = splitName(path);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, "0")}\0`;
  header.write(name, 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(sizeBytes, 12), 124);
  header.write(octal(0, 12), 136);
  header.write("        ", 148); // the sum is taken with spaces in its place
  header.write("0", 156);
  header.write("ustar\0" + "00", 257);
  header.write(prefix, 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

/** ustar keeps a path in two fields, of 155 and 100 bytes. */
function splitName(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= 100) return { prefix: "", name: path };
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
    if (Buffer.byteLength(path.slice(0, at)) <= 155 && Buffer.byteLength(path.slice(at + 1)) <= 100)
      return { prefix: path.slice(0, at), name: path.slice(at + 1) };
  }
  throw new Error(`the path ${path} is too long for a tar archive`);
}
