import type { Locale } from "./translate.ts";

export interface Format {
  number(value: number, digits?: number): string;
  /** 0.915 -> 91.5 % */
  percent(value: number | null | undefined, digits?: number): string;
  /** A difference of shares in points of percent, with its sign. */
  points(value: number | null | undefined): string;
  signed(value: number | null | undefined, digits?: number): string;
  moment(iso: string | number): string;
  day(iso: string | number): string;
  clock(iso: string | number): string;
  /** A stretch of time in its largest fitting unit: 90,000 ms -> 1.5 min. */
  duration(ms: number | null | undefined): string;
  bytes(value: number): string;
}

const ABSENT = "–";

/** How numbers and times look in a language; the time zone is the reader's. */
export function formatFor(locale: Locale): Format {
  const fixed = (value: number, digits: number, more: Intl.NumberFormatOptions = {}): string =>
    new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits, ...more }).format(value);
  const orAbsent = (value: number | null | undefined, show: (value: number) => string): string =>
    value === null || value === undefined || Number.isNaN(value) ? ABSENT : show(value);
  const unit = (value: number, name: string, digits: number): string =>
    new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits }).format(
      value,
    );
  const date = (iso: string | number, options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat(locale, options).format(new Date(iso));
  return {
    number: (value, digits = 0) => fixed(value, digits),
    percent: (value, digits = 1) => orAbsent(value, (one) => fixed(one, digits, { style: "percent" })),
    points: (value) => orAbsent(value, (one) => fixed(100 * one, 1, { signDisplay: "exceptZero" })),
    signed: (value, digits = 3) => orAbsent(value, (one) => fixed(one, digits, { signDisplay: "exceptZero" })),
    moment: (iso) => date(iso, { dateStyle: "medium", timeStyle: "short" }),
    day: (iso) => date(iso, { dateStyle: "medium" }),
    clock: (iso) => date(iso, { timeStyle: "medium" }),
    duration: (ms) =>
      orAbsent(ms, (one) => {
        if (one < 1_000) return unit(one, "millisecond", 0);
        if (one < 60_000) return unit(one / 1_000, "second", 1);
        if (one < 3_600_000) return unit(one / 60_000, "minute", 1);
        return one < 86_400_000 ? unit(one / 3_600_000, "hour", 1) : unit(one / 86_400_000, "day", 1);
      }),
    bytes: (value) =>
      value < 1_000
        ? unit(value, "byte", 0)
        : value < 1_000_000
          ? unit(value / 1_000, "kilobyte", 1)
          : unit(value / 1_000_000, "megabyte", 1),
  };
}
