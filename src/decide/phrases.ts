/** Numbers as people read them, for the sentences of verdicts and findings. Always English, never dependent on the machine's locale. */

export const percent = (value: number): string => `${round(value * 100, 1)} %`;

/** A probability as a percentage that never claims certainty. */
export function chance(value: number): string {
  if (value < 0.001) return "under 0.1 %";
  return value > 0.999 ? "over 99.9 %" : percent(value);
}

/** A difference of shares in percentage points, with its sign. */
export function points(value: number): string {
  const shown = round(value * 100, 1);
  return `${value > 0 ? "+" : ""}${shown} ${Math.abs(Number(shown)) === 1 ? "point" : "points"}`;
}

/** Two differences of shares as a range: "+40 to +55 points". */
export function pointsRange(low: number, high: number): string {
  const short = (value: number): string => points(value).replace(/ points?$/, "");
  return `${short(low)} to ${short(high)} points`;
}

/** The size of a difference of shares in percentage points, without a plus. */
export const magnitude = (value: number): string => points(value).replace("+", "");

/** Three decimals; very small and very near to 1 stay visible. */
export function thousandths(value: number): string {
  if (value > 0 && value < 1e-9) return "less than 1e-9";
  if (value !== 0 && Math.abs(value) < 0.0005) return value.toExponential(1);
  if (value < 1 && value > 0.9995) return "more than 0.999";
  return round(value, 3);
}

/** The same as a statement about a letter: `p ${relation(0.01)}` reads "p = 0.01", or "p < 1e-9". */
export const relation = (value: number): string =>
  thousandths(value).includes("than")
    ? thousandths(value).replace("less than", "<").replace("more than", ">")
    : `= ${thousandths(value)}`;

/** A probability as a statement, never claimed to be certain: "> 0.999". */
export const likelihood = (value: number): string => (value > 0.9995 ? "> 0.999" : relation(value));

export const times = (count: number): string => (count === 1 ? "once" : `${grouped(count)} times`);

export const plural = (count: number, one: string, many = `${one}s`): string => `${grouped(count)} ${count === 1 ? one : many}`;

/** Below a tenth of a millisecond in microseconds: "0 ms" says nothing. */
export const milliseconds = (value: number): string =>
  value > 0 && value < 0.1 ? `${round(value * 1_000, value < 0.01 ? 2 : 0)} µs` : `${round(value, value < 10 ? 2 : 0)} ms`;

export function bytes(value: number): string {
  if (value >= 1e6) return `${round(value / 1e6, 1)} MB`;
  return value >= 1e3 ? `${round(value / 1e3, 1)} kB` : `${round(value, 0)} bytes`;
}

export function duration(ms: number): string {
  const scales: readonly (readonly [number, string])[] = [
    [86_400_000, "day"],
    [3_600_000, "hour"],
    [60_000, "minute"],
    [1_000, "second"],
  ];
  for (const [scale, name] of scales) {
    if (ms >= scale) {
      const shown = round(ms / scale, ms / scale < 10 ? 1 : 0);
      return `${shown} ${name}${shown === "1" ? "" : "s"}`;
    }
  }
  return `${round(ms, 0)} ms`;
}

/** Time of work, in minutes or hours: a day of review is not 24 hours. */
export function workTime(minutes: number): string {
  return minutes < 90
    ? plural(Math.max(1, Math.round(minutes)), "minute")
    : plural(Number(round(minutes / 60, minutes < 600 ? 1 : 0)), "hour");
}

/** 1234567 -> "1,234,567"; fractions keep one digit. */
export function grouped(value: number): string {
  const [whole = "0", fraction] = round(value, 1).split(".");
  const spaced = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return fraction === undefined ? spaced : `${spaced}.${fraction}`;
}

function round(value: number, digits: number): string {
  const text = value.toFixed(digits);
  const short = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  return short === "-0" ? "0" : short;
}
