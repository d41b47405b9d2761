import type { Verdict } from "../../../src/core/verdict.ts";
import type { Language } from "../i18n/text.tsx";

/** The verdict in one sentence. English is the server's own; in other languages it is put together from the same figures. */
export function verdictSentence(verdict: Verdict, { locale, t, format }: Pick<Language, "locale" | "t" | "format">): string {
  if (locale === "en") return verdict.headline;
  const { decision, rows, pairs, differences } = verdict;
  const accuracy = differences?.accuracy ?? null;
  const measured =
    accuracy === null
      ? t("sentence.first", { count: rows.count })
      : t("sentence.compared", {
          count: rows.count,
          wins: pairs.challenger_only,
          losses: pairs.champion_only,
          change: format.points(accuracy.value),
          low: format.points(accuracy.low),
          high: format.points(accuracy.high),
          level: format.percent(accuracy.level, 0),
        });
  return `${t(`verdict.${decision}`)}: ${measured} ${t(`sentence.${decision}`)}`;
}
