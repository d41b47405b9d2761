import type { en } from "./en.ts";

export const LOCALES = ["en", "pt-BR"] as const;
export type Locale = (typeof LOCALES)[number];

/** Every text of the pages. A key that ends in `.one` or `.other` is asked for without the ending and with `count`. */
export type Messages = Readonly<Record<keyof typeof en, string>>;
type Stem<Key extends string> = Key extends `${infer Base}.one` | `${infer Base}.other` ? Base : Key;
export type TextKey = Stem<keyof typeof en>;
export type Values = Readonly<Record<string, string | number>>;

/** `{name}` in a text becomes the value of that name; numbers in the way of the language. */
export function translate(messages: Messages, locale: Locale, key: TextKey, values: Values = {}): string {
  const { count } = values;
  const table: Readonly<Record<string, string>> = messages;
  const form = typeof count === "number" ? new Intl.PluralRules(locale).select(count) : "other";
  // Portuguese has the form `many` for millions, which reads like `other` here
  const text = table[key] ?? table[`${key}.${form}`] ?? table[`${key}.other`] ?? key;
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? new Intl.NumberFormat(locale).format(value) : value;
  });
}

/** The language of a browser that wants these, best first. */
export const chooseLocale = (wanted: readonly string[]): Locale =>
  wanted.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => tag === "pt" || tag === "en") === "pt" ? "pt-BR" : "en";
