import { strict as assert } from "node:assert";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { openVisit, signIn, watchPage } from "./browser.ts";
import type { Report } from "./report.ts";
import { labelsOf } from "./review.ts";
import { call, type Server, startServer, tokenOf, until } from "./server.ts";

interface Status {
  readonly specialists: readonly { readonly specialist: string; readonly champion: { readonly version: string } | null }[];
}
const championOf = async (server: Server, specialist: string): Promise<string | undefined> =>
  (await call<Status>(server, "/status")).specialists.find((one) => one.specialist === specialist)?.champion?.version;

async function confirm(page: Page, reason: string): Promise<void> {
  const dialog = page.getByRole("dialog");
  await dialog.locator("textarea").fill(reason);
  await dialog.locator("button[type=submit]").click();
  await dialog.waitFor({ state: "detached" });
}

export async function operateScenarios(report: Report, browser: Browser, server: Server): Promise<void> {
  await report.check("an operator rolls back with a typed reason; the version carries a tombstone", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    const problems = watchPage(page);
    await signIn(page, await tokenOf("otto", ["ml_engineer"]));
    await page
      .getByRole("link", { name: /Verdict of/ })
      .nth(2)
      .click();
    await page.getByRole("button", { name: "Roll back" }).click();
    const dialog = page.getByRole("dialog");
    // without a reason nothing happens
    await dialog.locator("button[type=submit]").click();
    assert.equal(await dialog.count(), 1);
    await confirm(page, "rejects every database plan since noon");
    await until("the champion is version 1", async () => (await championOf(server, "business")) === "1");
    await page.goto("/models/business");
    await page.locator("table").getByText("rolled back", { exact: true }).first().waitFor();
    await page.locator("table").getByText("rejects every database plan since noon").first().waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  await report.check(
    "an operator starts a retraining, follows it live to its verdict, and promotes",
    async () => {
      const context = await openVisit(browser, server.url);
      const page = await context.newPage();
      const problems = watchPage(page);
      await signIn(page, await tokenOf("otto", ["ml_engineer"]), "/runs?specialist=business");
      await page.getByRole("button", { name: "Retrain" }).click();
      await page.getByRole("dialog").getByRole("checkbox").uncheck();
      await page.getByRole("dialog").locator("button[type=submit]").click();
      await page.waitForURL(/\/runs\/run-/);
      await page.locator(".steps [data-state=now]").waitFor();
      await page.locator(".sentence").waitFor({ timeout: 60_000 });
      const sentence = await page.locator(".sentence").innerText();
      assert.match(sentence, /rows/);
      await page.getByRole("button", { name: "Promote" }).click();
      await confirm(page, "checked on ten plans");
      await until("version 3 is in production", async () => (await championOf(server, "business")) === "3");
      await page.getByRole("button", { name: "Roll back" }).waitFor();
      assert.deepEqual(problems, []);
      await context.close();
    },
    90_000,
  );

  await report.check("the verdict recomputes byte for byte on the page, and another policy answers what if", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await signIn(page, await tokenOf("vera", ["viewer"]));
    await page
      .getByRole("link", { name: /Verdict of/ })
      .first()
      .click();
    await page.getByRole("button", { name: "What if" }).click();
    await page.getByRole("button", { name: "Recompute as it was" }).click();
    await page.getByText("the same, byte for byte").waitFor();
    await page.getByRole("dialog").getByRole("combobox").selectOption("original");
    await page.getByRole("button", { name: "Compute", exact: true }).click();
    await page.getByText("Under the policy original").waitFor();
    await context.close();
  });

  await report.check("the overview follows labels that arrive from elsewhere, without a reload", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await signIn(page, await tokenOf("vera", ["viewer"]));
    const tile = page.locator(".tiles dd").first();
    const before = await tile.innerText();
    await page.locator(".live[data-state=live]").waitFor();
    const reviewer = await tokenOf("ines", ["reviewer"]);
    const { review } = await call<{ review: { claim: { claim_id: string } } }>(server, "/review/next", {
      token: reviewer,
      body: { specialist: "business" },
    });
    await call(server, `/review/claims/${review.claim.claim_id}/submit`, { token: reviewer, body: { decision: "approve" } });
    await page.waitForFunction((old) => document.querySelector(".tiles dd")?.textContent !== old, before, { timeout: 20_000 });
    await context.close();
  });

  await report.check("tables leave as CSV, pictures as SVG and PNG", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await signIn(page, await tokenOf("vera", ["viewer"]));
    const take = async (button: ReturnType<Page["getByRole"]>): Promise<Buffer> => {
      const [file] = await Promise.all([page.waitForEvent("download"), button.click()]);
      return readFile(await file.path());
    };
    const csv = (await take(page.getByRole("button", { name: "Download Specialists as CSV" }))).toString("utf8");
    assert.equal(csv.trim().split("\r\n").length, 6);
    assert.match(csv, /^\uFEFFspecialist,state,/);
    await page
      .getByRole("link", { name: /Verdict of/ })
      .first()
      .click();
    const svg = (await take(page.getByRole("button", { name: /^Download roc-.* as SVG/ }))).toString("utf8");
    assert.match(svg, /^<svg[^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    assert.match(svg, /stroke="rgb/);
    const png = await take(page.getByRole("button", { name: /^Download roc-.* as PNG/ }));
    assert.deepEqual([...png.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
    await context.close();
  });

  await report.check("an expired session asks for a sign-in, says why, and leads back to where one was", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await signIn(page, await tokenOf("lia", ["viewer"], 4), "/runs");
    await page.waitForTimeout(4_500);
    // the tolerance for clocks does not lengthen a session
    await page.getByRole("link", { name: "Models" }).click();
    await page.getByText("Your session is over").waitFor();
    await page.locator("input[type=password]").fill(await tokenOf("lia", ["viewer"]));
    await page.locator("button[type=submit]").click();
    await page.getByRole("heading", { name: "Models", level: 1 }).waitFor();
    await context.close();
  });

  await report.check("a wrong token is refused in words; after signing out nothing is shown", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await page.goto("/models");
    await page.locator("input[type=password]").fill("no-such-token");
    await page.locator("button[type=submit]").click();
    await page.getByText("This token is not accepted").waitFor();
    await signIn(page, await tokenOf("lia", ["viewer"]), "/models");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.locator("input[type=password]").waitFor();
    await page.goto("/runs");
    await page.locator("input[type=password]").waitFor();
    await context.close();
  });

  await report.check("roles hide what one may not do, and the address of it says which permission is missing", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await signIn(page, await tokenOf("vera", ["viewer"]));
    const names = await page.locator("nav a").allInnerTexts();
    assert.deepEqual(names, ["Overview", "Runs", "Models", "Evidence", "Settings"]);
    for (const path of ["/review", "/audit", "/tokens"]) {
      await page.goto(path);
      await page.getByText("You may not see or do this").waitFor();
    }
    await page.goto("/");
    await page
      .getByRole("link", { name: /Verdict of/ })
      .first()
      .click();
    await page.locator(".sentence").waitFor();
    assert.equal(await page.getByRole("button", { name: "Roll back" }).count(), 0);
    await context.close();
  });

  await report.check("an API key is shown once, listed, and revoked", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await signIn(page, server.adminToken, "/tokens");
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByLabel("Name").fill("ci-runner");
    await page.getByRole("button", { name: "Make the key" }).click();
    const key = await page.locator(".secret").innerText();
    assert.match(key, /^rq_[0-9a-f]{16}_/);
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Revoke the key ci-runner" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke", exact: true }).click();
    await page.getByRole("button", { name: "Revoke the key ci-runner" }).waitFor({ state: "detached" });
    assert.ok(!(await page.content()).includes(key));
    await context.close();
  });
}

