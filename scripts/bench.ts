import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * `npm run bench:NAME -- [flags]` runs bench/NAME.ts with the flags after the name. A bench reads `process.argv.slice(2)`, prints a table,
 * and with `--json` rows `[{"work","unit","ours","peer","peerName","ratio","must"}]`.
 */
const folder = join(import.meta.dirname, "..", "bench");
const [name, ...flags] = process.argv.slice(2);
const file = join(folder, `${name}.ts`);
if (name === undefined || !/^[a-z][a-z0-9-]*$/.test(name) || !existsSync(file)) {
  const names = existsSync(folder) ? readdirSync(folder).filter((entry) => entry.endsWith(".ts")) : [];
  process.stderr.write(
    `bench: no bench "${name ?? ""}"; there are: ${names.map((entry) => entry.slice(0, -3)).join(", ") || "none yet"}\n`,
  );
  process.exit(2);
}
process.argv = [process.execPath, file, ...flags];
await import(pathToFileURL(file).href);
