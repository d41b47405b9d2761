import { describe, expect, test } from "vitest";
import { en } from "../../../web/src/i18n/en.ts";
import { formatFor } from "../../../web/src/i18n/format.ts";
import { glossaryEn } from "../../../web/src/i18n/glossary-en.ts";
import { glossaryPt } from "../../../web/src/i18n/glossary-pt.ts";
import { ptBr } from "../../../web/src/i18n/pt-br.ts";
import { chooseLocale, translate } from "../../../web/src/i18n/translate.ts";

const placeholders = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();

describe("texts of the pages", () => {
  test("each text has the same values in both languages, and none is empty", () => {
    expect(Object.keys(ptBr)).toEqual(Object.keys(en));
    for (const [key, text] of Object.entries(en)) {
      const other = ptBr[key as keyof typeof en];
      expect(other.trim(), key).not.toBe("");
      expect(placeholders(other), key).toEqual(placeholders(text));
    }
    expect(Object.keys(glossaryPt)).toEqual(Object.keys(glossaryEn));
  });

  test("each counted text has a form for one and one for the others", () => {
    const stems = Object.keys(en).flatMap((key) => (/\.(one|other)$/.test(key) ? [key.replace(/\.(one|other)$/, "")] : []));
    for (const stem of new Set(stems)) expect([`${stem}.one` in en, `${stem}.other` in en], stem).toEqual([true, true]);
  });

  test("numbers choose the form and are written in the way of the language", () => {
    expect(translate(en, "en", "table.rows", { count: 1 })).toBe("1 row");
    expect(translate(en, "en", "table.rows", { count: 100_000 })).toBe("100,000 rows");
    expect(translate(ptBr, "pt-BR", "table.rows", { count: 1_000_000 })).toBe("1.000.000 linhas");
    expect(translate(en, "en", "state.request", { code: "{id}", id: "7" })).toBe("Code {id}, request 7");
  });

  test("the browser's first language of ours decides; any other reads English", () => {
    expect(chooseLocale(["de-DE", "pt-PT", "en"])).toBe("pt-BR");
    expect(chooseLocale(["en-GB", "pt-BR"])).toBe("en");
    expect(chooseLocale(["de"])).toBe("en");
  });

  test("what is absent is a dash, never a nought", () => {
    const format = formatFor("en");
    expect([format.percent(null), format.points(undefined), format.duration(Number.NaN)]).toEqual(["–", "–", "–"]);
    expect(format.points(0.229)).toBe("+22.9");
    expect(formatFor("pt-BR").percent(0.915)).toBe("91,5%");
  });
});
