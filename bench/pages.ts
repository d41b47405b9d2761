import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { openHouse } from "../src/cli/house.ts";
import { readConfig } from "../src/config/read-config.ts";
import { SeededRandom } from "../src/engine/index.ts";
import { importFeedback, importOpinions } from "../src/loop/import-documents.ts";
import { openBrowser, openVisit, signIn } from "../test/interop/pages/browser.ts";
import { judgePlans, makeHive, startServer, tokenOf } from "../test/interop/pages/server.ts";
import { againstBudget, type BenchRow, median, printRows } from "./table.ts";

/**
 * The pages in Chromium against a real server: size of what the first view loads, time to the first view with 5 specialists and 100,000
 * judgements, one step of a review, and scrolling through 100,000 rows. `--rows N` takes fewer.
 */
const flags = process.argv.slice(2);
const total = Number(flags[flags.indexOf("--rows") + 1] ?? 100_000) || 100_000;
const NAMES = ["architecture", "behavior", "business", "evolution", "technical"];
const CLASSES = ["approve", "reject", "review_required", "conditional"];
const KIB = 1_024;

// the pages as the sources are now, not as they were built last
execFileSync(process.execPath, [join(import.meta.dirname, "..", "scripts", "build-web.ts"), "--if-stale"], {
  stdio: ["ignore", 2, 2],
});
const rows: BenchRow[] = [];
const dataDir = await makeHive();
const browser = await openBrowser();
try {
  await fill(dataDir);
  rows.push(againstBudget("first bundle, gzipped", "KiB", firstBundleBytes() / KIB, 200));
  const server = await startServer(dataDir);
  try {
    await judgePlans(server, "business", 30, 88);
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await signIn(page, server.adminToken);
    const views: number[] = [];
    for (let turn = 0; turn < 7; turn += 1) views.push(await firstView(page));
    rows.push(againstBudget(`first view, ${total} judgements`, "ms", median(views), 1_000));
    rows.push(againstBudget(`scrolling ${total} rows: median frame`, "ms", ...(await scrollAudit(page))));
    await context.close();

    const desk = await openVisit(browser, server.url);
    const review = await desk.newPage();
    await signIn(review, await tokenOf("bench", ["reviewer"]), "/review?specialist=business");
    const { decided, next } = await reviewSteps(review);
    rows.push(againstBudget("review: key to the model's opinion", "ms", decided, 100));
    rows.push(againstBudget("review: Enter to the next plan", "ms", next, 100));
    await desk.close();
  } finally {
    await server.stop();
  }
} finally {
  await browser.close();
  await rm(dataDir, { recursive: true, force: true });
}
printRows(rows, flags.includes("--json"));

/** Judgements of three people on opinions of five specialists, and as many entries of the audit log. */
async function fill(folder: string): Promise<void> {
  const { config } = await readConfig({ workingDirectory: folder, environment: { REQUEEN_DATA_DIR: folder } });
  const opened = await openHouse({ config, now: Date.now });
  const { house } = opened;
  const random = new SeededRandom(5);
  const startMs = Date.now() - 60 * 86_400_000;
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)] as Item;
  const ids = Array.from({ length: total }, (_, index) => ({ opinion_id: `bench-${index}`, plan_id: `bench-plan-${index}` }));
  async function* opinions(): AsyncGenerator<unknown> {
    for (const [index, id] of ids.entries())
      yield {
        schema_version: "3.0.0",
        ...id,
        intent_id: null,
        specialist_type: NAMES[index % NAMES.length],
        specialist_version: "1",
        correlation_id: null,
        trace_id: null,
        span_id: null,
        evaluated_at: new Date(startMs + index * 40_000).toISOString(),
        processing_time_ms: 3,
        opinion: { recommendation: pick(CLASSES), confidence_score: 0.5 + random.next() / 2, risk_score: random.next() },
        state: "external",
        cognitive_plan: null,
        columns: null,
        features: null,
        model: null,
        probabilities: null,
        group: id.plan_id,
      };
  }
  async function* judgements(): AsyncGenerator<unknown> {
    for (const [index, { opinion_id }] of ids.entries())
      yield {
        opinion_id,
        human_recommendation: pick(CLASSES),
        human_rating: 0.5,
        feedback_notes: "",
        submitted_by: pick(["ana", "bea", "caio"]),
        submitted_at: new Date(startMs + index * 40_000 + 9_000).toISOString(),
      };
  }
  const imported = await importOpinions(house, opinions(), { source: "bench" });
  const judged = await importFeedback(house, judgements(), {
    source: "bench",
    channel: "person",
    vouchedBy: null,
    examine: false,
  });
  for (let first = 0; first < total; first += 1_000)
    await house.store.appendAudit(
      Array.from({ length: Math.min(1_000, total - first) }, (_, index) => ({
        at: startMs + (first + index) * 1_000,
        actor: "bench",
        action: "bench.entry",
        subject: NAMES[index % NAMES.length] ?? "",
        details: { number: first + index },
      })),
    );
  if (imported.added !== total || judged.added !== total)
    throw new Error(`only ${imported.added} opinions and ${judged.added} judgements of ${total} were stored`);
  await opened.close();
}

