import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OpenedHouse, openHouse } from "../../src/cli/house.ts";
import { readConfig } from "../../src/config/read-config.ts";
import { readPlan } from "../../src/core/plan.ts";
import { specialistOf } from "../../src/loop/house.ts";
import { importFeedback, importOpinions } from "../../src/loop/import-documents.ts";
import { addFeedback } from "../../src/loop/intake.ts";
import { judge } from "../../src/loop/judge.ts";
import { showOpinion } from "../../src/loop/present.ts";
import { vectorOf } from "../../src/loop/vector.ts";

const folder = mkdtempSync(join(tmpdir(), "requeen-pii-"));
let opened: OpenedHouse;
beforeAll(async () => {
  const { config } = await readConfig({ workingDirectory: folder, environment: { REQUEEN_DATA_DIR: folder } });
  opened = await openHouse({ config, now: () => 1_780_000_000_000 });
});
afterAll(async () => {
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

const plan = readPlan({
  plan_id: "plan-1",
  tasks: [
    { task_id: "a", task_type: "query", description: "Buscar pedidos de joao@x.com.br", parameters: { to: "joao@x.com.br" } },
    { task_id: "b", task_type: "validate", description: "Validar o CPF 529.982.247-25", dependencies: ["a"] },
  ],
});

async function* each(...documents: unknown[]) {
  yield* documents;
}

test("a judged plan is stored without personal data, with the vector of the plan as it came", async () => {
  const [opinion] = await judge(opened.house, "business", [{ plan, opinionId: "opinion-1" }]);
  const stored = await opened.house.store.getOpinion("opinion-1");
  expect(stored?.cognitive_plan?.tasks).toMatchObject([
    { description: "Buscar pedidos de [email]", parameters: { to: "[email]" } },
    { description: "Validar o CPF [cpf]" },
  ]);
  expect(JSON.stringify([opinion, stored])).not.toMatch(/joao|529/);
  const vector = Array.from(vectorOf(specialistOf(opened.house, "business"), { plan }));
  expect(stored?.features?.values.map((value) => value ?? Number.NaN)).toEqual(vector);
});

test("imported documents are stored and quarantined without it; a second import finds the same", async () => {
  const [opinion] = await opened.house.store.getOpinions(["opinion-1"]);
  if (opinion === null) throw new Error("the opinion of the test before is not there");
  const external = { ...showOpinion(opinion), opinion_id: "opinion-2", state: "external", cognitive_plan: plan, features: null };
  const source = { source: "a test" };
  expect(await importOpinions(opened.house, each(external), source)).toMatchObject({ added: 1 });
  expect(await importOpinions(opened.house, each(external), source)).toMatchObject({ same: 1 });
  expect(JSON.stringify(await opened.house.store.getOpinion("opinion-2"))).not.toMatch(/joao|529/);

  const said = {
    opinion_id: "opinion-2",
    human_recommendation: "approve",
    submitted_by: "ana",
    submitted_at: "2026-05-01T00:00:00Z",
  };
  const options = { ...source, channel: "import", vouchedBy: null } as const;
  const notes = { ...said, feedback_notes: "confirmado com joao@x.com.br" };
  expect(await importFeedback(opened.house, each(notes), options)).toMatchObject({ added: 1 });
  expect(await importFeedback(opened.house, each(notes), options)).toMatchObject({ same: 1 });
  expect(await importFeedback(opened.house, each({ ...notes, opinion_id: "nobody" }), options)).toMatchObject({ quarantined: 1 });
  const [feedback, quarantine] = [
    await opened.house.store.listFeedback({}, { limit: 10 }),
    await opened.house.store.listQuarantine({}, { limit: 10 }),
  ];
  expect(feedback.items[0]?.feedback_notes).toBe("confirmado com [email]");
  expect(JSON.stringify([feedback, quarantine])).not.toContain("joao@");
});

test("when the detector fails, the judgement is stored without its notes and the answer says so", async () => {
  const broken = {
    ...opened.house,
    redact: () => {
      throw new Error("out of order");
    },
  };
  const judgement = {
    opinionId: "opinion-1",
    recommendation: "reject",
    rating: null,
    notes: "ask joao@x.com.br",
    reviewer: "ann",
  };
  const [answer] = await addFeedback(broken, "person", [judgement]);
  expect(answer).toMatchObject({ outcome: "added", notesWithheld: true });
  const { items } = await opened.house.store.listFeedback({ opinionId: "opinion-1" }, { limit: 10 });
  expect(items).toMatchObject([{ human_recommendation: "reject", feedback_notes: "", metadata: { notes_withheld: true } }]);
});
