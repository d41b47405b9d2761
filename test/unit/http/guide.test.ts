import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readConfig } from "../../../src/config/read-config.ts";
import { ROLES } from "../../../src/core/identity.ts";
import { REFUSALS } from "../../../src/http/auth/refusal.ts";

const guide = readFileSync(new URL("../../../docs/guide/access.md", import.meta.url), "utf8");
const section = (title: string): string => guide.split(`## ${title}\n`)[1]?.split("\n## ")[0] ?? "";
const rows = (title: string): string[] => section(title).match(/^\| `.*$/gm) ?? [];

test("the guide's table of roles is the one in force", () => {
  expect(rows("Roles")).toEqual(
    Object.entries(ROLES).map(([role, { of, may, meaning }]) => `| \`${role}\` | ${of} | ${may.join(", ")} | ${meaning} |`),
  );
});

test("the guide names every reason of a refusal", () => {
  expect(rows("Why a token does not open")).toEqual(
    Object.entries(REFUSALS).map(([reason, meaning]) => `| \`${reason}\` | ${meaning} |`),
  );
});

test("the guide's configurations are accepted", async () => {
  const folder = mkdtempSync(join(tmpdir(), "requeen-guide-"));
  const examples = [...guide.matchAll(/```yaml\n([^`]*)```/g)].map(([, yaml = ""]) => yaml);
  expect(examples).toHaveLength(2);
  for (const yaml of examples) {
    writeFileSync(join(folder, "requeen.config.yaml"), yaml);
    const { config } = await readConfig({ workingDirectory: folder, environment: {} });
    expect(Object.keys(config.auth.roles)).not.toHaveLength(0);
  }
  rmSync(folder, { recursive: true });
});
