import { describe, expect, test } from "vitest";
import { cleanFeedback, cleanNote, cleanOpinion, WITHHELD } from "../../../src/loop/redact/documents.ts";
import { createRedactor, findPii, PII_KINDS, type PiiStrategy } from "../../../src/loop/redact.ts";
import { aFeedback, anOpinion } from "../../conformance/store-documents.ts";
import { CORPUS } from "./corpus.ts";
import { measure } from "./measure.ts";

const quiet = { log: () => undefined };
const replacing = { ...quiet, redact: createRedactor("replace", null) };
const breaking = {
  ...quiet,
  redact: () => {
    throw new Error("the detector fell over");
  },
};

describe("what is found in the corpus", () => {
  const rows = measure();
  test("every kind stands in it, in both languages, beside as many texts without any", () => {
    for (const { kind, marked } of rows) expect([kind, marked >= 5]).toEqual([kind, true]);
    for (const language of ["pt", "en"]) {
      const own = CORPUS.filter((sample) => sample.language === language);
      expect(own.filter(({ marked }) => marked.length > 0).length).toBeGreaterThanOrEqual(30);
      expect(own.filter(({ marked }) => marked.length === 0).length).toBeGreaterThanOrEqual(35);
    }
  });
  test("precision of every kind is at least 0.95, recall at least 0.9 of all", () => {
    for (const { kind, found, right } of rows) expect([kind, right / found >= 0.95]).toEqual([kind, true]);
    const all = rows.at(-1);
    expect((all?.right ?? 0) / (all?.marked ?? 1)).toBeGreaterThanOrEqual(0.9);
  });
  test("of every checksummed number, no single digit can be changed without the number being let go", () => {
    for (const { text, marked } of CORPUS)
      for (const { kind, words } of marked) {
        if (!["iban", "card", "cpf", "cnpj"].includes(kind)) continue;
        const at = words.search(/\d(?=\D*$)/);
        const wrong = words.slice(0, at) + ((Number(words[at]) + 1) % 10) + words.slice(at + 1);
        const found = findPii(text.replace(words, wrong)).filter((span) => span.kind === kind);
        expect(found.length, wrong).toBe(marked.filter((one) => one.kind === kind).length - 1);
      }
  });
});

describe("strategies", () => {
  const text = "João <joao@x.com.br>, CPF 529.982.247-25, de 200.147.3.157: aprovar";
  const by = (strategy: PiiStrategy, key: string | null = null) => createRedactor(strategy, key)(text).text;
  test("replace names the kind, mask keeps the form, redact says nothing, off changes nothing", () => {
    expect(by("replace")).toBe("João <[email]>, CPF [cpf], de [ip]: aprovar");
    expect(by("mask")).toBe("João <****@*.***.**>, CPF ***.***.***-**, de ***.***.*.***: aprovar");
    expect(by("redact")).toBe("João <[redacted]>, CPF [redacted], de [redacted]: aprovar");
    expect(by("off")).toBe(text);
  });
  test("hash gives one address one word under one key, however it is written, and needs a key", () => {
    const hash = (key: string, one: string) => createRedactor("hash", key)(one).text;
    expect(hash("k", "a joao@x.com b")).toMatch(/^a \[email:[0-9a-f]{16}\] b$/);
    expect(hash("k", "JOAO@X.com")).toBe(hash("k", "joao@x.com"));
    expect(hash("k", "52998224725")).toBe(hash("k", "529.982.247-25"));
    expect(hash("k", "joao@x.com")).not.toBe(hash("other", "joao@x.com"));
    for (const key of [null, ""]) expect(() => createRedactor("hash", key)).toThrow(/REQUEEN_PII_HASH_KEY/);
  });
  test("what a strategy wrote holds no personal data", () => {
    for (const strategy of ["replace", "mask", "hash", "redact"] as const) {
      const redact = createRedactor(strategy, "key");
      for (const sample of CORPUS) expect(findPii(redact(sample.text).text)).toEqual([]);
    }
  });
});

