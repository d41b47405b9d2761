import type { Policy } from "../core/policy.ts";
import { plural } from "./phrases.ts";

export interface QualityInput {
  readonly featureNames: readonly string[];
  /** The names that the specialist's schema asks for, in order. */
  readonly expectedNames: readonly string[];
  /** float64 [n] per feature, NaN = missing. */
  readonly columns: readonly Float64Array[];
  readonly labels: Uint8Array;
  readonly classes: readonly string[];
  /** float64 [n], ms since the epoch. */
  readonly timesMs: Float64Array;
  readonly nowMs: number;
  readonly policy: Policy;
  /** Class shares of the champion's dataset, if there is one. */
  readonly championShares?: readonly number[] | null;
  /** Rows of one group in both training and gate, as found by the caller; the split makes it 0. */
  readonly sharedGroups?: number;
}

export interface QualityCheck {
  readonly code: string;
  /** `block`: training may not start; `warn`: shown. */
  readonly effect: "block" | "warn";
  readonly passed: boolean;
  readonly value: number | null;
  readonly threshold: number | null;
  /** Columns or classes concerned. */
  readonly subjects: readonly string[];
  readonly sentence: string;
}

export interface QualityReport {
  readonly schema: "quality/1";
  readonly rows: number;
  readonly passed: boolean;
  readonly blocking: number;
  readonly warnings: number;
  readonly checks: readonly QualityCheck[];
}

/** Every threshold of the checks. Shares of rows or columns in [0, 1]. */
export const QUALITY_LIMITS = {
  /** A class below this share is hard to learn; above the other, always naming it is hard to beat. */
  classShareLow: 0.05,
  classShareHigh: 0.8,
  /** Largest change of a class share against the champion's dataset. */
  classShareShift: 0.3,
  /** Missing values of one column, and of all columns together. */
  columnMissing: 0.3,
  allMissing: 0.5,
  /** Share of columns that hold one value only: with more the opinions carry no plan. */
  constantColumns: 0.8,
  /** Rows outside 1.5 interquartile ranges in one column. */
  outliers: 0.1,
  correlation: 0.95,
  /** Rows with the same features and another label, as a share of all. */
  contradictions: 0.25,
  /** One column alone names the label this well although no class has more than leakMajority of the rows. */
  leak: 0.99,
  leakMajority: 0.9,
  leakLeastRows: 50,
  /** Rows with a time in the future. */
  future: 0,
  spanMs: 24 * 3_600_000,
} as const;

/** The report as one HTML page without scripts or outside resources. Every text is escaped. */
export function qualityReportHtml(report: QualityReport, title: string): string {
  const rows = report.checks.map((check) => {
    const state = check.passed ? "passed" : check.effect === "block" ? "blocks" : "warning";
    return `<tr class="${state}"><td>${state}</td><td>${escapeHtml(check.code)}</td><td>${escapeHtml(check.sentence)}</td></tr>`;
  });
  const outcome = report.passed
    ? `Training may start${report.warnings > 0 ? `, with ${plural(report.warnings, "warning")}` : ""}.`
    : `Training may not start: ${plural(report.blocking, "check")} ${report.blocking === 1 ? "blocks" : "block"}.`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style>body{font:15px/1.5 sans-serif;margin:2rem auto;max-width:60rem}td{padding:.3rem .8rem;border-top:1px solid #ccc;vertical-align:top}.blocks td:first-child{color:#b00020;font-weight:600}.warning td:first-child{color:#8a5a00;font-weight:600}.passed td:first-child{color:#1b6e3c}</style>
</head><body><h1>${escapeHtml(title)}</h1><p>${plural(report.rows, "row")}. ${outcome}</p><table>${rows.join("\n")}</table></body></html>
`;
}

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[sign] ?? sign);
