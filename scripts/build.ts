import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** `npm run build`: dist/ as it is published, from nothing: compiled sources, declarations, and the files of src/ that are no TypeScript. */
const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }); // the pages may be building beside a server
const projects = readdirSync(join(root, "src"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => join("src", entry.name));
const compiled = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-b", ...projects, "src/tsconfig.index.json"], {
  cwd: root,
  stdio: ["ignore", "inherit", "inherit"],
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

const assets = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
  /\.(wasm|sql|json|html|css|svg)$/.test(name),
);
for (const name of assets) {
  if (/(^|[\\/])tsconfig[^\\/]*\.json$/.test(name)) continue;
  cpSync(join(root, "src", name), join(dist, name));
}
// last, since what is above begins with removing dist/
await import("./build-web.ts");
process.stdout.write(`built ${projects.length} folders and the pages into dist/\n`);
