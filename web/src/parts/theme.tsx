import { type ReactNode, useEffect, useState } from "react";
import { useLanguage } from "../i18n/text.tsx";
import { Icon } from "./icon.tsx";
import { load, save } from "./remember.ts";

const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export const keptTheme = (): Theme => THEMES.find((theme) => theme === load("theme")) ?? "auto";
export const applyTheme = (theme: Theme): void => {
  document.documentElement.dataset.theme = theme;
};

/** Goes round: as the system, light, dark. */
export function ThemeButton(): ReactNode {
  const { t } = useLanguage();
  const [theme, setTheme] = useState(keptTheme);
  useEffect(() => {
    applyTheme(theme);
    save("theme", theme);
  }, [theme]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
  const label = t("theme.now", { theme: t(`theme.${theme}`), next: t(`theme.${next}`) });
  return (
    <button type="button" className="quiet icon-button" onClick={() => setTheme(next)} aria-label={label} title={label}>
      <Icon name={theme === "auto" ? "half" : theme === "light" ? "sun" : "moon"} />
    </button>
  );
}
