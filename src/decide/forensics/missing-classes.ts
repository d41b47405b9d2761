import { percent, thousandths } from "../phrases.ts";
import { type Finding, FORENSIC_LIMITS, type LabelRow } from "./finding.ts";

/** Classes that no row has although a class of 5 % would have shown by now. The model could never learn them. */
export function findMissingClasses(rows: readonly LabelRow[], classes: readonly string[]): Finding[] {
  const limits = FORENSIC_LIMITS.missingClass;
  const present = new Set(rows.map((row) => row.recommendation));
  const pValue = (1 - limits.share) ** rows.length;
  if (pValue > limits.p) return [];
  return classes
    .filter((name) => !present.has(name))
    .map((name) => ({
      code: "missing_class",
      effect: "warn",
      reviewer: null,
      rows: [],
      statistic: 0,
      threshold: limits.share,
      p_value: pValue,
      sentence: `Not one of ${rows.length} labels is ${name}; a class of ${percent(limits.share)} would be missing with a chance of ${thousandths(pValue)}. A model trained on them can never say ${name}.`,
    }));
}
