import { digitsOf, matches, type Span } from "./span.ts";

const CPF = /(?<![\p{L}\p{N}]|\d[.,/-])\d{3}[. ]?\d{3}[. ]?\d{3}[- ]?\d{2}(?![\p{L}\p{N}]|[.,/-]\d)/gu;
/** Since July 2026 the first twelve may be letters too; the last two are digits still (Instrução Normativa RFB 2.229/2024). */
const CNPJ =
  /(?<![\p{L}\p{N}]|[A-Z\d][.,/-])[A-Z\d]{2}[. ]?[A-Z\d]{3}[. ]?[A-Z\d]{3}[/ ]?[A-Z\d]{4}[- ]?\d{2}(?![\p{L}\p{N}]|[.,/-]\d)/gu;

const CPF_WEIGHTS = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2];
const CNPJ_WEIGHTS = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];

/** Numbers of persons whose two check digits fit. */
export const findCpfs = (text: string): Span[] =>
  matches(text, CPF, "cpf", (found) => hasCheckDigits(digitsOf(found), CPF_WEIGHTS));

/** Numbers of companies whose two check digits fit, of digits or with letters. */
export const findCnpjs = (text: string): Span[] =>
  matches(text, CNPJ, "cnpj", (found) => !isTime(found) && hasCheckDigits(found.replaceAll(/[^A-Z\d]/g, ""), CNPJ_WEIGHTS));

/** Year, month, day, hour, minute, second without marks between. Head offices, which most numbers are, have 0001 where hour and minute stand. */
const TIME = /^(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!0001)(?:[01]\d|2[0-3])[0-5]\d[0-5]\d$/;
const isTime = (found: string): boolean => TIME.test(found);

/** The last two digits by weighted sums modulo 11 of those before; a letter counts as its ASCII code minus 48. All digits alike is no number. */
function hasCheckDigits(number: string, weights: readonly number[]): boolean {
  if (new Set(number).size === 1) return false;
  const length = weights.length + 1;
  if (number.length !== length) return false;
  const values = Array.from(number, (mark) => mark.charCodeAt(0) - 48);
  const digitAfter = (count: number): number => {
    const used = weights.slice(weights.length - count);
    const sum = used.reduce((total, weight, index) => total + weight * (values[index] ?? 0), 0);
    return sum % 11 < 2 ? 0 : 11 - (sum % 11);
  };
  return digitAfter(length - 2) === values[length - 2] && digitAfter(length - 1) === values[length - 1];
}
