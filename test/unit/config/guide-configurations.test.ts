import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readConfig } from "../../../src/config/read-config.ts";
import { configSchema } from "../../../src/config/schema.ts";

/** Every configuration that the README and the guide show is one that Requeen reads: people copy them. */
const root = join(import.meta.dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "requeen-guide-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pages = [
  "README.md",
  ...readdirSync(join(root, "docs/guide"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/guide/${name}`),
];

/** A block whose first key is one of the configuration's; others belong to Prometheus, Helm or the inside of a specialist. */
const shown = pages.flatMap((page) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^( *)```yaml\n([\s\S]*?)^\1```$/gm)].flatMap(
    ([, indent = "", text = ""]) => {
      const block = text.replaceAll(new RegExp(`^${indent}`, "gm"), "");
      const first = /^([A-Za-z]+):/m.exec(block)?.[1] ?? "";
      return Object.hasOwn(configSchema.shape, first) ? [{ page, first, block }] : [];
    },
  ),
);

test.each(shown)("$page: $first", async ({ block }) => {
  const file = join(folder, "requeen.config.yaml");
  writeFileSync(file, block);
  await expect(readConfig({ workingDirectory: folder, environment: {} })).resolves.toMatchObject({});
});

test("there are several, in the README too", () => {
  expect(shown.length).toBeGreaterThanOrEqual(6);
  expect(shown.map(({ page }) => page)).toContain("README.md");
});
