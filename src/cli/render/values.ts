/** Text of values as tables and sentences show them. A value that is not there is a dash, never a zero. */
export const DASH = "-";

/** 0.5 -> `50.0 %`. */
export const percent = (share: number | null, digits = 1): string =>
  share === null ? DASH : `${(share * 100).toFixed(digits)} %`;

/** 0.81 with [0.75, 0.86] -> `81.0 % [75.0, 86.0]`. */
export const percentWithInterval = (
  estimate: { readonly value: number; readonly low: number; readonly high: number } | null,
): string =>
  estimate === null
    ? DASH
    : `${percent(estimate.value)} [${(estimate.low * 100).toFixed(1)}, ${(estimate.high * 100).toFixed(1)}]`;

export const decimal = (value: number | null, digits = 3): string => (value === null ? DASH : value.toFixed(digits));

/** 1234567 -> `1,234,567`. */
export const count = (value: number | null): string => (value === null ? DASH : value.toLocaleString("en-US"));

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** 1536 -> `1.5 KiB`. */
export function bytes(sizeBytes: number | null): string {
  if (sizeBytes === null) return DASH;
  const power = sizeBytes < 1 ? 0 : Math.min(Math.floor(Math.log2(sizeBytes) / 10), UNITS.length - 1);
  return `${power === 0 ? sizeBytes : (sizeBytes / 1024 ** power).toFixed(1)} ${UNITS[power]}`;
}

/** 90_000 -> `1 min 30 s`; the two largest units. */
export function duration(durationMs: number | null): string {
  if (durationMs === null) return DASH;
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 10_000) return `${(durationMs / 1_000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1_000);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}

/** `2026-02-08 14:03 UTC`. */
export const time = (timeMs: number | null): string =>
  timeMs === null ? DASH : `${new Date(timeMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
