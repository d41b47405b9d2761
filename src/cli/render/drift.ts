import type { ShownDrift } from "../../loop/drift.ts";
import type { Terminal } from "../terminal.ts";
import { renderTable } from "./table.ts";
import { DASH } from "./values.ts";

const MOST_FEATURES = 12;

/** One line a specialist, then the features that drifted, the largest shift first. */
export function renderDrift(checks: readonly ShownDrift[], terminal: Terminal): string {
  const { red, green, dim, bold } = terminal.style;
  const tint = { drift: red, stable: green, unknown: dim };
  const table = renderTable(
    checks,
    [
      { title: "SPECIALIST", text: ({ specialist }) => specialist },
      { title: "STATE", text: ({ state }) => tint[state](state) },
      { title: "OPINIONS", align: "right", text: ({ rows }) => String(rows.current) },
      {
        title: "DRIFTED",
        align: "right",
        text: ({ features }) => (features.length === 0 ? DASH : `${driftedOf(features).length} of ${features.length}`),
      },
      { title: "WHY", shrinks: true, text: ({ why }) => why },
    ],
    terminal,
  );
  const details = checks.flatMap(({ specialist, features }) => {
    const drifted = driftedOf(features);
    if (drifted.length === 0) return [];
    return [
      "",
      bold(specialist),
      renderTable(
        drifted.slice(0, MOST_FEATURES),
        [
          { title: "  FEATURE", text: ({ feature }) => `  ${feature}` },
          { title: "PSI", align: "right", text: ({ psi }) => psi.toFixed(2) },
          { title: "TEST", text: ({ test }) => test },
          { title: "P", align: "right", text: ({ p_adjusted }) => p_adjusted.toPrecision(2) },
          { title: "MEAN BEFORE", align: "right", text: ({ mean }) => figure(mean.reference) },
          { title: "NOW", align: "right", text: ({ mean }) => figure(mean.current) },
          { title: "MISSING BEFORE", align: "right", text: ({ missing }) => percentOf(missing.reference) },
          { title: "NOW", align: "right", text: ({ missing }) => percentOf(missing.current) },
        ],
        terminal,
      ),
      ...(drifted.length > MOST_FEATURES ? [`  and ${drifted.length - MOST_FEATURES} more; --json has all`] : []),
    ];
  });
  return [table, ...details].join("\n");
}

const driftedOf = (features: ShownDrift["features"]): ShownDrift["features"] =>
  features.filter(({ drifted }) => drifted).sort((a, b) => b.psi - a.psi);
const figure = (value: number | null): string => (value === null ? DASH : String(Number(value.toPrecision(4))));
const percentOf = (share: number): string => `${(100 * share).toFixed(1)} %`;
