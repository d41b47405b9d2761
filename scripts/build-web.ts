import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Builds the pages of web/ into dist/web. With `--if-stale` only when the sources changed since: the launcher runs it so beside a start from
 * a clone. The new files stand in place of the old ones at once, so that a server never sees half of them.
 */
const root = join(import.meta.dirname, "..");
const target = join(root, "dist", "web");
const stampFile = join(target, ".sources-sha256");

const wanted = digestOfSources();
const isFresh = existsSync(stampFile) && readFileSync(stampFile, "utf8") === wanted;
if (!process.argv.includes("--if-stale") || !isFresh) {
  // a test runner's own value, inherited, gave the development form of React: twice the size, and every effect runs twice
  process.env.NODE_ENV = "production";
  const { build } = await import("vite");
  const fresh = `${target}.${process.pid}`;
  const old = `${target}.${process.pid}.old`;
  mkdirSync(join(root, "dist"), { recursive: true });
  try {
    await build({ configFile: join(root, "web", "vite.config.ts"), logLevel: "warn", build: { outDir: fresh } });
    writeFileSync(join(fresh, ".sources-sha256"), wanted);
    swap(fresh, old);
  } finally {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  }
  process.stderr.write("built the pages into dist/web\n");
}

/** Puts the new folder in the old one's place; another build may do the same at the same moment, and the later one stays. */
function swap(fresh: string, old: string): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      rmSync(old, { recursive: true, force: true });
      if (existsSync(target)) renameSync(target, old);
      renameSync(fresh, target);
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      if (attempt === 10 || !existsSync(fresh) || !["ENOENT", "ENOTEMPTY", "EEXIST"].includes(code)) throw error;
    }
  }
}

/** Of every file of web/ and of the lock file, which says what is bundled. */
function digestOfSources(): string {
  const hash = createHash("sha256").update(readFileSync(join(root, "package-lock.json")));
  hash.update(readFileSync(import.meta.filename));
  const names = readdirSync(join(root, "web"), { recursive: true, encoding: "utf8" }).sort();
  for (const name of names) {
    const path = join(root, "web", name);
    if (statSync(path).isFile()) hash.update(`${name}\0`).update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex");
}
