import { strict as assert } from "node:assert";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import type { Visit } from "./browser.ts";
import type { Report } from "./report.ts";
import { axeFindings, type ViewAddress, visitViews } from "./safety.ts";
import type { Server } from "./server.ts";

/** Each view light and dark, on a desktop and a phone, in both languages. */
const VISITS: readonly Required<Visit>[] = (["light", "dark"] as const).flatMap((colors) =>
  [false, true].flatMap((phone) => (["en-US", "pt-BR"] as const).map((locale) => ({ colors, phone, locale }))),
);

const AT_MOST_MS = 180_000;

/** A picture of each view, `FOLDER/VIEW-COLOURS-DEVICE-LANGUAGE.png`, in which axe-core and the width of the screen find nothing wrong. */
export async function lookAtViews(
  report: Report,
  browser: Browser,
  server: Server,
  views: readonly ViewAddress[],
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const look = async (visit: Required<Visit>): Promise<void> => {
    const { colors, phone, locale } = visit;
    const kind = `${colors}-${phone ? "phone" : "desktop"}-${locale.slice(0, 2)}`;
    const work = async (): Promise<void> => {
      const findings: string[] = [];
      const problems = await visitViews(browser, server, visit, views, async (page, { name }) => {
        await page.screenshot({ path: join(folder, `${name}-${kind}.png`), fullPage: true });
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (overflow > 1) findings.push(`${name}: ${overflow} px wider than the screen`);
        // the language changes words, not roles and colours
        if (locale === "en-US") for (const finding of await axeFindings(page)) findings.push(`${name}: ${finding}`);
      });
      assert.deepEqual([...findings, ...problems], []);
    };
    await report.check(`each view drawn and accessible: ${kind}`, work, AT_MOST_MS);
  };
  // two people at once: a browser waits more than it computes
  for (let first = 0; first < VISITS.length; first += 2) await Promise.all(VISITS.slice(first, first + 2).map(look));
}
