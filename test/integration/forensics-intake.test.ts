import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readFindings } from "../../src/loop/findings.ts";
import { examineIntake } from "../../src/loop/forensics.ts";
import { specialistOf } from "../../src/loop/house.ts";
import { importFeedback } from "../../src/loop/import-documents.ts";
import { addFeedback } from "../../src/loop/intake.ts";
import { fabricateAutoFeedback } from "../../src/loop/simulate.ts";
import { readStatus } from "../../src/loop/status.ts";
import { watchOnce } from "../../src/loop/watch.ts";
import { anOpinion } from "../conformance/store-documents.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const NOW = Date.parse("2026-04-01T12:00:00.000Z");
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function aHouse(policy = "") {
  const folder = mkdtempSync(join(tmpdir(), "requeen-forensics-"));
  folders.push(folder);
  const opened = await openToyHouse(folder, () => NOW, policy);
  const opinions = Array.from({ length: 120 }, (_, index) =>
    anOpinion(`o-${index}`, {
      specialist_type: "toy",
      opinion: {
        ...anOpinion("x").opinion,
        recommendation: index % 3 === 0 ? "no" : "yes",
        confidence_score: 0.41 + ((index * 37) % 100) / 200,
      },
    }),
  );
  await opened.house.store.addOpinions(opinions);
  const given = opinions.map(({ opinion_id, opinion }) => ({
    opinionId: opinion_id,
    specialist: "toy",
    recommendation: opinion.recommendation,
    confidence: opinion.confidence_score ?? 0,
    traceId: null,
  }));
  const fabricated = fabricateAutoFeedback({ opinions: given, startMs: NOW - 86_400_000 });
  return { ...opened, fabricated };
}

async function* each<T>(items: readonly T[]) {
  yield* items;
}
const VOUCHED = { source: "a test", channel: "import_vouched", vouchedBy: "ben" } as const;
const tiersOf = async (house: Awaited<ReturnType<typeof aHouse>>["house"]) =>
  (await readFindings(house, "toy")).judgements_by_tier;

test("what the original auto job wrote falls at the end of its import, before any run; status and findings say why", async () => {
  const { house, fabricated, close } = await aHouse();
  expect(await importFeedback(house, each(fabricated), VOUCHED)).toMatchObject({ added: 120 });
  expect(await tiersOf(house)).toMatchObject({ bulk: 0, echo: 120 });
  const { intake } = await readFindings(house, "toy");
  expect(intake?.acted[0]).toMatchObject({ effect: "demote", rows: 120 });
  const [toy] = (await readStatus(house)).specialists;
  expect(toy).toMatchObject({ human_labels: 0, machine_labels: 120 });
  expect(toy?.findings.map(({ sentence }) => sentence).join(" ")).toMatch(/program wrote|repeat the model/);
  const { items } = await house.store.listAudit({ subject: "toy" }, { limit: 10 });
  expect(items).toMatchObject([{ actor: "forensics", action: "feedback.demote", details: { judgements: 120 } }]);
  await close();
});

test("sent one at a time, it falls when the server next looks around", async () => {
  const { house, fabricated, close } = await aHouse();
  for (const document of fabricated)
    await addFeedback(house, "person", [
      {
        opinionId: document.opinion_id,
        recommendation: document.human_recommendation,
        rating: document.human_rating,
        reviewer: "bot",
        submittedAtMs: NOW - 1_000,
      },
    ]);
  expect(await tiersOf(house)).toMatchObject({ informed: 120 });
  await watchOnce(house);
  expect(await tiersOf(house)).toMatchObject({ informed: 0, echo: 120 });
  expect(await examineIntake(house, specialistOf(house, "toy"), true)).toBeNull();
  await close();
});

test("a policy may leave the examination to the run, or only warn", async () => {
  const later = await aHouse("{ forensics: { at_intake: false } }");
  await importFeedback(later.house, each(later.fabricated), VOUCHED);
  expect(await tiersOf(later.house)).toMatchObject({ bulk: 120 });
  await later.close();

  const codes = ["echo", "always_agrees", "rating_rule", "quota", "blocks", "burst", "copies"];
  const effects = codes.map((code) => `${code}: warn`).join(", ");
  const warned = await aHouse(`{ forensics: { effects: { ${effects} } } }`);
  await importFeedback(warned.house, each(warned.fabricated), VOUCHED);
  expect(await tiersOf(warned.house)).toMatchObject({ bulk: 120, echo: 0 });
  const { intake } = await readFindings(warned.house, "toy");
  expect(intake?.suspected.length).toBeGreaterThan(0);
  expect(new Set(intake?.suspected.map(({ effect }) => effect))).toEqual(new Set(["warn"]));
  await warned.close();
});

test("honest labels stay, however often they are looked at", async () => {
  const { house, close } = await aHouse();
  for (let part = 0; part < 12; part += 1) {
    await addToyLabels(house, {
      from: 1_000 + part * 25,
      count: 25,
      noise: 0.2,
      startMs: NOW - 40 * 86_400_000 + part * 86_400_000,
    });
    await examineIntake(house, specialistOf(house, "toy"), true);
  }
  expect(await tiersOf(house)).toMatchObject({ blind: 300, echo: 0, rule: 0 });
  expect((await readStatus(house)).specialists[0]?.findings.filter(({ effect }) => effect !== "warn")).toEqual([]);
  await close();
});
