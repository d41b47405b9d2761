import { displayWidth } from "./display-width.ts";
import { DASH } from "./values.ts";

/** Ids, versions, times and differences as the tables of the command line show them. */

/** With its sign: `+0.012`. */
export const signed = (value: number | null): string =>
  value === null ? DASH : `${value > 0 ? "+" : ""}${Object.is(Number(value.toFixed(3)), -0) ? "0.000" : value.toFixed(3)}`;

/** `2026-11-22 21:44`, UTC, of an ISO time. */
export const minuteOf = (iso: string | null | undefined): string =>
  iso === null || iso === undefined ? DASH : iso.slice(0, 16).replace("T", " ");

/** The first digits of a long id, as many as a command takes for the whole. */
export const shortId = (id: string | null | undefined): string => {
  if (id === null || id === undefined) return DASH;
  const [, prefix = "", digits = ""] = /^([a-z]+-)?([0-9a-f]{32,})$/.exec(id) ?? [];
  return digits === "" ? id : prefix + digits.slice(0, 10);
};

/** A probability in words of a table: the ends stay open, since neither certainty can be measured. */
export const chance = (value: number): string =>
  value > 0.999 ? "over 99.9 %" : value < 0.001 ? "under 0.1 %" : `${(100 * value).toFixed(1)} %`;

export const versionOf = (version: string | null | undefined): string =>
  version === null || version === undefined ? DASH : `v${version}`;

/** A message without the error's code and the specialist's name before it, for places where both stand already. */
export function bareMessage(message: string, specialist: string, code = ""): string {
  const withoutCode = code !== "" && message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message;
  return withoutCode.startsWith(`${specialist}: `) ? withoutCode.slice(specialist.length + 2) : withoutCode;
}

/** The first sentences that fit into about `characters`, at least one; the second part tells whether all of them did. */
export function firstSentences(text: string, characters: number): { readonly text: string; readonly whole: boolean } {
  const sentences = text.split(/(?<=[.;]) (?=[A-Z\d`])/);
  let kept = sentences[0] ?? "";
  let count = 1;
  for (; count < sentences.length && kept.length + (sentences[count]?.length ?? 0) < characters; count += 1)
    kept += ` ${sentences[count]}`;
  return { text: kept, whole: count >= sentences.length };
}

/** Breaks a text at spaces, never before a percent sign, into lines of at most `width` cells. Its own leading spaces stay; the other lines begin with `indent`. */
export function wrap(text: string, width: number, indent = ""): string {
  const lines: string[] = [];
  const [first = "", ...words] = text.trimStart().split(/ (?!%)/);
  let line = text.slice(0, text.length - text.trimStart().length) + first;
  for (const word of words) {
    if (displayWidth(`${line} ${word}`) <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = indent + word;
    }
  }
  lines.push(line);
  return lines.join("\n");
}
