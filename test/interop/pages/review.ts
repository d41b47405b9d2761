import { strict as assert } from "node:assert";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { openVisit, signIn, watchPage } from "./browser.ts";
import type { Report } from "./report.ts";
import { call, judgePlans, type Server, tokenOf, until } from "./server.ts";

interface Feedback {
  readonly feedback_id: string;
  readonly human_recommendation: string;
  readonly feedback_notes: string;
  readonly submitted_by: string;
  readonly state: string;
  readonly evidence: { readonly tier: string };
}

/** What the store holds of a reviewer. */
export async function labelsOf(server: Server, reviewer: string): Promise<readonly Feedback[]> {
  const { feedback } = await call<{ feedback: readonly Feedback[] }>(
    server,
    `/feedback?reviewer=${encodeURIComponent(reviewer)}&limit=200`,
  );
  return feedback;
}

const decisionButtons = (page: Page) => page.locator(".choice");
export const waitForItem = (page: Page): Promise<void> => decisionButtons(page).first().waitFor();
const planOf = (page: Page): Promise<string> => page.locator("#review-item code").innerText();

/** Judges what waits for evolution, but for one new plan, which is held. @returns what lets go of it: the only item that waits then */
async function holdOneItem(server: Server, seed: number): Promise<() => Promise<void>> {
  type Next = { review: { claim: { claim_id: string; plan_id: string } } | null };
  await judgePlans(server, "evolution", 1, seed);
  const token = await tokenOf(`drain-${seed}`, ["reviewer"]);
  const held: string[] = [];
  for (;;) {
    const { review } = await call<Next>(server, "/review/next", { token, body: { specialist: "evolution" } });
    if (review === null) break;
    const { claim_id, plan_id } = review.claim;
    if (plan_id.startsWith(`sim-${seed}`)) held.push(claim_id);
    else await call(server, `/review/claims/${claim_id}/submit`, { token, body: { decision: "approve" } });
  }
  assert.equal(held.length, 1);
  return async () => void (await call(server, `/review/claims/${held[0]}/release`, { method: "POST", token }));
}

