import type { Plan } from "../../core/plan.ts";
import type { DatasetCard } from "./dataset-card.ts";
import { type DescriptionScore, SCORE_PARTS, type ScoreParts } from "./description-score.ts";
import type { DuplicateIndex } from "./near-duplicates.ts";

/** The counting parts of a dataset card, the same for every generator. */
export function contentsOf(
  rows: readonly { readonly plan: Plan }[],
): Pick<DatasetCard, "domains" | "priorities" | "security_levels" | "tasks"> {
  const sizes = rows.map(({ plan }) => plan.tasks.length).sort((a, b) => a - b);
  const middle = sizes.length >> 1;
  const median = sizes.length % 2 === 1 ? sizes[middle] : ((sizes[middle - 1] ?? 0) + (sizes[middle] ?? 0)) / 2;
  return {
    domains: countNames(rows.map(({ plan }) => plan.original_domain)),
    priorities: countNames(rows.map(({ plan }) => plan.original_priority)),
    security_levels: countNames(rows.map(({ plan }) => plan.original_security_level)),
    tasks: { least: sizes[0] ?? 0, median: median ?? 0, most: sizes.at(-1) ?? 0 },
  };
}

/** Quotas, what they asked for in whole plans, and what was made of it. */
export const classCounts = (
  quotas: Readonly<Record<string, number>>,
  asked: readonly string[],
  rows: readonly { readonly decision: string }[],
): DatasetCard["classes"] =>
  Object.entries(quotas).map(([name, quota]) => ({
    name,
    quota,
    asked: asked.filter((decision) => decision === name).length,
    made: rows.filter((row) => row.decision === name).length,
  }));

/** Means over the plans that passed; 0 where none did. */
export function qualityOf(scores: readonly DescriptionScore[], asked: number): DatasetCard["quality"] {
  const mean = (value: (score: DescriptionScore) => number) =>
    scores.length > 0 ? Math.min(1, scores.reduce((sum, score) => sum + value(score), 0) / scores.length) : 0;
  const parts = Object.fromEntries(SCORE_PARTS.map((part) => [part, mean((score) => score.parts[part])])) as ScoreParts; // one for each part
  const least = scores.length > 0 ? scores.reduce((low, { score }) => Math.min(low, score), 1) : 0;
  return { asked, mean: mean(({ score }) => score), least, parts };
}

export function duplicatesOf(index: DuplicateIndex, limit: number): DatasetCard["duplicates"] {
  const { meanNearest, highestNearest } = index.summary();
  return { limit, mean_nearest: meanNearest, highest_nearest: highestNearest };
}

function countNames(names: readonly (string | null)[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name ?? "(none)", (counts.get(name ?? "(none)") ?? 0) + 1);
  return Object.fromEntries(counts);
}
