import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

/** Debian's Chromium, without what it would ask of hosts that are not there. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--force-color-profile=srgb",
    ],
  });

export interface Visit {
  readonly locale?: "en-US" | "pt-BR";
  readonly colors?: "light" | "dark";
  readonly phone?: boolean;
}

/** One person's browser: own cookies, own storage. */
export const openVisit = (browser: Browser, url: string, visit: Visit = {}): Promise<BrowserContext> =>
  browser.newContext({
    baseURL: url,
    locale: visit.locale ?? "en-US",
    colorScheme: visit.colors ?? "light",
    viewport: visit.phone ? { width: 390, height: 844 } : { width: 1360, height: 900 },
    hasTouch: visit.phone ?? false,
    reducedMotion: "reduce",
  });

/** What a page must not do: a bug's exception, or something that the content security policy had to stop. */
export function watchPage(page: Page): string[] {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
  page.on("console", (message) => {
    // 401 before a sign-in and the like are told as errors by the browser itself
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      problems.push(`console: ${message.text()}`);
  });
  return problems;
}

export async function signIn(page: Page, token: string, path = "/"): Promise<void> {
  await page.goto(path);
  await page.locator("input[type=password]").fill(token);
  await page.locator("button[type=submit]").click();
  await page.locator("#main h1").first().waitFor();
}
