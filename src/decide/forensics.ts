import { deriveSeed } from "../engine/seeded-random.ts";
import { findBursts } from "./forensics/bursts.ts";
import { findCopies } from "./forensics/copies.ts";
import { findEcho } from "./forensics/echo.ts";
import type { Finding, FindingEffect, ForensicsOptions, LabelRow, LabelSource } from "./forensics/finding.ts";
import { findMissingClasses } from "./forensics/missing-classes.ts";
import { findQuota } from "./forensics/quota.ts";
import { findRatingRule } from "./forensics/rating-rule.ts";

/**
 * Looks for labels that no person decided. Every reviewer with enough rows is a source, and so are all rows together. A finding names its
 * rows; several findings may name the same row (`worstEffects` joins them). Cost: O(rows log rows) per source, plus 200 permutations for
 * sources that look suspicious. Deterministic for a seed.
 */
export function examineLabels(rows: readonly LabelRow[], options: ForensicsOptions): Finding[] {
  const leastRows = options.leastRows ?? 20;
  const findings: Finding[] = [...findRepeats(rows)];
  const sources = labelSources(rows, options.seed);
  for (const source of sources) {
    if (source.indices.length < leastRows) continue;
    const whole = source.reviewer === null;
    findings.push(...findRatingRule(source), ...findEcho(source), ...findQuota(source));
    if (!whole || sources.length === 1) findings.push(...findBursts(source));
  }
  findings.push(...findCopies(rows), ...findMissingClasses(rows, options.classes));
  return withoutShadows(findings);
}

/** The strongest effect on each row over all findings: null = nothing found. @param count number of rows examined. */
export function worstEffects(findings: readonly Finding[], count: number): (FindingEffect | null)[] {
  const order: readonly FindingEffect[] = ["warn", "demote", "quarantine"];
  const effects = new Array<FindingEffect | null>(count).fill(null);
  for (const finding of findings) {
    for (const row of finding.rows) {
      const before = effects[row] ?? null;
      if (before === null || order.indexOf(finding.effect) > order.indexOf(before)) effects[row] = finding.effect;
    }
  }
  return effects;
}

/** Reviewers in order of first appearance, then all rows together if there is more than one reviewer. */
function labelSources(rows: readonly LabelRow[], seed: number): LabelSource[] {
  const byReviewer = new Map<string, number[]>();
  rows.forEach((row, index) => {
    const list = byReviewer.get(row.reviewer);
    if (list === undefined) byReviewer.set(row.reviewer, [index]);
    else list.push(index);
  });
  const inTime = (indices: number[]): number[] =>
    indices.sort((a, b) => (rows[a]?.submitted_at ?? 0) - (rows[b]?.submitted_at ?? 0) || a - b);
  const sources: LabelSource[] = [...byReviewer].map(([reviewer, indices], at) => ({
    reviewer,
    rows,
    indices: inTime(indices),
    seed: deriveSeed(seed, at),
  }));
  if (sources.length === 1) return sources;
  return [
    ...sources,
    { reviewer: null, rows, indices: inTime(rows.map((_, index) => index)), seed: deriveSeed(seed, sources.length) },
  ];
}

/** The same reviewer on the same opinion more than once: all but the newest are put aside. */
function findRepeats(rows: readonly LabelRow[]): Finding[] {
  // most opinions have one judgement: only of the others a key is made
  const first = new Map<string, number>();
  const newest = new Map<string, number>();
  const keyOf = (row: LabelRow): string => JSON.stringify([row.reviewer, row.opinion_id]);
  const older: number[] = [];
  rows.forEach((row, index) => {
    const earlier = first.get(row.opinion_id);
    if (earlier === undefined) {
      first.set(row.opinion_id, index);
      return;
    }
    const own = rows[earlier];
    if (own !== undefined && !newest.has(keyOf(own))) newest.set(keyOf(own), earlier);
    const key = keyOf(row);
    const before = newest.get(key);
    if (before === undefined) {
      newest.set(key, index);
      return;
    }
    const stays = (rows[before]?.submitted_at ?? 0) > row.submitted_at ? before : index;
    older.push(stays === before ? index : before);
    newest.set(key, stays);
  });
  if (older.length === 0) return [];
  older.sort((a, b) => a - b);
  return [
    {
      code: "repeats",
      effect: "quarantine",
      reviewer: null,
      rows: older,
      statistic: older.length,
      threshold: 0,
      p_value: null,
      sentence: `${older.length} judgements repeat an opinion that the same reviewer had already judged; only the newest of each counts.`,
    },
  ];
}

/** A finding over all rows that only repeats what reviewers' own findings of the same code already name is left out. */
function withoutShadows(findings: readonly Finding[]): Finding[] {
  return findings.filter((finding) => {
    if (finding.reviewer !== null) return true;
    const named = new Set(
      findings.flatMap((other) =>
        other !== finding && other.reviewer !== null && other.code === finding.code ? other.rows : [],
      ),
    );
    return named.size === 0 || finding.rows.some((row) => !named.has(row));
  });
}
