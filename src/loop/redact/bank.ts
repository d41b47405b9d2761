import { digitsOf, matches, type Span } from "./span.ts";

/** Length of an account number by country. Source: SWIFT IBAN Registry, release 99. */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  `AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27
   GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22
   MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28
   TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30`
    .split(/\s+/)
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);
const IBAN_START = /(?<![\p{L}\p{N}])[A-Z]{2}\d{2}(?=[ -]?[A-Z0-9])/giu;

/** Account numbers whose check digits fit (ISO 7064, mod 97), in one word or in groups with blanks or hyphens between. */
export function findIbans(text: string): Span[] {
  const spans: Span[] = [];
  for (const { 0: found, index } of text.matchAll(IBAN_START)) {
    const length = IBAN_LENGTHS.get(found.slice(0, 2).toUpperCase());
    const end = length === undefined ? null : endOf(text, index, length);
    if (end === null || /[\p{L}\p{N}]/u.test(text.charAt(end))) continue;
    if (mod97(text.slice(index, end).replaceAll(/[ -]/g, "").toUpperCase()) === 1)
      spans.push({ kind: "iban", start: index, end });
  }
  return spans;
}

/** Where the `length`-th letter or digit from `start` on ends; null when something else but single blanks or hyphens stands between. */
function endOf(text: string, start: number, length: number): number | null {
  let taken = 0;
  for (let at = start; at < text.length; at += 1) {
    if (/[A-Za-z0-9]/.test(text.charAt(at))) taken += 1;
    else if (!/[ -]/.test(text.charAt(at)) || /[ -]/.test(text.charAt(at - 1))) return null;
    if (taken === length) return at + 1;
  }
  return null;
}

function mod97(iban: string): number {
  let rest = 0;
  for (const mark of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(mark, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest;
}

const CARD = /(?<![\p{L}\p{N}]|\d[.,-])\d(?:[ -]?\d){12,18}(?![\p{L}\p{N}]|[.,-]\d)/gu;
/** First digits and lengths of cards in use: Visa, Mastercard, Amex, Diners, Discover, JCB, UnionPay, Maestro, Elo, Hipercard. */
const BRANDS: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^4/, [13, 16, 19]],
  [/^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  [/^3[47]/, [15]],
  [/^3(0[0-5]|[689])/, [14, 16, 19]],
  [/^(6011|64[4-9]|65)/, [16, 17, 18, 19]],
  [/^35(2[89]|[3-8])/, [16, 17, 18, 19]],
  [/^62/, [16, 17, 18, 19]],
  [/^(50[0-9]|5[6-9]|6[379])/, [13, 14, 15, 16, 17, 18, 19]],
  [/^(606282|3841)/, [13, 16, 19]],
];

/** Card numbers of a known brand and length whose last digit fits (Luhn). */
export const findCards = (text: string): Span[] =>
  matches(text, CARD, "card", (found) => {
    const digits = digitsOf(found);
    return BRANDS.some(([start, lengths]) => start.test(digits) && lengths.includes(digits.length)) && luhn(digits);
  });

function luhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = Number(digits.at(-1 - index));
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
