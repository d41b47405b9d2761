import { digitsOf, matches, type Span } from "./span.ts";

const SEPARATOR = "[ .-]?";
/** `+` and 8 to 15 digits in groups. */
const INTERNATIONAL = /(?<![\p{L}\p{N}+])\+\d(?:[ .()-]{0,2}\d){7,14}(?!\d)/gu;
/** Area code in brackets or not, then four or five digits, then four: Brazil. */
const BRAZIL = new RegExp(
  `(?<![\\p{L}\\p{N}]|\\d[.,/-])(?:\\(0?\\d{2}\\) ?|0?\\d{2}[ -]?)\\d{4,5}${SEPARATOR}\\d{4}(?![\\p{L}\\p{N}]|[.,/-]\\d)`,
  "gu",
);
/** Three, three and four digits with a mark between: North America. */
const NORTH_AMERICA =
  /(?<![\p{L}\p{N}]|\d[.,/-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[.-])[2-9]\d{2}[ .-]\d{4}(?![\p{L}\p{N}]|[.,/-]\d)/gu;
/** A zero, then groups with blanks between, ten or eleven digits together: Britain. */
const BRITAIN = /(?<![\p{L}\p{N}]|\d[.,/-])\(?0[1-9]\d{1,3}\)? \d{3,4} ?\d{3,4}(?![\p{L}\p{N}]|[.,/-]\d)/gu;
/** Any group of seven to thirteen digits, where a word says that it is a telephone. */
const CUED = /(?<![\p{L}\p{N}+]|\d[.,/-])\(?\d(?:[ .()-]{0,2}\d){6,12}(?![\p{L}\p{N}]|[.,/-]\d)/gu;
const CUE =
  /(?<!\p{L})(?:telefone|telem[oó]vel|celular|fone|cel|tel|whats\s?app|whats|zap|ligar|ligue|(?:me|te|lhe|nos) liga|liga[-\s]me|contato|meu n[uú]mero|my number|phone|mobile|fax|ring|call (?:me|us|him|her|back))s?\W{0,4}(?:\p{L}{1,12}\W{1,3}){0,2}$/iu;
const CUE_REACH = 48;

/** Area codes of Brazil (ANATEL). */
const AREAS = new Set(
  "11 12 13 14 15 16 17 18 19 21 22 24 27 28 31 32 33 34 35 37 38 41 42 43 44 45 46 47 48 49 51 53 54 55 61 62 63 64 65 66 67 68 69 71 73 74 75 77 79 81 82 83 84 85 86 87 88 89 91 92 93 94 95 96 97 98 99".split(
    " ",
  ),
);

export const findPhones = (text: string): Span[] => [
  ...matches(text, INTERNATIONAL, "phone", (found) => isInternational(digitsOf(found))),
  ...matches(text, BRAZIL, "phone", (found) => isBrazilian(digitsOf(found).replace(/^0/, ""), /\D/.test(found))),
  ...matches(text, NORTH_AMERICA, "phone", () => true),
  ...matches(text, BRITAIN, "phone", (found) => [10, 11].includes(digitsOf(found).length)),
  ...matches(text, CUED, "phone", (_found, start) => CUE.test(text.slice(Math.max(0, start - CUE_REACH), start))),
];

function isInternational(digits: string): boolean {
  if (digits.startsWith("55")) return isBrazilian(digits.slice(2), true);
  if (digits.startsWith("1")) return /^1[2-9]\d{2}[2-9]\d{6}$/.test(digits);
  return digits.length >= 9;
}

/** Eight digits from 2 to 5 on (fixed), or nine from 9 on (mobile), after a known area code. Without a mark between, only mobile ones. */
function isBrazilian(digits: string, isMarked: boolean): boolean {
  if (!AREAS.has(digits.slice(0, 2))) return false;
  const local = digits.slice(2);
  return /^9\d{8}$/.test(local) || (isMarked && /^[2-5]\d{7}$/.test(local));
}