export async function reviewScenarios(report: Report, browser: Browser, server: Server): Promise<void> {
  await judgePlans(server, "business", 30, 41);

  await report.check("a reviewer judges ten plans by keyboard alone, blind, and each is one blind label", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    const problems = watchPage(page);
    await signIn(page, await tokenOf("ana", ["reviewer"]), "/review?specialist=business");
    const seen = new Set<string>();
    for (let number = 0; number < 10; number += 1) {
      await waitForItem(page);
      assert.equal(await page.locator(".opinion").count(), 0, "the opinion must not be there before the decision");
      seen.add(await planOf(page));
      await page.keyboard.press(String((number % 4) + 1));
      await page.locator(".comparison .opinion").waitFor();
      await page.keyboard.press("Enter");
      await page.locator(".comparison").waitFor({ state: "detached" });
    }
    assert.equal(seen.size, 10);
    const labels = await labelsOf(server, "ana");
    assert.equal(labels.length, 10);
    assert.deepEqual([...new Set(labels.map(({ evidence }) => evidence.tier))], ["blind"]);
    await page.getByText("10 decisions today").waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  await report.check(
    "notes, undo, skip with a reason and the help work by keyboard; keys do nothing while somebody types",
    async () => {
      const context = await openVisit(browser, server.url);
      const page = await context.newPage();
      await signIn(page, await tokenOf("bea", ["reviewer"]), "/review?specialist=business");
      await waitForItem(page);
      await page.keyboard.press("?");
      await page.getByRole("dialog").getByText("How to review").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const first = await planOf(page);
      await page.keyboard.press("n");
      await page.keyboard.type("12 s u: clear enough");
      assert.equal(await planOf(page), first);
      await page.keyboard.press("Escape");
      await page.keyboard.press("2");
      await page.locator(".comparison .opinion").waitFor();
      await page.keyboard.press("u");
      await waitForItem(page);
      assert.equal(await planOf(page), first);
      await page.keyboard.press("1");
      await page.locator(".comparison .opinion").waitFor();
      await page.keyboard.press("Enter");
      await waitForItem(page);
      const second = await planOf(page);
      await page.keyboard.press("s");
      await page.getByRole("dialog").getByLabel("In words").fill("too long for today");
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.waitForFunction((plan) => document.querySelector("#review-item code")?.textContent !== plan, second);
      const labels = await labelsOf(server, "bea");
      const current = labels.filter(({ state }) => state === "current");
      assert.equal(current.length, 1);
      // seen by the first answer: the second one is no blind label any more
      assert.equal(current[0]?.evidence.tier, "informed");
      assert.ok(labels.some(({ state, feedback_notes }) => state === "retracted" && feedback_notes.includes("clear enough")));
      await context.close();
    },
  );

  await report.check("without network the decision is kept, survives a reload, and arrives once", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await signIn(page, await tokenOf("caio", ["reviewer"]), "/review?specialist=business");
    await waitForItem(page);
    await context.setOffline(true);
    await page.keyboard.press("1");
    await page.getByText("Kept in this browser").first().waitFor();
    await page.getByText("1 decision waits in this browser").waitFor();
    assert.equal((await labelsOf(server, "caio")).length, 0);
    await context.setOffline(false);
    await page.reload();
    await until("the decision arrives", async () => (await labelsOf(server, "caio")).length === 1);
    await page.getByText("1 decision waits in this browser").waitFor({ state: "detached" });
    await page.waitForTimeout(3_500);
    assert.equal((await labelsOf(server, "caio")).length, 1);
    await context.close();
  });

  await report.check("a store that is away for writing (503) keeps the decision in the browser until it is back", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    const answers: number[] = [];
    page.on("response", (response) => {
      if (response.url().endsWith("/submit")) answers.push(response.status());
    });
    await signIn(page, await tokenOf("duda", ["reviewer"]), "/review?specialist=business");
    await waitForItem(page);
    const store = new DatabaseSync(join(server.dataDir, "requeen.db"));
    store.exec("BEGIN IMMEDIATE");
    try {
      await page.keyboard.press("1");
      await page.getByText("Kept in this browser").first().waitFor({ timeout: 30_000 });
    } finally {
      store.exec("ROLLBACK");
      store.close();
    }
    await page.locator(".comparison .opinion").waitFor();
    assert.ok(answers.includes(503), `answers were ${answers.join(", ")}`);
    assert.equal((await labelsOf(server, "duda")).length, 1);
    await context.close();
  });

  await report.check("two reviewers who race for one item: one gets it, the other is told that nothing waits", async () => {
    const letGo = await holdOneItem(server, 77);
    const contexts = await Promise.all(["edu", "flor"].map(() => openVisit(browser, server.url)));
    const pages = await Promise.all(contexts.map((context) => context.newPage()));
    for (const [index, page] of pages.entries()) await signIn(page, await tokenOf(index === 0 ? "edu" : "flor", ["reviewer"]));
    await letGo();
    await Promise.all(pages.map((page) => page.goto("/review?specialist=evolution")));
    await Promise.all(pages.map((page) => page.locator(".choice, .state h2").first().waitFor()));
    const got = await Promise.all(pages.map((page) => decisionButtons(page).count()));
    assert.deepEqual(
      got.toSorted((a, b) => a - b),
      [0, 4],
    );
    const [loser] = pages.filter((_, index) => got[index] === 0);
    await loser?.getByText("Nothing waits for you").waitFor();
    await Promise.all(contexts.map((context) => context.close()));
  });

  await report.check("whoever changes the mode with one item left is given that item again", async () => {
    const letGo = await holdOneItem(server, 78);
    await letGo();
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await signIn(page, await tokenOf("hugo", ["reviewer"]), "/review?specialist=evolution");
    await waitForItem(page);
    // what goes back takes its time
    await page.route("**/release", async (route) => {
      await pause(1_000);
      await route.continue();
    });
    await page.getByRole("radio", { name: "informed" }).check({ force: true });
    await page.locator(".decision .opinion").waitFor();
    await context.close();
  });

  await report.check("informed mode shows the opinion first and takes a rating; the label is informed", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    await signIn(page, await tokenOf("gil", ["reviewer"]), "/review?specialist=business&mode=informed");
    await page.locator(".decision .opinion").waitFor();
    await page.getByRole("radio", { name: "good" }).check({ force: true });
    await page.keyboard.press("3");
    await page.locator(".comparison").waitFor();
    await until("the label is there", async () => (await labelsOf(server, "gil")).length === 1);
    assert.equal((await labelsOf(server, "gil"))[0]?.evidence.tier, "informed");
    await context.close();
  });

  await report.check("the page holds the token nowhere: neither in storage nor in a cookie that scripts see", async () => {
    const context = await openVisit(browser, server.url);
    const page = await context.newPage();
    const token = await tokenOf("hugo", ["reviewer"]);
    await signIn(page, token, "/review");
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.ok(!kept.includes(token) && !kept.includes("session"), kept);
    const [cookie] = (await context.cookies()).filter(({ name }) => name.includes("session"));
    assert.equal(cookie?.httpOnly, true);
    assert.equal(cookie?.sameSite, "Strict");
    await context.close();
  });
}
