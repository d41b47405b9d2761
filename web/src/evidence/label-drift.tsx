import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { ShownFeedback } from "../../../src/loop/present.ts";
import { ask } from "../api/http.ts";
import type { List } from "../api/queries.ts";
import { Figure } from "../charts/figure.tsx";
import { StackedWeeks } from "../charts/stacked-weeks.tsx";
import { useLanguage } from "../i18n/text.tsx";
import { useClassName } from "../parts/decision.tsx";
import { Answer } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";
import { labelsByWeek } from "./labels-by-week.ts";

const NEWEST = 1_000;

/** How people's decisions change over time: the share of each class, week by week, of the newest labels. */
export function LabelDrift({ specialist }: { readonly specialist: string }): ReactNode {
  const { t, format } = useLanguage();
  const label = useClassName();
  const feedback = useQuery({
    queryKey: ["feedback", specialist],
    queryFn: ({ signal }) =>
      ask<List<"feedback", ShownFeedback>>("/feedback", { query: { specialist, state: "current", limit: NEWEST }, signal }),
  });
  return (
    <Answer query={feedback}>
      {({ feedback: items }) => {
        const { classes, weeks } = labelsByWeek(items);
        if (weeks.length === 0) return <p className="faint">{t("drift.empty")}</p>;
        return (
          <Figure
            title={<Term name="drift">{t("drift.title")}</Term>}
            name={`${specialist}-labels-by-week`}
            note={t("drift.note", { count: items.length })}
            legend={
              <ul className="legend">
                {classes.map((name, index) => (
                  <li key={name}>
                    <span className="legend-mark" data-class={index} />
                    {label(name)}
                  </li>
                ))}
              </ul>
            }
          >
            <StackedWeeks weeks={weeks} classes={classes} label={t("drift.title")} day={format.day} />
          </Figure>
        );
      }}
    </Answer>
  );
}
