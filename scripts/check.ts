import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findUnstatedDependencies } from "./dependencies.ts";
import { findStalePages } from "./docs/stale-pages.ts";
import { findCycles, findWrongArrows, readImports } from "./imports.ts";
import { findMissingLocks } from "./lock-file.ts";

/** `npm run check`: everything that can be said of the sources without running them. Each check gives its findings; none = passed. */
interface Check {
  readonly name: string;
  find(): Promise<readonly string[]>;
}

const root = join(import.meta.dirname, "..");
const imports = (): ReturnType<typeof readImports> => readImports(root, "src");

const CHECKS: readonly Check[] = [
  { name: "types", find: () => outputOf("node_modules/typescript/bin/tsc", ["-b", "--pretty", "false"]) },
  {
    name: "format and lint",
    find: () => outputOf("node_modules/@biomejs/biome/bin/biome", ["check", "--error-on-warnings", "."]),
  },
  { name: "arrows between folders", find: async () => findWrongArrows(imports()) },
  { name: "import cycles", find: async () => findCycles(imports()).map((cycle) => cycle.join(" -> ")) },
  {
    name: "dependencies as stated",
    find: async () => findUnstatedDependencies(JSON.parse(readFileSync(join(root, "package.json"), "utf8"))),
  },
  {
    name: "lock file is whole",
    find: async () => findMissingLocks(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"))),
  },
  {
    name: "generated pages",
    find: async () => (await findStalePages(root)).map(({ path }) => `${path} differs from its sources; run \`npm run docs\``),
  },
];

/** Runs a program under this Node. No finding when it ends with 0, else its whole output. */
function outputOf(script: string, words: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, script), ...words], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const collect = (chunk: Buffer): void => {
      output += chunk.toString("utf8");
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", reject);
    child.on("close", (code) => resolve(code === 0 ? [] : [output.trim() || `${script} ended with ${code}`]));
  });
}

let failed = 0;
for (const { name, find } of CHECKS) {
  const findings = await find();
  process.stdout.write(`${findings.length === 0 ? "ok    " : "FAILED"}  ${name}\n`);
  for (const finding of findings) process.stdout.write(`${finding.replaceAll(/^/gm, "        ")}\n`);
  if (findings.length > 0) failed += 1;
}
process.stdout.write(`${CHECKS.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