describe("documents", () => {
  test("notes, claims and extra fields are cleaned, names and ids are not", () => {
    const feedback = aFeedback("feedback-11144477735", "o", {
      reviewer: "ann@x.com",
      feedback_notes: "write to joe@x.com or (11) 98765-4321",
      extra: { customer_id: "529.982.247-25", comment: ["call", { deep: "joe@x.com" }] },
    });
    const clean = cleanFeedback(replacing, feedback);
    expect(clean).toMatchObject({
      feedback_id: "feedback-11144477735",
      feedback_notes: "write to [email] or [phone]",
      submitted_by: "ann@x.com",
      evidence: { reviewer: "ann@x.com" },
      extra: { customer_id: "529.982.247-25", comment: ["call", { deep: "[email]" }] },
      metadata: { pii_detected: true, pii_entities_count: 3, pii_entity_types: ["email", "phone"] },
    });
    const plain = aFeedback("f", "o", { feedback_notes: "looks right" });
    expect(cleanFeedback(replacing, plain)).toEqual(plain);
  });
  test("a detector that fails keeps the notes out, and the judgement in", () => {
    const feedback = aFeedback("f", "o", { feedback_notes: "write to joe@x.com", extra: { why: "joe@x.com" } });
    const clean = cleanFeedback(breaking, feedback);
    expect(clean).toMatchObject({
      feedback_notes: "",
      human_recommendation: feedback.human_recommendation,
      metadata: { notes_withheld: true },
      extra: { why: WITHHELD },
    });
    expect(JSON.stringify(clean)).not.toContain("joe");
    expect(cleanNote(breaking, "joe@x.com")).toBeNull();
  });
  test("of an opinion the texts of plan and judgement are cleaned, and the vector stays", () => {
    const opinion = anOpinion("o", {
      cognitive_plan: null,
      columns: { words: "joe@x.com" },
      opinion: { ...anOpinion("o").opinion, reasoning_summary: "asked joe@x.com", mitigations: [{ text: "tell joe@x.com" }] },
    });
    const clean = cleanOpinion(replacing, opinion);
    expect(clean.opinion).toMatchObject({ reasoning_summary: "asked [email]", mitigations: [{ text: "tell [email]" }] });
    expect([clean.features, clean.columns]).toEqual([opinion.features, opinion.columns]);
    expect(cleanOpinion(replacing, clean)).toEqual(clean);
  });
  test("a text longer than what is looked through is withheld", () => {
    expect(cleanNote(replacing, "x".repeat(1_000_001))).toBeNull();
    expect(cleanNote(replacing, "x".repeat(1_000_000))).toHaveLength(1_000_000);
  });
});

test("hostile texts: as many finds as there are, and the work grows with the length alone", () => {
  // patterns that bring a backtracking matcher to its knees, at the longest length that is looked through
  const size = 200_000;
  const hostile = [
    "a".repeat(size),
    `${"a.".repeat(size / 2)}@`,
    "@".repeat(size),
    "a@a.".repeat(size / 4),
    "1".repeat(size),
    "1 ".repeat(size / 2),
    "1-".repeat(size / 2),
    "(1".repeat(size / 2),
    "+1 (".repeat(size / 4),
    "1.".repeat(size / 2),
    "255.255.255.".repeat(size / 12),
    ":".repeat(size),
    "a:".repeat(size / 2),
    "GB29 ".repeat(size / 5),
    "AA00".repeat(size / 4),
    "0A".repeat(size / 2),
    `${"tel ".repeat(size / 4)}1234567`,
    "telefone: ".repeat(size / 10),
    `${"tel a ".repeat(5)}1234567 `.repeat(size / 40),
  ];
  for (const text of hostile) {
    const spans = findPii(text);
    expect(spans.length).toBeLessThanOrEqual(text.length / 5);
    spans.forEach(({ start, end, kind }, index) => {
      expect(PII_KINDS).toContain(kind);
      expect(start).toBeGreaterThanOrEqual(spans[index - 1]?.end ?? 0);
      expect(end).toBeGreaterThan(start);
    });
  }
});
