import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

/** What a user gets: the package as `npm pack` makes it, installed into an empty folder, used from there. */
const root = join(import.meta.dirname, "..", "..");
const LONG_MS = 600_000;

/** The Node of the machine, which runs npm; `npm test` itself runs under the Node 24 of node_modules. */
const machinesNode = process.env.npm_node_execpath ?? process.execPath;

let folder = "";
let app = "";
let packed: { filename: string; files: { path: string }[] } = { filename: "", files: [] };

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, words: readonly string[], cwd: string, environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  // the folder of node_modules/.bin is taken off the path: it would hide what the installed package brings itself
  const path = (process.env.PATH ?? "").split(":").filter((part) => !part.includes("node_modules"));
  const env = { ...process.env, ...environment, PATH: [dirname(machinesNode), ...path].join(":"), npm_config_loglevel: "error" };
  return new Promise((resolve) => {
    execFile(program, [...words], { cwd, env, maxBuffer: 64 * 1024 ** 2 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ code, stdout, stderr: error === null || stderr !== "" ? stderr : error.message });
    });
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "requeen-pack-"));
  const made = await run("npm", ["pack", "--json", "--pack-destination", folder], root);
  if (made.code !== 0) throw new Error(`npm pack failed (is the tree free of type errors?):\n${made.stdout}\n${made.stderr}`);
  // the build's own line stands before the JSON
  [packed] = JSON.parse(made.stdout.slice(made.stdout.indexOf("[\n")));
  app = join(folder, "app");
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", version: "1.0.0", type: "module", private: true }));
  const words = ["install", "--prefer-offline", "--no-audit", "--no-fund", join(folder, packed.filename)];
  const installed = await run("npm", words, app);
  if (installed.code !== 0)
    throw new Error(`npm install of the packed package failed; npm's registry must answer:\n${installed.stderr}`);
}, LONG_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the package holds the build, the launcher, examples and docs, and no sources, tests or build notes", () => {
  const paths = packed.files.map(({ path }) => path);
  const wanted = [
    "bin/requeen.mjs",
    "dist/index.js",
    "dist/index.d.ts",
    "dist/cli/main.js",
    "dist/engine/index.js",
    "README.md",
    "LICENSE",
  ];
  for (const path of [...wanted, "docs/errors.md", "CHANGELOG.md"]) expect(paths).toContain(path);
  expect(paths.filter((path) => /^(src|test|scripts|bench|deploy)\/|tsbuildinfo|\.tgz$/.test(path))).toEqual([]);
});

test("npx requeen --help and --version work", { timeout: LONG_MS }, async () => {
  const help = await run("npx", ["requeen", "--help"], app);
  expect(help.stderr).toBe("");
  expect(help.stdout).toContain("Usage: requeen <command>");
  expect(help.code).toBe(0);
  const version = await run("npx", ["requeen", "--version"], app);
  const { version: stated } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(version.stdout.trim()).toBe(stated);
});

test("npx requeen gives the exit code of the error", { timeout: LONG_MS }, async () => {
  const { code, stderr } = await run("npx", ["requeen", "statsu"], app);
  expect(stderr).toContain('Did you mean "status"?');
  expect(code).toBe(2);
});

test("npx requeen doctor finds a working store and registry in the installed package", { timeout: LONG_MS }, async () => {
  const { code, stdout, stderr } = await run("npx", ["requeen", "doctor", "--json"], app, {
    REQUEEN_DATA_DIR: join(app, "data"),
  });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({ healthy: true });
  expect(code).toBe(0);
});

const PROGRAM = `
import { extractFeatures, featureNames, readPlan, RequeenError } from "requeen";
import { predictProbabilities, trainForest } from "requeen/engine";
import { POLICY_PRESETS } from "requeen/decide";
import { createClient } from "requeen/client";

const plan = readPlan({ plan_id: "p", tasks: [{ task_id: "a", task_type: "query" }, { task_id: "b", task_type: "query", dependencies: ["a"] }] });
const features = extractFeatures("plan/1", plan);
const column = Float64Array.from({ length: 60 }, (_, row) => row);
const labels = Uint8Array.from({ length: 60 }, (_, row) => (row < 30 ? 0 : 1));
const model = trainForest({ columns: [column], labels, classCount: 2 }, { nEstimators: 5 });
const [, right] = predictProbabilities(model, [Float64Array.of(59)]);
let refused = "";
try {
  readPlan({ plan_id: "p", tasks: [] });
} catch (error) {
  refused = error instanceof RequeenError ? error.code : String(error);
}
const fetch = async () => new Response(JSON.stringify({ code: "forbidden", detail: "not you" }), { status: 403 });
const client = await createClient({ baseUrl: "http://requeen", fetch }).ask("GET /api/v1/status").catch((problem) => problem.code);
console.log(JSON.stringify({ client, features: features.length, names: featureNames("plan/1").length, right, refused, policy: POLICY_PRESETS.evidence.name }));
`;

test.each([
  ["the machine's", machinesNode],
  ["this", process.execPath],
])(
  'import from "requeen", "requeen/engine", "requeen/decide" and "requeen/client" works under %s Node',
  { timeout: LONG_MS },
  async (_name, node) => {
    writeFileSync(join(app, "program.mjs"), PROGRAM);
    const { code, stdout, stderr } = await run(node, ["program.mjs"], app);
    expect(stderr).toBe("");
    const said = JSON.parse(stdout);
    expect(said).toMatchObject({ client: "forbidden", features: 26, names: 26, refused: "bad_plan", policy: "evidence" });
    expect(said.right).toBeGreaterThan(0.5);
    expect(code).toBe(0);
  },
);

test("the declarations are found and right: a good program compiles, a wrong one does not", { timeout: LONG_MS }, async () => {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const options = [
    "--noEmit",
    "--strict",
    "--module",
    "nodenext",
    "--target",
    "es2024",
    "--skipLibCheck",
    "--typeRoots",
    join(root, "node_modules", "@types"),
    "--types",
    "node",
  ];
  const compile = (name: string, text: string): Promise<Ended> => {
    writeFileSync(join(app, name), text);
    return run(process.execPath, [tsc, ...options, name], app);
  };
  const good =
    'import { type Specialist, specialistSchema } from "requeen";\nexport const s: Specialist = specialistSchema.parse({ name: "a" });\n';
  expect(await compile("good.ts", good)).toMatchObject({ code: 0, stdout: "" });
  const wrong =
    'import { trainForest } from "requeen/engine";\ntrainForest({ columns: "no", labels: new Uint8Array(2), classCount: 2 });\n';
  expect((await compile("wrong.ts", wrong)).stdout).toContain("TS2322");
  const asks = (body: string): string =>
    `import { createClient } from "requeen/client";\nconst answer = await createClient({ baseUrl: "" }).ask("POST /api/v1/feedback", { body: ${body} });\nexport const status: "recorded" | "duplicate" = answer.status;\n`;
  expect(await compile("client.ts", asks('{ opinion_id: "o", human_recommendation: "yes" }'))).toMatchObject({
    code: 0,
    stdout: "",
  });
  expect((await compile("wrong-client.ts", asks('{ opinion_id: 17, human_recommendation: "yes" }'))).stdout).toContain("TS2322");
});