/** A server that goes away and comes back. Starts and ends servers of its own on the data of one that has ended. */
export async function outageScenario(report: Report, browser: Browser, dataDir: string): Promise<void> {
  await report.check(
    "a server that is gone: what was shown stays and says so; when it is back, the page goes on by itself",
    async () => {
      let server = await startServer(dataDir);
      const port = Number(new URL(server.url).port);
      const context = await openVisit(browser, server.url);
      try {
        const page = await context.newPage();
        await signIn(page, await tokenOf("vera", ["viewer"]));
        await page.locator(".tiles").waitFor();
        await server.stop();
        await page.getByRole("link", { name: "Models" }).click();
        await page.getByText("The server does not answer").first().waitFor();
        server = await startServer(dataDir, { port });
        await page.locator("table").first().waitFor({ timeout: 20_000 });
      } finally {
        await context.close();
        await server.stop();
      }
    },
  );
}

/** A team's own specialist over named columns, on a server where nothing has happened yet. */
export async function columnsScenario(report: Report, browser: Browser, dataDir: string): Promise<void> {
  const server = await startServer(dataDir, {
    config: join(import.meta.dirname, "../../../examples/tickets/requeen.config.yaml"),
  });
  await report.check("a new house: each view says what is not there yet and what brings it", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    const problems = watchPage(page);
    await signIn(page, server.adminToken);
    await page.getByText("none yet").waitFor();
    for (const [path, words] of [
      ["/runs", "No runs here yet"],
      ["/models", "No version is registered yet"],
      ["/review", "Nothing waits for you"],
      ["/tokens", "No API keys yet"],
      ["/evidence", "Not examined yet"],
      ["/runs/run-none", "There is nothing here"],
      ["/review/none", "There is nothing here"],
    ] as const) {
      await page.goto(path);
      await page.getByText(words).first().waitFor();
    }
    assert.deepEqual(problems, []);
    await context.close();
  });
  await report.check("a specialist of named columns shows them in a table and takes its own decisions", async () => {
    const { token } = await call<{ token: string }>(server, "/tokens", { body: { name: "desk", roles: ["program"] } });
    const columns = { words: 1_240, age_hours: 2.5, channel: "phone" };
    await call(server, "/specialists/ticket-triage/judge", { token, body: { columns, plan_id: "ticket-4711" } });
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await signIn(page, await tokenOf("rui", ["reviewer"]), "/review");
    await page.locator(".choice").first().waitFor();
    assert.deepEqual(await page.locator(".columns tr").allInnerTexts(), ["words\t1,240", "age_hours\t2.500", "channel\tphone"]);
    assert.deepEqual(await page.locator(".choice strong").allInnerTexts(), ["routine", "urgent"]);
    await page.keyboard.press("2");
    await page.locator(".comparison").waitFor();
    await until("the label is there", async () => (await labelsOf(server, "rui")).length === 1);
    await context.close();
  });
  await server.stop();
}
