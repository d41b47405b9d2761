import { RequeenError } from "../core/errors.ts";
import { duration, percent, plural } from "./phrases.ts";
import { checkColumns } from "./quality-columns.ts";
import { QUALITY_LIMITS, type QualityCheck, type QualityInput, type QualityReport } from "./quality-report.ts";

/**
 * What must hold before training starts. A failed check of effect `block` ends the run with its sentence; an unreadable input is an error, so the
 * checks fail closed. Against the original's checks (original-system.md 2.6, 2.7): redundant columns, outliers and rare classes warn instead of
 * blocking, since its own features could never pass; a class without rows counts as rare; times are numbers and cannot be of two kinds.
 * @throws bad_data when columns, labels and times differ in length.
 */
export function checkQuality(input: QualityInput): QualityReport {
  const n = input.labels.length;
  if (
    input.timesMs.length !== n ||
    input.columns.some((column) => column.length !== n) ||
    input.columns.length !== input.featureNames.length
  ) {
    const lengths = [...new Set([input.timesMs.length, ...input.columns.map((column) => column.length)])].join(", ");
    throw new RequeenError(
      "bad_data",
      `columns and times must have one value for each of ${n} labels, and one name a column; got lengths ${lengths}`,
    );
  }
  const checks = [
    rowCount(input),
    schema(input),
    ...classChecks(input),
    ...timeChecks(input),
    groups(input),
    ...checkColumns(input),
  ];
  const blocking = checks.filter((check) => !check.passed && check.effect === "block").length;
  const warnings = checks.filter((check) => !check.passed && check.effect === "warn").length;
  return { schema: "quality/1", rows: n, passed: blocking === 0, blocking, warnings, checks };
}

function rowCount({ labels, policy }: QualityInput): QualityCheck {
  const asked = policy.evidence.min_training_rows;
  return {
    code: "row_count",
    effect: "block",
    passed: labels.length >= asked,
    value: labels.length,
    threshold: asked,
    subjects: [],
    sentence: `${plural(labels.length, "labelled row")}; the policy asks for ${asked}.`,
  };
}

function schema({ featureNames, expectedNames }: QualityInput): QualityCheck {
  const missing = expectedNames.filter((name) => !featureNames.includes(name));
  const unknown = featureNames.filter((name) => !expectedNames.includes(name));
  const ordered = missing.length + unknown.length > 0 || expectedNames.every((name, at) => featureNames[at] === name);
  const problem = [
    ...(missing.length > 0 ? [`without ${missing.slice(0, 5).join(", ")}`] : []),
    ...(unknown.length > 0 ? [`with unknown ${unknown.slice(0, 5).join(", ")}`] : []),
    ...(ordered ? [] : ["in another order"]),
  ];
  return {
    code: "schema",
    effect: "block",
    passed: problem.length === 0,
    value: missing.length + unknown.length,
    threshold: 0,
    subjects: [...missing, ...unknown],
    sentence:
      problem.length === 0
        ? `All ${plural(expectedNames.length, "column")} are as the schema asks.`
        : `The columns are ${problem.join(" and ")}.`,
  };
}

function classChecks({ labels, classes, championShares }: QualityInput): QualityCheck[] {
  const counts = new Float64Array(classes.length);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  const total = Math.max(1, labels.length);
  const shares = classes.map((_, k) => (counts[k] ?? 0) / total);
  const present = classes.filter((_, k) => (counts[k] ?? 0) > 0);
  const rare = classes.filter((_, k) => (shares[k] ?? 0) < QUALITY_LIMITS.classShareLow);
  const most = Math.max(...shares);
  const largest = classes[shares.indexOf(most)] ?? "";
  const shown = (names: readonly string[]): string =>
    names.map((name) => `${name} ${percent(shares[classes.indexOf(name)] ?? 0)}`).join(", ");
  const checks: QualityCheck[] = [
    {
      code: "one_class",
      effect: "block",
      passed: present.length >= 2,
      value: present.length,
      threshold: 2,
      subjects: present,
      sentence:
        present.length >= 2
          ? `${present.length} of ${classes.length} classes occur.`
          : `All labels are ${present[0] ?? "missing"}; there is nothing to learn.`,
    },
    {
      code: "rare_class",
      effect: "warn",
      passed: rare.length === 0,
      value: Math.min(...shares),
      threshold: QUALITY_LIMITS.classShareLow,
      subjects: rare,
      sentence:
        rare.length === 0
          ? `Every class has at least ${percent(QUALITY_LIMITS.classShareLow)} of the labels.`
          : `Rare or missing: ${shown(rare)}. The model will hardly name these classes; ask for such cases in the review queue.`,
    },
    {
      code: "dominant_class",
      effect: "warn",
      passed: most <= QUALITY_LIMITS.classShareHigh,
      value: most,
      threshold: QUALITY_LIMITS.classShareHigh,
      subjects: [largest],
      sentence: `${shown([largest])} of the labels is the largest class${most <= QUALITY_LIMITS.classShareHigh ? "" : "; always naming it is hard to beat"}.`,
    },
  ];
  if (championShares === undefined || championShares === null) return checks;
  const shifts = shares.map((share, k) => Math.abs(share - (championShares[k] ?? 0)));
  const shift = Math.max(...shifts);
  const moved = classes[shifts.indexOf(shift)] ?? "";
  checks.push({
    code: "class_shift",
    effect: "warn",
    passed: shift <= QUALITY_LIMITS.classShareShift,
    value: shift,
    threshold: QUALITY_LIMITS.classShareShift,
    subjects: [moved],
    sentence: `Against the champion's dataset the share of ${moved} moved most, by ${percent(shift)} of the rows.`,
  });
  return checks;
}

function timeChecks({ timesMs, nowMs }: QualityInput): QualityCheck[] {
  let future = 0;
  let first = Infinity;
  let last = -Infinity;
  for (const time of timesMs) {
    if (!(time <= nowMs)) future++;
    first = Math.min(first, time);
    last = Math.max(last, time);
  }
  const span = Math.max(0, last - first);
  return [
    {
      code: "future",
      effect: "block",
      passed: future <= QUALITY_LIMITS.future,
      value: future,
      threshold: QUALITY_LIMITS.future,
      subjects: [],
      sentence:
        future === 0
          ? "No row lies in the future."
          : `${plural(future, "row")} ${future === 1 ? "lies" : "lie"} in the future or ${future === 1 ? "has" : "have"} no time: a clock is wrong.`,
    },
    {
      code: "span",
      effect: "warn",
      passed: span >= QUALITY_LIMITS.spanMs,
      value: span,
      threshold: QUALITY_LIMITS.spanMs,
      subjects: [],
      sentence: `The rows span ${duration(span)}${span >= QUALITY_LIMITS.spanMs ? "" : "; a model of one moment may not last"}.`,
    },
  ];
}

function groups({ sharedGroups = 0 }: QualityInput): QualityCheck {
  return {
    code: "group_leak",
    effect: "block",
    passed: sharedGroups === 0,
    value: sharedGroups,
    threshold: 0,
    subjects: [],
    sentence:
      sharedGroups === 0
        ? "No group is on both sides of the split."
        : `${plural(sharedGroups, "group")} stand in training and gate alike.`,
  };
}
