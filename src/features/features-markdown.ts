import { FEATURE_CATALOG, type FeatureEntry, PLAN_SCHEMA_NAMES, type PlanSchemaName } from "./catalog.ts";

const ABOUT: Record<PlanSchemaName, string> = {
  "plan/1": "The original 26 names and formulas, in their order, without the random jitter. A value is never missing.",
  "plan/2":
    "The repaired set, and the default. Nothing is counted twice, an unknown value is missing (NaN in memory, null in JSON), and the domains and task types that production sends are known.",
};

/** docs/guide/features.md: every feature of every schema, from the catalog. */
export function featuresMarkdown(): string {
  const sections = PLAN_SCHEMA_NAMES.map((schema) => {
    const rows = FEATURE_CATALOG[schema].map((feature, index) => row(feature, index + 1));
    return [
      `## ${schema}: ${FEATURE_CATALOG[schema].length} features`,
      "",
      ABOUT[schema],
      "",
      "| # | name | formula | unit | range | kind | note |",
      "|---|---|---|---|---|---|---|",
      ...rows,
      "",
    ].join("\n");
  });
  return [
    "# Features of a plan",
    "",
    "A plan becomes a vector once, when it is judged; the vector is stored with the opinion and training reads it from there.",
    "The same plan gives the same vector on every machine. This page is generated from `src/features/catalog.ts`.",
    "",
    ...sections,
  ].join("\n");
}

function row({ name, formula, unit, range, kind, note }: FeatureEntry, number: number): string {
  const [low, high] = range;
  const bounds = `${low ?? "…"} to ${high ?? "…"}`;
  return `| ${[number, `\`${name}\``, formula, unit, bounds, kind, note].join(" | ")} |`;
}
