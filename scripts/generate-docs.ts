import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findStalePages } from "./docs/stale-pages.ts";

/** Writes the generated pages that differ from what the sources say; `npm run check` only compares. */
const root = join(import.meta.dirname, "..");
const stale = await findStalePages(root);
for (const { path, text } of stale) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  process.stdout.write(`wrote ${path}\n`);
}
if (stale.length === 0) process.stdout.write("all generated pages were up to date\n");
