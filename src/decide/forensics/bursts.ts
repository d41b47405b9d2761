import { duration, plural, relation } from "../phrases.ts";
import { binomialTail } from "../special-functions.ts";
import { type Finding, FORENSIC_LIMITS, type LabelSource } from "./finding.ts";

/**
 * Judgements faster than reading: more gaps under 1.5 s between a reviewer's judgements than the 5 % that double clicks and retries are
 * granted. The rows at both ends of such gaps are named. Bulk imports carry no judging times and are left out.
 */
export function findBursts(source: LabelSource): Finding[] {
  const limits = FORENSIC_LIMITS.burst;
  const indices = source.indices.filter((index) => source.rows[index]?.tier !== "bulk");
  const fast = new Set<number>();
  let count = 0;
  for (let at = 1; at < indices.length; at++) {
    const [before, after] = [indices[at - 1] ?? 0, indices[at] ?? 0];
    if ((source.rows[after]?.submitted_at ?? 0) - (source.rows[before]?.submitted_at ?? 0) < limits.gapMs) {
      fast.add(before).add(after);
      count++;
    }
  }
  const gaps = indices.length - 1;
  const pValue = binomialTail(count, gaps, limits.honestShare);
  if (count < limits.leastGaps || pValue > limits.p) return [];
  const who = source.reviewer === null ? "The source" : `Reviewer ${source.reviewer}`;
  return [
    {
      code: "burst",
      effect: "demote",
      reviewer: source.reviewer,
      rows: [...fast].sort((a, b) => a - b),
      statistic: count / gaps,
      threshold: limits.honestShare,
      p_value: pValue,
      sentence: `${who} judged ${plural(count, "time")} within ${duration(limits.gapMs)} of the judgement before, faster than anyone reads a plan (p ${relation(pValue)}).`,
    },
  ];
}
