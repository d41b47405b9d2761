import { describe, expect, it } from "vitest";
import { readPlan } from "../../../src/core/plan.ts";
import { extractFeatures, PLAN_SCHEMA_NAMES } from "../../../src/features/index.ts";
import { hashWord, READ_UNITS, touchedFamilies, WORD_FAMILIES, wordsOf } from "../../../src/features/text.ts";

describe("wordsOf", () => {
  it("folds case and accents, in composed and decomposed form", () => {
    expect(wordsOf("Validação, VALIDAC\u0327A\u0303O validacao")).toEqual(["validacao", "validacao", "validacao"]);
  });

  it("splits at everything but letters and digits of any script", () => {
    expect(wordsOf("retry_2x: 数据 данные—πλάνο")).toEqual(["retry", "2x", "数据", "данные", "πλανο"]);
  });

  it("gives an ASCII text the words that it has beside a letter of another script", () => {
    const text = `Retry_2x: DROP table; ${"y".repeat(70)} e-mail 3.5`;
    expect([...wordsOf(text), "я"]).toEqual(wordsOf(`${text} Я`));
  });

  it("folds the capital I with a dot to one word", () => {
    expect(wordsOf("\u0130zmir")).toEqual(["izmir"]);
  });

  it("reads no more than its limit", () => {
    expect(wordsOf(`${"x ".repeat(READ_UNITS)}tail`)).toHaveLength(READ_UNITS / 2);
  });
});

describe("word lists", () => {
  it("are written the way wordsOf folds text, without repeats", () => {
    for (const [family, list] of Object.entries(WORD_FAMILIES)) {
      const words = list.split(" ");
      expect(wordsOf(list), family).toEqual(words);
      expect(new Set(words).size, family).toBe(words.length);
    }
  });

  it("match whole words only: install is not all, tokenise is not token", () => {
    expect(touchedFamilies(wordsOf("tokenise backupper"))).toEqual(new Set());
    expect(touchedFamilies(wordsOf("Token de acesso"))).toEqual(new Set(["security"]));
  });
});

describe("hashWord", () => {
  it("keeps its values, computed apart in Python: they are part of the schemas", () => {
    expect([hashWord("", 0), hashWord("plan", 1), hashWord("validação", 1)]).toEqual([2872998923, 1576618956, 3790508852]);
  });
});

const hostile = {
  "lone surrogates": "\ud800 broken \udfff pair",
  "a megabyte without a space": "a".repeat(1_000_000),
  "a megabyte of combining marks": "e\u0301".repeat(500_000),
  "control characters": "\u0000\u0007\u001b[31m\u202e",
  "emoji and family sequences": "👩‍👩‍👧‍👦 🚀".repeat(50),
  "names of object properties": "constructor __proto__ hasOwnProperty toString",
  "code and markup": "<script>alert(1)</script> {{constructor}} '; DROP TABLE plans; --",
  "right-to-left": "حذف قاعدة البيانات",
} as const;

describe.each(Object.entries(hostile))("a description of %s", (_, description) => {
  it.each(PLAN_SCHEMA_NAMES)("gives finite or missing values in %s, twice the same", (schema) => {
    const tasks = [
      { task_id: "a", task_type: description.slice(0, 200), description },
      { task_id: "b", task_type: "query", description, dependencies: ["a"] },
    ];
    const plan = readPlan({ plan_id: "p", tasks, original_domain: description.slice(0, 1000) });
    const vector = extractFeatures(schema, plan);
    expect([...vector].filter((value) => Math.abs(value) === Number.POSITIVE_INFINITY)).toEqual([]);
    expect(extractFeatures(schema, plan)).toEqual(vector);
  });
});

describe("large plans", () => {
  it.each(PLAN_SCHEMA_NAMES)("of 2,000 tasks are read in %s", (schema) => {
    const tasks = Array.from({ length: 2000 }, (_, place) => ({
      task_id: `t${place}`,
      task_type: "update",
      description: `Update part ${place} of the schema`,
      estimated_duration_ms: 1000,
      dependencies: [1, 2, 3, 50, 700].flatMap((back) => (place >= back ? `t${place - back}` : [])),
    }));
    const vector = extractFeatures(schema, readPlan({ plan_id: "p", tasks }));
    expect(vector[0]).toBe(2000);
  });
});
