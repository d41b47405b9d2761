import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { openVisit, signIn, type Visit, watchPage } from "./browser.ts";
import type { Report } from "./report.ts";
import { waitForItem } from "./review.ts";
import { call, judgePlans, type Server, tokenOf } from "./server.ts";

const HOSTILE = `<img src=x onerror="window.__hit=1"><script>window.__hit=1</script><b>bold</b>{{7*7}}\${window.__hit=1}`;

/** What ran, or became an element, although it is a text. */
const damage = (page: Page): Promise<string[]> =>
  page.evaluate(() => [
    ...("__hit" in window ? ["a script ran"] : []),
    ...[...document.querySelectorAll("img[src=x], script:not([src]), b")].map((element) => element.outerHTML),
  ]);

export async function safetyScenarios(report: Report, browser: Browser, server: Server): Promise<void> {
  await report.check("script injection in every text of a plan, a note, a reason and a name stays text", async () => {
    await judgePlans(server, "technical", 1, 66, (plan) => ({
      ...plan,
      plan_id: `evil-${HOSTILE}`,
      original_domain: HOSTILE,
      original_priority: HOSTILE,
      original_security_level: HOSTILE,
      reasoning_summary: HOSTILE,
      risk_matrix: { [HOSTILE]: 0.5 },
      is_destructive: true,
      destructive_tasks: [HOSTILE],
      tasks: plan.tasks.map((task) => ({ ...task, description: HOSTILE, required_capabilities: [HOSTILE] })),
    }));
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    const problems = watchPage(page);
    await signIn(page, await tokenOf(`eve-${HOSTILE}`, ["reviewer", "ml_engineer", "admin"]), "/review?specialist=technical");
    for (let tries = 0; ; tries += 1) {
      await waitForItem(page);
      if ((await page.locator("#review-item code").innerText()).startsWith("evil-")) break;
      assert.ok(tries < 30, "the hostile plan did not come");
      await page.keyboard.press("s");
      await page.getByRole("dialog").getByLabel("In words").fill(HOSTILE);
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.waitForTimeout(100);
    }
    await page.locator(".dag text").first().waitFor();
    assert.deepEqual(await damage(page), []);
    assert.ok((await page.locator(".task-text").first().innerText()).includes("<img src=x"));
    await page.locator("#review-notes").fill(HOSTILE);
    await page.locator(".choice").first().click();
    await page.locator(".comparison").waitFor();
    assert.deepEqual(await damage(page), []);
    await call(server, "/specialists/technical/rollback", { body: { reason: HOSTILE } });
    for (const path of [
      "/",
      "/models/technical",
      "/audit",
      "/evidence/technical",
      `/review?specialist=${encodeURIComponent(HOSTILE)}`,
      `/runs/${encodeURIComponent(HOSTILE)}`,
    ]) {
      await page.goto(path);
      await page.locator("#main h1, #main .state").first().waitFor();
      await page.waitForTimeout(500);
      assert.deepEqual(await damage(page), [], path);
    }
    assert.deepEqual(problems, []);
    await context.close();
  });

  await report.check("the pages' headers: no inline script, no frame, no other host; hashed files are immutable", async () => {
    const answer = await fetch(server.url, { headers: { accept: "text/html" } });
    const policy = answer.headers.get("content-security-policy") ?? "";
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ])
      assert.ok(policy.includes(part), part);
    assert.ok(!/unsafe|\*|https?:/.test(policy), policy);
    const html = await answer.text();
    assert.ok(!/<script(?![^>]*\bsrc=)|\son\w+=|<style|style=/.test(html), html);
    const [script = ""] = /\/assets\/[^"]+\.js/.exec(html) ?? [];
    const file = await fetch(server.url + script);
    assert.match(file.headers.get("cache-control") ?? "", /immutable/);
    // which only React's development form speaks of
    assert.ok(!(await file.text()).includes("React DevTools"), "the pages must be built for production");
    for (const path of [
      "/assets/../index.html",
      "/assets/%2e%2e/index.html",
      "/assets/..%2f..%2fpackage.json",
      "/assets/none.js",
    ])
      assert.equal((await fetch(server.url + path)).status, 404, path);
  });

  await report.check("a browser without the session's header, or a page of another site, changes nothing", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await signIn(page, await tokenOf("otto", ["ml_engineer"]));
    const status = await page.evaluate(async () => {
      const answer = await fetch("/api/v1/specialists/architecture/rollback", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ reason: "forged" }),
      });
      return answer.status;
    });
    assert.ok([401, 403].includes(status), `the answer was ${status}`);
    await context.close();
  });
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Serious and critical findings of axe-core, WCAG 2.2 A and AA. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate<AxeResults>(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })",
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} (${help}): ${target.join(" ")}: ${failureSummary}`),
    );
}

export interface ViewAddress {
  readonly name: string;
  readonly path: string;
  /** Drawn when the view is whole. */
  readonly ready: string;
}

/** Every view by its address, with the ids of this server's data. */
export async function addressesOf(server: Server): Promise<readonly ViewAddress[]> {
  const { runs } = await call<{ runs: readonly { run_id: string; specialist: string; verdict: object | null }[] }>(
    server,
    "/runs?limit=50",
  );
  const run = runs.find(({ specialist, verdict }) => specialist === "architecture" && verdict !== null);
  return [
    { name: "overview", path: "/", ready: ".tiles" },
    { name: "review", path: "/review?specialist=business", ready: ".choice" },
    { name: "review-informed", path: "/review?specialist=business&mode=informed", ready: ".opinion" },
    { name: "runs", path: "/runs", ready: ".long-row[aria-rowindex]" },
    { name: "run", path: `/runs/${run?.run_id}`, ready: ".figure-grid .chart" },
    { name: "models", path: "/models", ready: ".timeline" },
    { name: "model", path: "/models/architecture/2", ready: ".lineage" },
    { name: "evidence", path: "/evidence/business", ready: ".figure-grid .chart" },
    { name: "audit", path: "/audit", ready: ".long-row[aria-rowindex]" },
    { name: "settings", path: "/settings", ready: ".card" },
    { name: "tokens", path: "/tokens", ready: ".state, table" },
    { name: "missing", path: "/runs/run-none", ready: ".state" },
  ];
}

/** Each visit is a person of its own, who has seen nothing yet. */
let visitors = 0;

export async function visitViews(
  browser: Browser,
  server: Server,
  visit: Visit,
  views: readonly ViewAddress[],
  use: (page: Page, view: ViewAddress) => Promise<void>,
): Promise<string[]> {
  const context = await openVisit(browser, server.url, visit);
  const page = await context.newPage();
  const problems = watchPage(page);
  await page.goto("/");
  await page.locator("input[type=password]").waitFor();
  await use(page, { name: "sign-in", path: "/", ready: "form" });
  visitors += 1;
  await signIn(page, await tokenOf(`visitor-${visitors}`, ["admin"]));
  for (const view of views) {
    await page.goto(view.path);
    await page.locator(view.ready).first().waitFor();
    await page.waitForFunction(() => document.querySelector(".loading, .dag-waiting") === null);
    await use(page, view);
  }
  await context.close();
  return problems;
}
