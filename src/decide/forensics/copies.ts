import { relation } from "../phrases.ts";
import { binomialTail } from "../special-functions.ts";
import { type Finding, FORENSIC_LIMITS, type LabelRow } from "./finding.ts";

/** Opinions judged by more reviewers than this are compared for the first of them only, so that the cost stays linear. */
const MOST_REVIEWERS = 20;

/**
 * Two reviewers with the same label and the same rating on the same opinions, more often than two honest people who agree on the label would
 * choose the same rating. The later judgement of each pair is named.
 */
export function findCopies(rows: readonly LabelRow[]): Finding[] {
  const limits = FORENSIC_LIMITS.copies;
  const byOpinion = new Map<string, number[]>();
  rows.forEach((row, index) => {
    const list = byOpinion.get(row.opinion_id);
    if (list === undefined) byOpinion.set(row.opinion_id, [index]);
    else if (list.length < MOST_REVIEWERS) list.push(index);
  });
  const pairs = new Map<string, { shared: number; same: number[]; names: readonly [string, string] }>();
  for (const list of byOpinion.values()) {
    for (let a = 0; a < list.length; a++) {
      for (let b = a + 1; b < list.length; b++) comparePair(rows, list[a] ?? 0, list[b] ?? 0, pairs);
    }
  }
  if (pairs.size === 0) return [];
  const chance = ratingCollision(rows);
  return [...pairs.values()].flatMap(({ shared, same, names }): Finding[] => {
    if (shared < limits.leastShared) return [];
    const pValue = binomialTail(same.length, shared, chance) * pairs.size;
    if (pValue > limits.p) return [];
    return [
      {
        code: "copies",
        effect: "demote",
        reviewer: null,
        rows: same.slice().sort((x, y) => x - y),
        statistic: same.length / shared,
        threshold: chance,
        p_value: Math.min(1, pValue),
        sentence: `${names[0]} and ${names[1]} gave the same label and the same rating on ${same.length} of ${shared} opinions; two people who agree would on about ${Math.round(shared * chance)} (p ${relation(pValue)}). One copies the other.`,
      },
    ];
  });
}

function comparePair(
  rows: readonly LabelRow[],
  first: number,
  second: number,
  pairs: Map<string, { shared: number; same: number[]; names: readonly [string, string] }>,
): void {
  const [a, b] = [rows[first], rows[second]];
  if (a === undefined || b === undefined || a.reviewer === b.reviewer || a.rating === null || b.rating === null) return;
  const names: [string, string] = a.reviewer < b.reviewer ? [a.reviewer, b.reviewer] : [b.reviewer, a.reviewer];
  const key = JSON.stringify(names);
  const pair = pairs.get(key) ?? { shared: 0, same: [], names };
  pair.shared++;
  if (a.recommendation === b.recommendation && a.rating === b.rating)
    pair.same.push(b.submitted_at >= a.submitted_at ? second : first);
  pairs.set(key, pair);
}

/** Largest chance, over label and agreement, that two ratings of the same kind are equal: the honest collision rate. */
function ratingCollision(rows: readonly LabelRow[]): number {
  const kinds = new Map<string, Map<number, number>>();
  for (const row of rows) {
    if (row.rating === null) continue;
    const kind = JSON.stringify([row.recommendation, row.recommendation === row.opinion_decision]);
    const counts = kinds.get(kind) ?? new Map<number, number>();
    counts.set(row.rating, (counts.get(row.rating) ?? 0) + 1);
    kinds.set(kind, counts);
  }
  let most = 0;
  for (const counts of kinds.values()) {
    let total = 0;
    for (const count of counts.values()) total += count;
    if (total < 10) continue;
    let equal = 0;
    for (const count of counts.values()) equal += (count / total) ** 2;
    most = Math.max(most, equal);
  }
  return Math.min(0.999, Math.max(most, 0.05));
}
