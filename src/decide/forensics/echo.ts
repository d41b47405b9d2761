import { percent, thousandths } from "../phrases.ts";
import { binomialTail } from "../special-functions.ts";
import { type Finding, FORENSIC_LIMITS, type LabelSource } from "./finding.ts";

/**
 * Labels that are the model's own output: the label equals the opinion's decision, or one fixed class below some confidence. Blind rows cannot
 * be echoes and are left out. Honest agreement is granted up to 95 %; the p-value is that of so much agreement under it, times the number of
 * rules tried.
 */
export function findEcho(source: LabelSource): Finding[] {
  const limits = FORENSIC_LIMITS.echo;
  const usable = source.indices.filter((index) => {
    const row = source.rows[index];
    return row !== undefined && row.tier !== "blind" && row.opinion_decision !== null;
  });
  const n = usable.length;
  if (n === 0) return [];
  const agreeing = usable.filter((index) => source.rows[index]?.recommendation === source.rows[index]?.opinion_decision);
  const plain = binomialTail(agreeing.length, n, limits.granted);
  if (agreeing.length / n >= limits.agreement && plain <= limits.p) {
    const who = source.reviewer === null ? "The labels" : `Reviewer ${source.reviewer}`;
    return [
      {
        code: source.reviewer === null ? "echo" : "always_agrees",
        effect: "demote",
        reviewer: source.reviewer,
        rows: usable.slice().sort((a, b) => a - b),
        statistic: agreeing.length / n,
        threshold: limits.agreement,
        p_value: plain,
        sentence: `${who} agreed with the model in ${agreeing.length} of ${n} cases (${percent(agreeing.length / n)}); even beside a very good model so much agreement has a chance of ${thousandths(plain)}. Such labels repeat the model.`,
      },
    ];
  }
  return thresholdEcho(source, usable);
}

/** The rule "the model's decision from confidence t on, one fixed class below it", over all t. */
function thresholdEcho(source: LabelSource, usable: readonly number[]): Finding[] {
  const limits = FORENSIC_LIMITS.echo;
  const known = usable.filter((index) => source.rows[index]?.opinion_confidence !== null);
  const n = known.length;
  if (n === 0) return [];
  const sorted = known
    .slice()
    .sort((a, b) => (source.rows[a]?.opinion_confidence ?? 0) - (source.rows[b]?.opinion_confidence ?? 0) || a - b);
  const agrees = (index: number): boolean => source.rows[index]?.recommendation === source.rows[index]?.opinion_decision;
  let above = sorted.filter(agrees).length;
  const below = new Map<string, number>();
  let best = { fits: 0, at: 0, label: "" };
  sorted.forEach((index, rank) => {
    const row = source.rows[index];
    if (row === undefined) return;
    if (agrees(index)) above--;
    below.set(row.recommendation, (below.get(row.recommendation) ?? 0) + 1);
    const next = source.rows[sorted[rank + 1] ?? -1];
    if (next?.opinion_confidence === row.opinion_confidence || next === undefined) return;
    for (const [label, count] of below) if (count + above > best.fits) best = { fits: count + above, at: rank, label };
  });
  // The band below the threshold must differ from plain agreement in earnest, and leave the model enough rows above it.
  const band = best.at + 1;
  if (n - band < n / 4) return [];
  const rulesTried = below.size * 2;
  const pValue = Math.min(1, rulesTried * binomialTail(best.fits, n, limits.granted));
  if (best.fits / n < limits.agreement || pValue > limits.p) return [];
  const limit = source.rows[sorted[band] ?? 0]?.opinion_confidence ?? 1;
  return [
    {
      code: "echo",
      effect: "demote",
      reviewer: source.reviewer,
      rows: known.slice().sort((a, b) => a - b),
      statistic: best.fits / n,
      threshold: limits.agreement,
      p_value: pValue,
      sentence: `${best.fits} of ${n} labels follow one rule: the model's own decision from confidence ${thousandths(limit)} on, ${best.label} below. Such labels repeat the model.`,
    },
  ];
}
