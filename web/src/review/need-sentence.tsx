import type { ReactNode } from "react";
import type { ReviewSummary, SpecialistSummary } from "../../../src/loop/review.ts";
import { type Language, useLanguage } from "../i18n/text.tsx";

/** "34 more labels decide business; about 12 minutes". Null: there are enough. */
export function needOf(need: SpecialistSummary, { t }: Pick<Language, "t">): string | null {
  const decides = need.labels_to_decide ?? 0;
  const count = decides > 0 ? decides : need.labels_to_next_run;
  if (count === 0) return null;
  const values = { count, specialist: need.specialist };
  const what = decides > 0 ? "need.decide" : "need.run";
  return need.minutes === null
    ? t(what, values)
    : t(`${what}-minutes`, { ...values, minutes: Math.max(1, Math.round(need.minutes)) });
}

/** Of the wished specialist, else of the one that needs fewest. */
export function NeedSentence(props: {
  readonly summary: ReviewSummary | undefined;
  readonly specialist: string | null;
}): ReactNode {
  const language = useLanguage();
  const { summary, specialist } = props;
  if (summary === undefined) return <p className="lead"> </p>;
  const left = (one: SpecialistSummary): number => one.labels_to_decide || one.labels_to_next_run;
  const [closest] = summary.specialists
    .filter((one) => left(one) > 0 && (specialist === null ? one.waiting > 0 : one.specialist === specialist))
    .sort((a, b) => left(a) - left(b));
  const sentence = closest === undefined ? null : needOf(closest, language);
  return <p className="lead">{sentence ?? language.t("review.waiting-items", { count: summary.waiting })}</p>;
}
