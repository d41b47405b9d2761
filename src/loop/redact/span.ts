/** Kinds of personal data that are found. Names of people are not: no small library finds them in pt and en without taking half of a plan's words. */
export const PII_KINDS = ["email", "phone", "iban", "card", "ip", "cpf", "cnpj"] as const;
export type PiiKind = (typeof PII_KINDS)[number];

/** Where something stands in a text: UTF-16 offsets, `end` is the first one after it. */
export interface Span {
  readonly kind: PiiKind;
  readonly start: number;
  readonly end: number;
}

/**
 * Every match of a pattern that passes a check. Patterns repeat at most a bounded number of times and never one repetition in another, so
 * that each place of a text is tried a bounded number of times: the work grows with the length of the text, whatever it holds.
 */
export function matches(text: string, pattern: RegExp, kind: PiiKind, passes: (found: string, start: number) => boolean): Span[] {
  const spans: Span[] = [];
  for (const { 0: found, index } of text.matchAll(pattern))
    if (passes(found, index)) spans.push({ kind, start: index, end: index + found.length });
  return spans;
}

export const digitsOf = (text: string): string => text.replace(/\D/g, "");
