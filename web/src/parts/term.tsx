import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import type { TermName } from "../i18n/glossary-en.ts";
import { useLanguage } from "../i18n/text.tsx";

/** The definitions of a language; no part of the first bundle. */
const loadGlossary = async (locale: string): Promise<Readonly<Record<TermName, string>>> =>
  locale === "pt-BR" ? (await import("../i18n/glossary-pt.ts")).glossaryPt : (await import("../i18n/glossary-en.ts")).glossaryEn;

/** A word or number whose definition shows on hover, focus or tap; Escape puts it away. */
export function Term({ name, children }: { readonly name: TermName; readonly children: ReactNode }): ReactNode {
  const { locale } = useLanguage();
  const id = useId();
  const [open, setOpen] = useState(false);
  const [place, setPlace] = useState<"start" | "end">("start");
  const button = useRef<HTMLButtonElement>(null);
  const glossary = useQuery({
    queryKey: ["glossary", locale],
    queryFn: () => loadGlossary(locale),
    staleTime: Number.POSITIVE_INFINITY,
    enabled: open,
  });
  useEffect(() => {
    if (!open) return;
    const left = button.current?.getBoundingClientRect().left ?? 0;
    setPlace(left > document.documentElement.clientWidth / 2 ? "end" : "start");
    const close = (event: KeyboardEvent): void => {
      if (event.key === "Escape") setOpen(false);
    };
    document.addEventListener("keydown", close);
    return () => document.removeEventListener("keydown", close);
  }, [open]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the pointer may wander from the word to its definition; keys have the button
    <span className="term" onMouseEnter={() => setOpen(true)} onMouseLeave={() => setOpen(false)}>
      <button
        ref={button}
        type="button"
        aria-expanded={open}
        aria-describedby={open ? id : undefined}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onClick={() => setOpen(true)}
      >
        {children}
      </button>
      {open && (
        <span role="tooltip" id={id} className="definition" data-place={place}>
          {glossary.data?.[name] ?? "…"}
        </span>
      )}
    </span>
  );
}
