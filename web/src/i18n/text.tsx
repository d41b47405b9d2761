import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { load, save } from "../parts/remember.ts";
import { en } from "./en.ts";
import { type Format, formatFor } from "./format.ts";
import { chooseLocale, LOCALES, type Locale, type Messages, type TextKey, translate, type Values } from "./translate.ts";

export interface Language {
  readonly locale: Locale;
  setLocale(locale: Locale): void;
  t(key: TextKey, values?: Values): string;
  readonly format: Format;
}

const LanguageContext = createContext<Language | null>(null);

/** English is in the first bundle; Portuguese comes when it is asked for. */
const loadMessages = async (locale: Locale): Promise<Messages> => (locale === "en" ? en : (await import("./pt-br.ts")).ptBr);

export const firstLocale = (): Locale => {
  const kept = load("locale");
  return LOCALES.find((locale) => locale === kept) ?? chooseLocale(navigator.languages);
};

export function LanguageProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const [locale, choose] = useState(firstLocale);
  const [loaded, setLoaded] = useState<{ locale: Locale; messages: Messages } | null>(
    locale === "en" ? { locale, messages: en } : null,
  );
  useEffect(() => {
    let current = true;
    void loadMessages(locale).then((messages) => {
      if (current) setLoaded({ locale, messages });
    });
    return () => {
      current = false;
    };
  }, [locale]);
  const setLocale = useCallback((next: Locale) => {
    save("locale", next);
    choose(next);
  }, []);
  const language = useMemo(
    (): Language | null =>
      loaded && {
        locale: loaded.locale,
        setLocale,
        t: (key, values) => translate(loaded.messages, loaded.locale, key, values),
        format: formatFor(loaded.locale),
      },
    [loaded, setLocale],
  );
  useEffect(() => {
    if (language !== null) document.documentElement.lang = language.locale;
  }, [language]);
  return language === null ? null : <LanguageContext value={language}>{children}</LanguageContext>;
}

export function useLanguage(): Language {
  const language = useContext(LanguageContext);
  if (language === null) throw new Error("useLanguage outside of its provider");
  return language;
}
