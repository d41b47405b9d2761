import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type Clause, REVIEWER_RULES, SIMULATED_SPECIALISTS } from "../../../src/loop/simulate.ts";

const rows = SIMULATED_SPECIALISTS.flatMap((specialist) => {
  const clauses: readonly Clause[] = REVIEWER_RULES[specialist];
  return clauses.map(
    ({ feature, is, limit, decision, because }, place) =>
      `| ${place === 0 ? specialist : ""} | \`${feature}\` is ${is} ${limit.toLocaleString("en-US")} | ${decision} | ${because} |`,
  );
});
const table = ["| specialist | if | then | because |", "|---|---|---|---|", ...rows].join("\n");

it("examples/hive/README.md states the rules that the reviewers follow", () => {
  const readme = readFileSync(new URL("../../../examples/hive/README.md", import.meta.url), "utf8");
  expect(readme).toContain(`<!-- rules: generated from REVIEWER_RULES; a test compares -->\n${table}\n<!-- end of rules -->`);
});
