import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { queries } from "../api/queries.ts";
import { useLanguage } from "../i18n/text.tsx";
import { Answer } from "../parts/states.tsx";

/** What the run wrote down, oldest first; in the words of the server. */
export function RunLog({ runId }: { readonly runId: string }): ReactNode {
  const { t, format } = useLanguage();
  const log = useQuery(queries.log(runId));
  return (
    <section className="card">
      <h2>{t("run.log")}</h2>
      <Answer query={log}>
        {({ lines }) => (
          <ol className="log" lang="en">
            {lines.map((line, index) => (
              // lines are only added at the end
              // biome-ignore lint/suspicious/noArrayIndexKey: see above
              <li key={index}>
                <time dateTime={line.at}>{format.clock(line.at)}</time>
                <span>{line.text}</span>
                {line.details !== null && (
                  <details>
                    <summary>{line.event}</summary>
                    <pre>{JSON.stringify(line.details, null, 2)}</pre>
                  </details>
                )}
              </li>
            ))}
          </ol>
        )}
      </Answer>
    </section>
  );
}
