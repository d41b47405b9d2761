/**
 * Bundles src/engine for browsers, trains every learner in a page and in a web worker of Debian's Chromium, and compares the models' bytes and
 * probabilities with those of Node. Ends with `N passed, N failed`.
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { build, type Rolldown } from "vite";
import { openBrowser } from "../pages/browser.ts";
import { type Answer, trainAll } from "./train-all.ts";

const entry = fileURLToPath(new URL("./train-all.ts", import.meta.url));

/** One ES module, nothing left to import. */
async function bundle(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "error",
    build: { write: false, minify: false, target: "es2022", lib: { entry, formats: ["es"], fileName: "engine" } },
  });
  const output: readonly (Rolldown.OutputChunk | Rolldown.OutputAsset)[] = (Array.isArray(built) ? built : [built]).flatMap(
    (part) => ("output" in part ? part.output : []),
  );
  const chunks = output.filter((part) => part.type === "chunk");
  const [chunk] = chunks;
  if (chunk === undefined || chunks.length !== 1) throw new Error(`the bundle has ${chunks.length} chunks; one was asked for`);
  if (chunk.imports.length > 0) throw new Error(`the engine imports ${chunk.imports.join(", ")}: it would not run in a browser`);
  return chunk.code;
}

const failures: string[] = [];
let passed = 0;
function check(what: string, holds: boolean, seen = ""): void {
  if (holds) passed += 1;
  else failures.push(`${what}${seen === "" ? "" : `: ${seen}`}`);
  console.log(`${holds ? "ok    " : "FAILED"}  ${what}`);
}

const code = await bundle();
const expected = trainAll();
const browser = await openBrowser();
try {
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  // an address of its own: the blank page may not start workers
  await page.route("http://engine.test/**", (route) =>
    route.fulfill({ contentType: "text/html", body: "<!doctype html><title>engine</title>" }),
  );
  await page.goto("http://engine.test/");
  const answers: Readonly<Record<"page" | "worker", readonly Answer[]>> = {
    page: await page.evaluate(async (source) => {
      const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      const { trainAll: train } = await import(address);
      return train();
    }, code),
    worker: await page.evaluate((source) => {
      const words = `${source}\nself.postMessage(trainAll());`;
      const worker = new Worker(URL.createObjectURL(new Blob([words], { type: "text/javascript" })), { type: "module" });
      return new Promise<readonly Answer[]>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      });
    }, code),
  };
  for (const [place, seen] of Object.entries(answers)) {
    check(`${place}: all learners answered`, seen.length === expected.length, `${seen.length} of ${expected.length}`);
    expected.forEach((of, index) => {
      const found = seen[index];
      const digest = (answer: Answer | undefined): string =>
        createHash("sha256")
          .update(Uint8Array.from(answer?.model ?? []))
          .digest("hex");
      check(
        `${place}: ${of.modelType} has the bytes that it has in Node`,
        found?.modelType === of.modelType && digest(found) === digest(of),
      );
      check(
        `${place}: ${of.modelType} predicts its new rows`,
        found !== undefined && found.accuracy > 0.8,
        String(found?.accuracy),
      );
    });
  }
  check("the page threw nothing", problems.length === 0, problems.join("; "));
} finally {
  await browser.close();
}
for (const failure of failures) console.log(`not ok: ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
