import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import type { Permission } from "../../../src/core/identity.ts";
import { useLiveEvents } from "../api/live.ts";
import { useMe, useSignIn } from "../api/session.tsx";
import { useLanguage } from "../i18n/text.tsx";
import { LOCALES } from "../i18n/translate.ts";
import { Icon, type IconName } from "./icon.tsx";
import { ThemeButton } from "./theme.tsx";

interface View {
  readonly path: string;
  readonly name: Extract<IconName, "overview" | "review" | "runs" | "models" | "evidence" | "audit" | "settings" | "tokens">;
  readonly permission: Permission;
}

/** In the order of the menu. A view stands there only for those who may see it; the server refuses the others in any case. */
const VIEWS: readonly View[] = [
  { path: "/", name: "overview", permission: "read" },
  { path: "/review", name: "review", permission: "review" },
  { path: "/runs", name: "runs", permission: "read" },
  { path: "/models", name: "models", permission: "read" },
  { path: "/evidence", name: "evidence", permission: "read" },
  { path: "/audit", name: "audit", permission: "administer" },
  { path: "/settings", name: "settings", permission: "read" },
  { path: "/tokens", name: "tokens", permission: "administer" },
];

const isAt = (location: string, path: string): boolean =>
  path === "/" ? location === "/" : location === path || location.startsWith(`${path}/`);

export function Shell({ children }: { readonly children: ReactNode }): ReactNode {
  const { t } = useLanguage();
  const { may } = useMe();
  const [location] = useLocation();
  const [open, setOpen] = useState(false);
  const live = useLiveEvents(may("read"));
  const main = useRef<HTMLElement>(null);
  const views = VIEWS.filter(({ permission }) => may(permission));
  const here = VIEWS.find(({ path }) => isAt(location, path)) ?? (location.startsWith("/verdicts") ? VIEWS[2] : undefined);
  const title = here === undefined ? "Requeen" : `${t(`nav.${here.name}`)} · Requeen`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new place is what this waits for
  useEffect(() => {
    setOpen(false);
    // a screen reader goes on at the new view, not at the link that led there
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
    window.scrollTo(0, 0);
  }, [location]);
  return (
    <>
      <a className="skip-link" href="#main">
        {t("nav.skip")}
      </a>
      <header className="top">
        <button
          type="button"
          className="quiet icon-button menu-button"
          aria-expanded={open}
          aria-controls="menu"
          aria-label={t("nav.menu")}
          onClick={() => setOpen(!open)}
        >
          <Icon name={open ? "close" : "menu"} />
        </button>
        <Link href="/" className="brand">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M16 2 28 9v14l-12 7L4 23V9z" className="brand-cell" />
            <path d="m9 14 3.5 3L16 11l3.5 6L23 14l-1.5 8h-11z" className="brand-crown" />
          </svg>
          Requeen
        </Link>
        <span className="live" data-state={live} title={t(`live.${live}.help`)}>
          {t(`live.${live}`)}
        </span>
        <ThemeButton />
        <LocaleButton />
        <AccountMenu />
      </header>
      <nav id="menu" className="side" aria-label={t("nav.views")} data-open={open}>
        <ul>
          {views.map(({ path, name }) => (
            <li key={path}>
              <Link href={path} aria-current={isAt(location, path) || here?.path === path ? "page" : undefined}>
                <Icon name={name} />
                {t(`nav.${name}`)}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

export function LocaleButton(): ReactNode {
  const { t, locale, setLocale } = useLanguage();
  const next = LOCALES.find((other) => other !== locale) ?? "en";
  return (
    <button
      type="button"
      className="quiet icon-button"
      lang={next}
      onClick={() => setLocale(next)}
      aria-label={t("locale.switch")}
      title={t("locale.switch")}
    >
      {next === "en" ? "EN" : "PT"}
    </button>
  );
}

function AccountMenu(): ReactNode {
  const { t } = useLanguage();
  const { me } = useMe();
  const { signOut } = useSignIn();
  return (
    <span className="account">
      <span className="account-name" title={me.roles.join(", ")}>
        {me.subject}
      </span>
      <button
        type="button"
        className="quiet icon-button"
        onClick={() => void signOut()}
        aria-label={t("action.sign-out")}
        title={t("action.sign-out")}
      >
        <Icon name="out" />
      </button>
    </span>
  );
}
