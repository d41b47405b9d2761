import { join } from "node:path";
import { expect, test } from "vitest";
import { cliPage } from "../../../scripts/docs/cli-page.ts";
import { configPage } from "../../../scripts/docs/config-page.ts";
import { errorsPage } from "../../../scripts/docs/errors-page.ts";
import { findStalePages } from "../../../scripts/docs/stale-pages.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { ERRORS } from "../../../src/core/errors.ts";

test("the generated pages in docs/ are what the sources say now", async () => {
  const stale = await findStalePages(join(import.meta.dirname, "..", "..", ".."));
  expect(stale.map(({ path }) => path)).toEqual([]);
});

test("a page that is not there is stale", async () => {
  expect((await findStalePages("/nonexistent")).length).toBeGreaterThan(2);
});

test("every error, every command and every configuration key has its line", async () => {
  for (const code of Object.keys(ERRORS)) expect(errorsPage()).toContain(`\`${code}\``);
  const cli = await cliPage();
  for (const name of Object.keys(COMMANDS)) expect(cli).toContain(`## requeen ${name}`);
  const config = configPage();
  for (const key of ["dataDir", "server.port", "overrides.triggerThreshold", "features.columns", "improvement.promote_at"]) {
    expect(config).toContain(`| \`${key}\` |`);
  }
});
