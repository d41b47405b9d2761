import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openHouse } from "../../src/cli/house.ts";
import { readConfig } from "../../src/config/read-config.ts";
import { judgeByRule, RULE_REVIEWER } from "../../src/loop/auto-feedback.ts";
import { judge } from "../../src/loop/judge.ts";
import { simulatePlans } from "../../src/loop/simulate/plans.ts";
import { viewTrigger } from "../../src/loop/trigger.ts";

test("a rule's labels have tier rule, count for nothing and come once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "requeen-auto-"));
  const { config } = await readConfig({ workingDirectory: folder, environment: { REQUEEN_DATA_DIR: folder } });
  const { house, close } = await openHouse({ config, now: () => Date.UTC(2026, 1, 8) });
  const plans = simulatePlans({ count: 120, seed: 7 });
  await judge(
    house,
    "technical",
    plans.map((plan) => ({ plan, opinionId: `opinion-${plan.plan_id}` })),
  );
  expect(await judgeByRule(house, "technical", 1_000)).toMatchObject({ looked_at: 120, added: 120, same: 0, no_rule: null });
  expect(await judgeByRule(house, "technical", 1_000)).toMatchObject({ added: 0, same: 120 });
  const { items } = await house.store.listFeedback({ specialist: "technical" }, { limit: 200 });
  expect(new Set(items.map(({ evidence }) => `${evidence.tier} ${evidence.reviewer}`))).toEqual(
    new Set([`rule ${RULE_REVIEWER}`]),
  );
  expect(new Set(items.map(({ human_recommendation }) => human_recommendation)).size).toBeGreaterThan(1);
  const specialist = house.specialists.find(({ name }) => name === "technical");
  if (specialist === undefined) throw new Error("no specialist technical");
  const view = await viewTrigger(house, specialist);
  expect([view.newLabels, view.counts.human, view.decision.state]).toEqual([0, 0, "WAIT"]);
  await close();
  rmSync(folder, { recursive: true });
});