/** What index.html names, and the file of the overview with what it imports. */
function firstBundleBytes(): number {
  const web = join(import.meta.dirname, "../dist/web");
  const html = readFileSync(join(web, "index.html"), "utf8");
  const seen = new Set([...html.matchAll(/\/assets\/([\w.-]+)/g)].map(([, name]) => name ?? ""));
  const overview = readdirSync(join(web, "assets")).find((name) => name.startsWith("overview-") && name.endsWith(".js"));
  const visit = (name: string): void => {
    seen.add(name);
    for (const [, inner = ""] of readFileSync(join(web, "assets", name), "utf8").matchAll(/from\s*["'`]\.\/([\w.-]+)["'`]/g))
      if (!seen.has(inner)) visit(inner);
  };
  if (overview !== undefined) visit(overview);
  return [...seen].reduce((sum, name) => sum + gzipSync(readFileSync(join(web, "assets", name))).length, gzipSync(html).length);
}

async function firstView(page: Page): Promise<number> {
  const begin = performance.now();
  await page.goto("/", { waitUntil: "commit" });
  await page.locator("tbody tr").nth(4).waitFor();
  return performance.now() - begin;
}

/** The median of each kind of step, as the page itself sees it: from the key to the change on the screen. */
async function reviewSteps(page: Page): Promise<{ decided: number; next: number }> {
  const times: { decided: number[]; next: number[] } = { decided: [], next: [] };
  const press = (key: string, appears: string): Promise<number> =>
    page.evaluate(
      ([pressed, wanted]) =>
        new Promise<number>((resolve) => {
          const begin = performance.now();
          const look = (): void => {
            if (document.querySelector(wanted) === null) requestAnimationFrame(look);
            else resolve(performance.now() - begin);
          };
          document.dispatchEvent(new KeyboardEvent("keydown", { key: pressed, bubbles: true }));
          look();
        }),
      [key, appears] as const,
    );
  for (let turn = 0; turn < 12; turn += 1) {
    await page.locator(".choice").first().waitFor();
    await page.waitForTimeout(300); // a reader takes at least as long
    times.decided.push(await press(String((turn % 4) + 1), ".comparison .opinion"));
    await page.waitForTimeout(300);
    times.next.push(await press("ArrowRight", ".choice"));
  }
  return { decided: median(times.decided), next: median(times.next) };
}

/** @returns the median frame while the list runs past, milliseconds, and the frame that looks smooth. */
async function scrollAudit(page: Page): Promise<[number, number]> {
  await page.goto("/audit");
  const frame = page.locator(".table-frame.long");
  await frame.waitFor();
  // to the end, page by page, until all rows are here
  for (;;) {
    const shown = await page.locator("[role=table]").getAttribute("aria-rowcount");
    if (Number(shown) > total) break;
    await frame.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await page.waitForTimeout(20);
  }
  const frames = await frame.evaluate(
    (element) =>
      new Promise<number[]>((resolve) => {
        const taken: number[] = [];
        let last = performance.now();
        const step = (now: number): void => {
          taken.push(now - last);
          last = now;
          element.scrollTo(0, (taken.length / 200) * element.scrollHeight);
          if (taken.length < 200) requestAnimationFrame(step);
          else resolve(taken.slice(1));
        };
        element.scrollTo(0, 0);
        requestAnimationFrame(step);
      }),
  );
  return [median(frames), 34];
}
